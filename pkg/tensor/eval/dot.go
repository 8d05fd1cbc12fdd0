package eval

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// field is the arithmetic of sums of products in float64. For F32 each product and each sum is rounded to float32,
// which gives what float32 arithmetic gives: the product of two float32 is exact in float64, and rounding a sum to 53
// bits before 24 changes nothing (53 ≥ 2·24 + 2; Figueroa 1995). The same holds for quotients and square roots.
type field struct{ single bool }

func (f field) round(x float64) float64 {
	if f.single {
		return float64(float32(x))
	}
	return x
}

func (f field) decode(b uint64) float64 {
	if f.single {
		return float64(from32(b))
	}
	return from64(b)
}

func (f field) encode(x float64) uint64 {
	if f.single {
		return bits32(float32(x))
	}
	return bits64(x)
}

func (f field) decodeAll(bits []uint64) []float64 {
	out := make([]float64, len(bits))
	for i, b := range bits {
		out[i] = f.decode(b)
	}
	return out
}

// line addresses elements first, first+stride, … of a slice.
type line struct {
	x             []float64
	first, stride int
}

func (l line) at(i int) float64 { return l.x[l.first+i*l.stride] }

// dotLanes returns Σ a[i]·b[i] over i < n: product i is added to lane i mod 4; lanes begin at +0 and are joined as
// (l0+l2)+(l1+l3).
func (f field) dotLanes(a, b line, n int) float64 {
	var lane [4]float64
	for i := range n {
		p := f.round(float64(a.at(i) * b.at(i)))
		lane[i%4] = f.round(float64(lane[i%4] + p))
	}
	return f.round(float64(f.round(float64(lane[0]+lane[2])) + f.round(float64(lane[1]+lane[3]))))
}

// dot places each result element's contracted series and adds its products in the order that d names. The contracted
// axes run in the order of d.ContractA, the last fastest.
func dot(d *tensor.DotDims) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		a, b := in[0], in[1]
		posA, posB := contractedPositions(a, d.ContractA), contractedPositions(b, d.ContractB)
		startA, startB := freePositions(a, d.BatchA, d.ContractA), freePositions(b, d.BatchB, d.ContractB)
		batchA, batchB := axesPositions(a, d.BatchA), axesPositions(b, d.BatchB)
		sum := newSumOfProducts(a, b, d.Order, posA, posB)
		i := 0
		for k := range batchA {
			for _, p := range startA {
				for _, q := range startB {
					out.Bits[i] = sum(batchA[k]+p, batchB[k]+q)
					i++
				}
			}
		}
	}
}

// newSumOfProducts returns the sum over the contracted positions of a's element at p + posA[k] times b's at q + posB[k].
func newSumOfProducts(a, b *tensor.Array, order tensor.SumOrder, posA, posB []int) func(p, q int) uint64 {
	if !a.DType.IsFloat() {
		cut := wordOf(a.DType).cut
		return func(p, q int) uint64 {
			acc := uint64(0)
			for k, i := range posA {
				acc += a.Bits[p+i] * b.Bits[q+posB[k]]
			}
			return cut(acc)
		}
	}
	f := field{a.DType == tensor.F32}
	x, y := f.decodeAll(a.Bits), f.decodeAll(b.Bits)
	if order == tensor.SumLanes { // both contract their last axis, of stride one
		return func(p, q int) uint64 { return f.encode(f.dotLanes(line{x, p, 1}, line{y, q, 1}, len(posA))) }
	}
	return func(p, q int) uint64 {
		acc := 0.0
		for k, i := range posA {
			acc = f.round(float64(acc + f.round(float64(x[p+i]*y[q+posB[k]]))))
		}
		return f.encode(acc)
	}
}

// axesPositions returns the offsets of all index combinations of the given axes, the last axis fastest.
func axesPositions(a *tensor.Array, axes []int) []int {
	strides := tensor.Strides(a.Shape)
	v := view{}
	for _, ax := range axes {
		v.shape, v.strides = append(v.shape, a.Shape[ax]), append(v.strides, strides[ax])
	}
	var out []int
	v.each(func(p int) { out = append(out, p) })
	return out
}

func contractedPositions(a *tensor.Array, contract []int) []int { return axesPositions(a, contract) }

func freePositions(a *tensor.Array, batch, contract []int) []int {
	var free []int
	for i := range a.Shape {
		if !slices.Contains(batch, i) && !slices.Contains(contract, i) {
			free = append(free, i)
		}
	}
	return axesPositions(a, free)
}
