package eval

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// The canonical NaN of each float type: quiet, positive, no payload.
const (
	nan64 = 0x7ff8000000000000
	nan32 = 0x7fc00000
)

// bits64 returns the bits of x, canonical if it is NaN.
func bits64(x float64) uint64 {
	if x != x {
		return nan64
	}
	return math.Float64bits(x)
}

func bits32(x float32) uint64 {
	if x != x {
		return nan32
	}
	return uint64(math.Float32bits(x))
}

func from64(b uint64) float64 { return math.Float64frombits(b) }
func from32(b uint64) float32 { return math.Float32frombits(uint32(b)) }

// canonicalBits returns the function that makes an element's bits canonical.
func canonicalBits(d tensor.DType) func(uint64) uint64 {
	switch d {
	case tensor.F64:
		return func(b uint64) uint64 { return bits64(from64(b)) }
	case tensor.F32:
		return func(b uint64) uint64 { return bits32(from32(b)) }
	case tensor.I32, tensor.U32:
		return func(b uint64) uint64 { return uint64(uint32(b)) }
	case tensor.Bool:
		return func(b uint64) uint64 { return truth(b != 0) }
	}
	return func(b uint64) uint64 { return b }
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// floatUnary returns the operations of one float that have an instruction of their own, as functions of float64. The
// same functions serve F32: a float32 widened, operated on and rounded gives the float32 result, exactly for those
// that only move or clear bits, and by the theorem on double rounding for square root (53 ≥ 2·24 + 2 bits; Figueroa 1995).
func floatUnary(op tensor.Op) func(float64) float64 {
	switch op {
	case tensor.OpNeg:
		return func(x float64) float64 { return -x }
	case tensor.OpAbs:
		return math.Abs
	case tensor.OpSign:
		return sign
	case tensor.OpSqrt:
		return math.Sqrt
	case tensor.OpFloor:
		return math.Floor
	case tensor.OpCeil:
		return math.Ceil
	case tensor.OpRound:
		return math.RoundToEven
	case tensor.OpTrunc:
		return math.Trunc
	}
	return nil
}

// sign keeps NaN and the sign of zero.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func floatBinary64(op tensor.Op) func(x, y float64) float64 {
	switch op {
	case tensor.OpAdd:
		return func(x, y float64) float64 { return x + y }
	case tensor.OpSub:
		return func(x, y float64) float64 { return x - y }
	case tensor.OpMul:
		return func(x, y float64) float64 { return x * y }
	case tensor.OpDiv:
		return func(x, y float64) float64 { return x / y }
	case tensor.OpRem:
		return func(x, y float64) float64 { return x - float64(y*math.Trunc(x/y)) }
	case tensor.OpMin:
		return func(x, y float64) float64 { return min(x, y) }
	case tensor.OpMax:
		return func(x, y float64) float64 { return max(x, y) }
	}
	return nil
}

func floatBinary32(op tensor.Op) func(x, y float32) float32 {
	switch op {
	case tensor.OpAdd:
		return func(x, y float32) float32 { return x + y }
	case tensor.OpSub:
		return func(x, y float32) float32 { return x - y }
	case tensor.OpMul:
		return func(x, y float32) float32 { return x * y }
	case tensor.OpDiv:
		return func(x, y float32) float32 { return x / y }
	case tensor.OpRem:
		return func(x, y float32) float32 { return x - float32(y*float32(math.Trunc(float64(x/y)))) }
	case tensor.OpMin:
		return func(x, y float32) float32 { return min(x, y) }
	case tensor.OpMax:
		return func(x, y float32) float32 { return max(x, y) }
	}
	return nil
}

// less returns the order of a dtype: NaN is below and above nothing, the zeros are equal.
func less(d tensor.DType) func(a, b uint64) bool {
	switch d {
	case tensor.F64:
		return func(a, b uint64) bool { return from64(a) < from64(b) }
	case tensor.F32:
		return func(a, b uint64) bool { return from32(a) < from32(b) }
	case tensor.I32:
		return func(a, b uint64) bool { return int32(a) < int32(b) }
	case tensor.I64:
		return func(a, b uint64) bool { return int64(a) < int64(b) }
	}
	return func(a, b uint64) bool { return a < b }
}

// isNaN returns the test for NaN of a dtype, false for integers and Bool.
func isNaN(d tensor.DType) func(b uint64) bool {
	switch d {
	case tensor.F64:
		return func(b uint64) bool { return b == nan64 }
	case tensor.F32:
		return func(b uint64) bool { return b == nan32 }
	}
	return func(uint64) bool { return false }
}
