package eval

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// convert returns the conversion of an element: floats to integers truncate and saturate, NaN gives 0; integers wrap;
// integers to floats round to nearest even, once; to Bool is the comparison with zero (NaN is true).
func convert(from, to tensor.DType) func(uint64) uint64 {
	switch {
	case from == to:
		return canonicalBits(to)
	case to == tensor.Bool && from.IsFloat():
		return func(b uint64) uint64 { return truth(tensor.DecodeFloat(from, b) != 0) }
	case to == tensor.Bool:
		return func(b uint64) uint64 { return truth(b != 0) }
	case from == tensor.F64 && to == tensor.F32:
		return func(b uint64) uint64 { return bits32(float32(from64(b))) }
	case from == tensor.F32 && to == tensor.F64:
		return func(b uint64) uint64 { return bits64(float64(from32(b))) }
	case from.IsFloat():
		return func(b uint64) uint64 { return saturate(tensor.DecodeFloat(from, b), to) }
	case to.IsFloat():
		return intToFloat(from, to)
	case from == tensor.I32:
		return func(b uint64) uint64 { return wordOf(to).cut(uint64(int64(int32(uint32(b))))) }
	}
	return func(b uint64) uint64 { return wordOf(to).cut(b) }
}

// saturate truncates x toward zero and limits it to the range of the integer type d; NaN gives 0.
func saturate(x float64, d tensor.DType) uint64 {
	if x != x {
		return 0
	}
	switch d {
	case tensor.I32:
		return uint64(uint32(int32(max(math.MinInt32, min(math.MaxInt32, x)))))
	case tensor.U32:
		return uint64(uint32(int64(max(0, min(math.MaxUint32, x)))))
	case tensor.I64:
		switch {
		case x >= 1<<63:
			return math.MaxInt64
		case x < -1<<63:
			return 1 << 63
		}
		return uint64(int64(x))
	}
	switch { // U64
	case x >= 1<<64:
		return math.MaxUint64
	case x <= 0:
		return 0
	case x >= 1<<63: // beyond int64, whose conversion every machine does alike
		return uint64(int64(x-1<<63)) + 1<<63
	}
	return uint64(int64(x))
}

// intToFloat rounds once, also from 64 bits to float32.
func intToFloat(from, to tensor.DType) func(uint64) uint64 {
	signed := from == tensor.I32 || from == tensor.I64
	w := word{width: uint64(8 * from.Size()), signed: signed}
	switch {
	case to == tensor.F64 && signed:
		return func(b uint64) uint64 { return bits64(float64(w.wide(b))) }
	case to == tensor.F64:
		return func(b uint64) uint64 { return bits64(float64(b)) }
	case signed:
		return func(b uint64) uint64 { return bits32(float32(w.wide(b))) }
	}
	return func(b uint64) uint64 { return bits32(float32(b)) }
}
