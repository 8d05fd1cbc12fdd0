package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"runtime/debug"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/tensor"
)

const modulePath = "github.com/drey-sampler/drey"

// versionsOf returns the versions that can change a bit of an engine's draws.
func versionsOf(eng engine.Engine) store.Versions {
	v := store.Versions{Drey: "(devel)", Go: runtime.Version(), CodeGenerator: eng.Name(), CanonicalText: tensor.TextVersion}
	switch e := eng.(type) {
	case wasm.Engine:
		v.CodeGenerator = wasm.Generator
	case interface{ Version() string }: // XLA
		v.CodeGenerator = e.Version()
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == modulePath && m.Version != "" {
			v.Drey = m.Version
		}
	}
	return v
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
