package enginetest

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// edges are the floats where implementations differ first: signed zeros, subnormals, the limits of F32 and F64, halves
// for rounding, the ranges of exp and of conversions to integers.
var edges = []float64{
	0, math.Copysign(0, -1), 1, -1, math.NaN(), math.Inf(1), math.Inf(-1),
	5e-324, -5e-324, 2.2250738585072009e-308, 2.2250738585072014e-308, math.MaxFloat64, -math.MaxFloat64,
	1e-45, 1.1754942e-38, 3.4028235e38, -3.4028235e38, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994,
	709.78, -708.4, -745.1, 88.7, -103.9, 1 << 31, -1 << 31, 1<<31 - 0.5, 1 << 32, 1 << 53, 1 << 63, 1 << 64, 1e-300, 1e300,
}

// array returns random elements.
func (g *generator) array(d tensor.DType, shape []int) *tensor.Array {
	a := tensor.NewArray(d, shape)
	for i := range a.Bits {
		switch {
		case d == tensor.Bool:
			a.Bits[i] = uint64(g.r.IntN(2))
		case d.IsFloat():
			a.Bits[i] = g.float(d)
		default:
			a.Bits[i] = cut(d, g.integer())
		}
	}
	return a
}

func cut(d tensor.DType, x uint64) uint64 {
	if d.Size() == 4 {
		return uint64(uint32(x))
	}
	return x
}

func (g *generator) float(d tensor.DType) uint64 {
	u := g.r.Float64()
	switch {
	case g.wild && u < 0.4 || u < 0.03:
		return tensor.EncodeFloat(d, pick(g, edges))
	case g.wild && u < 0.5:
		return cut(d, g.r.Uint64())
	case u < 0.8:
		return tensor.EncodeFloat(d, 2*g.r.NormFloat64())
	}
	return tensor.EncodeFloat(d, g.r.NormFloat64()*math.Ldexp(1, g.between(-30, 30)))
}

func (g *generator) integer() uint64 {
	switch u := g.r.Float64(); {
	case u < 0.5:
		return uint64(int64(g.between(-20, 20)))
	case u < 0.7:
		return pick(g, []uint64{0, 1, 2, math.MaxUint64, 1 << 31, 1<<31 - 1, 1 << 63, 1<<63 - 1, 31, 32, 63, 64})
	}
	return g.r.Uint64()
}

// indices returns I32 indices of which most are in 0 … n-1, some just outside and a few far outside.
func (g *generator) indices(shape []int, n int) *tensor.Array {
	a := tensor.NewArray(tensor.I32, shape)
	for i := range a.Bits {
		x := g.between(0, max(0, n-1))
		switch u := g.r.Float64(); {
		case u < 0.2:
			x = g.between(-3, n+2)
		case u < 0.25:
			x = pick(g, []int{math.MinInt32, math.MaxInt32})
		}
		a.Bits[i] = uint64(uint32(int32(x)))
	}
	return a
}

func (g *generator) dtype(from ...tensor.DType) tensor.DType {
	if g.chance(0.4) { // programs are mostly of one dtype
		return from[len(from)-1]
	}
	return pick(g, from)
}

var (
	floats  = []tensor.DType{tensor.F32, tensor.F64}
	ints    = []tensor.DType{tensor.I64, tensor.U32, tensor.U64, tensor.I32}
	signed  = []tensor.DType{tensor.I32, tensor.I64, tensor.F32, tensor.F64}
	numbers = []tensor.DType{tensor.I32, tensor.I64, tensor.U32, tensor.U64, tensor.F32, tensor.F64}
)
