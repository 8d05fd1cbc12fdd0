//go:build !cgo || !(linux || darwin)

package xla

import (
	"errors"
	"runtime"

	"github.com/drey-sampler/drey/pkg/engine"
)

// errLeftOut says why there is no XLA here.
var errLeftOut = errors.New("xla: this build has no XLA: it was built with CGO_ENABLED=0; build with CGO_ENABLED=1 and a C compiler")

func init() {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		errLeftOut = errors.New("xla: this build has no XLA: drey has it on Linux and macOS")
	}
}

// Built reports whether this build has XLA; the error says why not.
func Built() error { return errLeftOut }

// Open returns the error of Built.
func Open(string, Config) (engine.Engine, error) { return nil, errLeftOut }

// Describe returns the error of Built.
func Describe(string, Config) (Info, error) { return Info{}, errLeftOut }
