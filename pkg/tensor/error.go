package tensor

import (
	"fmt"
	"runtime"
	"strings"
)

// Error reports a mistake in traced code: wrong shapes or dtypes, a Value used outside its region, an option out of
// range. Operations panic with it; Trace returns it.
type Error struct {
	Op   string // the operation, e.g. "add"
	Msg  string
	File string // position of the call in the caller's code, "" if unknown
	Line int
}

// Error returns the operation, the problem and the caller's position.
func (e *Error) Error() string {
	s := e.Msg
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.File != "" {
		s = fmt.Sprintf("%s (at %s:%d)", s, e.File, e.Line)
	}
	return s
}

const ownPackages = "github.com/drey-sampler/drey/pkg/"

// CallerOutside returns the file and line of the innermost stack frame that is neither in drey's own packages nor in
// the Go runtime: the place in a model that a message should name. Test files of drey's packages count as a caller's code.
func CallerOutside() (string, int) {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		own := strings.HasPrefix(f.Function, ownPackages) && !strings.HasSuffix(f.File, "_test.go")
		if !own && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "reflect.") && f.Function != "" {
			return f.File, f.Line
		}
		if !more {
			return "", 0
		}
	}
}

// Fail panics with an *Error at the caller's position. It is for packages that extend tracing (distributions, models).
func Fail(op, format string, args ...any) {
	file, line := CallerOutside()
	panic(&Error{Op: op, Msg: fmt.Sprintf(format, args...), File: file, Line: line})
}

func fail(op Op, format string, args ...any) { Fail(op.String(), format, args...) }
