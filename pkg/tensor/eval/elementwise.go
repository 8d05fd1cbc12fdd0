package eval

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
)

// unaryFunc and binaryFunc compute one element from the bit patterns of its operands.
type (
	unaryFunc  func(x uint64) uint64
	binaryFunc func(x, y uint64) uint64
)

func elementwise(n *tensor.Node, ex *expansions) (kernel, error) {
	if d := n.In[0].Node().DType; expand.IsExpanded(n.Op) {
		return ex.kernel(n.Op, d)
	}
	l, err := primitiveLoop(n)
	if err != nil {
		return nil, err
	}
	last := len(n.In) - 1
	return func(out *tensor.Array, in []*tensor.Array) {
		l(out.Bits, in[0].Bits, in[min(1, last)].Bits, in[last].Bits)
	}, nil
}

// primitiveUnary returns the operation on elements of dtype from with results of dtype to.
func primitiveUnary(op tensor.Op, from, to tensor.DType) (unaryFunc, error) {
	switch op {
	case tensor.OpStopGradient:
		return canonicalBits(to), nil
	case tensor.OpBitcast: // an integer may hold the bits of any NaN
		return canonicalBits(to), nil
	case tensor.OpConvert:
		return convert(from, to), nil
	case tensor.OpIsFinite:
		return isFinite(from), nil
	}
	var f unaryFunc
	switch {
	case from == tensor.Bool && op == tensor.OpNot:
		f = func(x uint64) uint64 { return x ^ 1 }
	case from.IsInt():
		f = intUnary(op, from)
	case from.IsFloat():
		if g := floatUnary(op); g != nil && from == tensor.F64 {
			f = func(x uint64) uint64 { return bits64(g(from64(x))) }
		} else if g != nil {
			f = func(x uint64) uint64 { return bits32(float32(g(float64(from32(x))))) }
		}
	}
	if f == nil {
		return nil, fmt.Errorf("%s of %s can not be evaluated", op, from)
	}
	return f, nil
}

func isFinite(d tensor.DType) unaryFunc {
	exponent := uint64(0x7ff << 52)
	if d == tensor.F32 {
		exponent = 0xff << 23
	}
	return func(b uint64) uint64 { return truth(b&exponent != exponent) }
}

// primitiveBinary returns the operation on elements of dtype d.
func primitiveBinary(op tensor.Op, d tensor.DType) (binaryFunc, error) {
	if op.IsCompare() {
		return compare(op, d), nil
	}
	var f binaryFunc
	switch {
	case d == tensor.Bool:
		f = bitwise(op)
	case d.IsInt():
		f = intBinary(op, d)
	case d == tensor.F64:
		if g := floatBinary64(op); g != nil {
			f = func(x, y uint64) uint64 { return bits64(g(from64(x), from64(y))) }
		}
	case d == tensor.F32:
		if g := floatBinary32(op); g != nil {
			f = func(x, y uint64) uint64 { return bits32(g(from32(x), from32(y))) }
		}
	}
	if f == nil {
		return nil, fmt.Errorf("%s of %s can not be evaluated", op, d)
	}
	return f, nil
}

// compare gives false for every comparison with NaN but Ne, which gives true.
func compare(op tensor.Op, d tensor.DType) binaryFunc {
	lt, eq := less(d), equal(d)
	switch op {
	case tensor.OpEq:
		return func(x, y uint64) uint64 { return truth(eq(x, y)) }
	case tensor.OpNe:
		return func(x, y uint64) uint64 { return truth(!eq(x, y)) }
	case tensor.OpLt:
		return func(x, y uint64) uint64 { return truth(lt(x, y)) }
	case tensor.OpLe:
		return func(x, y uint64) uint64 { return truth(lt(x, y) || eq(x, y)) }
	case tensor.OpGt:
		return func(x, y uint64) uint64 { return truth(lt(y, x)) }
	}
	return func(x, y uint64) uint64 { return truth(lt(y, x) || eq(x, y)) }
}

func equal(d tensor.DType) func(a, b uint64) bool {
	switch d {
	case tensor.F64:
		return func(a, b uint64) bool { return from64(a) == from64(b) }
	case tensor.F32:
		return func(a, b uint64) bool { return from32(a) == from32(b) }
	}
	return func(a, b uint64) bool { return a == b }
}
