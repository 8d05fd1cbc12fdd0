// Package tensor traces Go code into small static tensor programs: values, operations, control flow over structs of
// values, and the Func they form.
//
// A program is built by calling Trace with a Go function. The function receives parameters as Values and computes with
// methods and functions of this package; each call records one instruction. Nothing is computed while tracing: an
// engine (pkg/engine) compiles the Func, and package tensor/eval evaluates it directly.
//
// Shapes and dtypes are static. Operands of operations are of type any: a Value, a Go number or bool, or a (nested)
// slice of numbers. Go numbers are weak: they take the dtype of the other operand. Two Values of different dtypes are
// never promoted silently; the error names both. A Value that was built from Go numbers alone belongs to no trace yet
// and joins the first one that uses it, with that trace's float type.
//
// Misuse (shapes, dtypes, a Value used outside the region that made it) panics with *Error, which Trace recovers and
// returns with the position in the caller's code.
package tensor
