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

// root is the directory of drey's sources as stack frames have it, and ends with a slash.
var root = func() string {
	_, file, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(file, "pkg/tensor/error.go")
}()

// own reports whether a source file is drey's: the facade, pkg, internal or cmd. Test files and examples count as a caller's
// code. The name of a function would not tell: a generic or inlined one bears its caller's.
func own(file string) bool {
	name, ok := strings.CutPrefix(file, root)
	if !ok || strings.HasSuffix(name, "_test.go") {
		return false
	}
	dir, _, nested := strings.Cut(name, "/")
	return !nested || dir == "pkg" || dir == "internal" || dir == "cmd"
}

// CallerOutside returns the file and line of the innermost stack frame that is neither in drey's own packages nor in
// the Go runtime: the place in a model that a message should name.
func CallerOutside() (string, int) {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !own(f.File) && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "reflect.") && f.Function != "" {
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
