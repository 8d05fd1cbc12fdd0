package rng

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
)

// A uniform number is the centre of one of 2^52 (f64) or 2^23 (f32) equal intervals of (0, 1): (j + ½)/2^52 is a multiple
// of 2^-53, hence exact, and neither 0 nor 1 occurs. j fills the mantissa of a number in [1, 2), from which 1 - 2^-53 (or
// 1 - 2^-24) is subtracted exactly.
const (
	oneBits64 = 0x3ff0000000000000
	oneBits32 = 0x3f800000
	below64   = 1 - 0x1p-53
	below32   = 1 - 0x1p-24
)

// Uniform53 returns f64 numbers in (0, 1) on the grid of odd multiples of 2^-53, from the upper 52 bits of the u32 words hi, lo.
func Uniform53(hi, lo tensor.Value) tensor.Value {
	return uniform64(hi.Convert(tensor.U64), lo.Convert(tensor.U64))
}

// uniform64 is Uniform53 of U64 operands with clean upper halves.
func uniform64(hi, lo tensor.Value) tensor.Value {
	j := hi.Shl(20).Or(lo.Shr(12))
	return j.Or(uint64(oneBits64)).Bitcast(tensor.F64).Sub(below64)
}

// Uniform24 returns f32 numbers in (0, 1) on the grid of odd multiples of 2^-24, from the upper 23 bits of the u32 word w.
func Uniform24(w tensor.Value) tensor.Value {
	return w.Shr(9).Or(oneBits32).Bitcast(tensor.F32).Sub(below32)
}

// Float53 is Uniform53 on the host.
func Float53(hi, lo uint32) float64 {
	j := uint64(hi)<<20 | uint64(lo)>>12
	return math.Float64frombits(j|oneBits64) - below64
}

// Float24 is Uniform24 on the host.
func Float24(w uint32) float32 {
	return math.Float32frombits(w>>9|oneBits32) - below32
}

// Uniform returns numbers in (0, 1), of the trace's float type. In f64, element e takes words 2(e mod 2) (upper) and
// 2(e mod 2)+1 of block e/2; in f32, word e mod 4 of block e/4.
func (k Key) Uniform(shape ...int) tensor.Value {
	n := tensor.NumElements(shape)
	if tensor.FloatType(k.Seed) == tensor.F32 {
		return Uniform24(k.Bits(shape...))
	}
	a, b := k.uniformPairs64(n)
	return interleave(shape, a, b)
}

// uniformPairs64 returns the two f64 numbers of each of the blocks that n numbers need.
func (k Key) uniformPairs64(n int) (a, b tensor.Value) {
	w := k.blocks((n + 1) / 2)
	for i := range w {
		w[i] = w[i].And(uint64(mask32))
	}
	return uniform64(w[0], w[1]), uniform64(w[2], w[3])
}

// Normal returns standard normal numbers of the trace's float type by the transform of Box & Muller (1958): of two uniforms
// u, v of one block, elements 2i and 2i+1 are √(-2 log u) times the cosine and sine of 2π(v - ½). In f64 a block gives one
// pair, in f32 two.
func (k Key) Normal(shape ...int) tensor.Value {
	n := tensor.NumElements(shape)
	if tensor.FloatType(k.Seed) == tensor.F64 {
		a, b := expand.NormalPair(k.uniformPairs64(n))
		return interleave(shape, a, b)
	}
	w := k.blocks((n + 3) / 4)
	for i := range w {
		w[i] = Uniform24(w[i].Convert(tensor.U32))
	}
	a, b := expand.NormalPair(w[0], w[1])
	c, d := expand.NormalPair(w[2], w[3])
	return interleave(shape, a, b, c, d)
}
