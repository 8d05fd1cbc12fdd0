package eval

import (
	"math/bits"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// word describes the arithmetic of an integer dtype on bit patterns: width in bits, and the reading of an element as a
// 64-bit integer. Sums, products and shifts to the left are taken modulo 2^64 and cut to the width.
type word struct {
	width  uint64
	signed bool
}

func wordOf(d tensor.DType) word { return word{uint64(d.Bits()), d.IsSigned()} }

func (w word) cut(x uint64) uint64 {
	if w.width == 32 {
		return uint64(uint32(x))
	}
	return x
}

// wide sign-extends the element of a signed type.
func (w word) wide(x uint64) int64 {
	if w.width == 32 {
		return int64(int32(uint32(x)))
	}
	return int64(x)
}

func intUnary(op tensor.Op, d tensor.DType) func(uint64) uint64 {
	w := wordOf(d)
	switch op {
	case tensor.OpNeg:
		return func(x uint64) uint64 { return w.cut(-x) }
	case tensor.OpAbs: // the smallest integer is its own absolute value
		return func(x uint64) uint64 {
			if w.wide(x) < 0 {
				return w.cut(-x)
			}
			return x
		}
	case tensor.OpSign:
		return func(x uint64) uint64 {
			switch v := w.wide(x); {
			case v > 0:
				return 1
			case v < 0:
				return w.cut(^uint64(0))
			}
			return 0
		}
	case tensor.OpNot:
		return func(x uint64) uint64 { return w.cut(^x) }
	case tensor.OpPopcount:
		return func(x uint64) uint64 { return uint64(bits.OnesCount64(x)) }
	}
	return nil
}

func intBinary(op tensor.Op, d tensor.DType) func(x, y uint64) uint64 {
	w, lt := wordOf(d), less(d)
	switch op {
	case tensor.OpAdd:
		return func(x, y uint64) uint64 { return w.cut(x + y) }
	case tensor.OpSub:
		return func(x, y uint64) uint64 { return w.cut(x - y) }
	case tensor.OpMul:
		return func(x, y uint64) uint64 { return w.cut(x * y) }
	case tensor.OpDiv:
		return func(x, y uint64) uint64 { return w.div(x, y) }
	case tensor.OpRem:
		return func(x, y uint64) uint64 { return w.rem(x, y) }
	case tensor.OpMin:
		return func(x, y uint64) uint64 {
			if lt(y, x) {
				return y
			}
			return x
		}
	case tensor.OpMax:
		return func(x, y uint64) uint64 {
			if lt(x, y) {
				return y
			}
			return x
		}
	case tensor.OpShl:
		return func(x, y uint64) uint64 { return w.cut(x << (y % w.width)) }
	case tensor.OpShr:
		return func(x, y uint64) uint64 {
			if w.signed {
				return w.cut(uint64(w.wide(x) >> (y % w.width)))
			}
			return x >> (y % w.width)
		}
	}
	return bitwise(op)
}

// bitwise returns and, or and xor, which are the same for Bool and integers.
func bitwise(op tensor.Op) func(x, y uint64) uint64 {
	switch op {
	case tensor.OpAnd:
		return func(x, y uint64) uint64 { return x & y }
	case tensor.OpOr:
		return func(x, y uint64) uint64 { return x | y }
	case tensor.OpXor:
		return func(x, y uint64) uint64 { return x ^ y }
	}
	return nil
}

// div truncates toward zero and gives 0 for y = 0. Go defines the smallest integer divided by -1 as itself.
func (w word) div(x, y uint64) uint64 {
	switch {
	case y == 0:
		return 0
	case w.signed:
		return w.cut(uint64(w.wide(x) / w.wide(y)))
	}
	return x / y
}

// rem has the sign of x and gives 0 for y = 0.
func (w word) rem(x, y uint64) uint64 {
	switch {
	case y == 0:
		return 0
	case w.signed:
		return w.cut(uint64(w.wide(x) % w.wide(y)))
	}
	return x % y
}
