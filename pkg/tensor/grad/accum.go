package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// accum collects the cotangents of one Value until the instruction that made it is reached.
type accum struct {
	dtype  tensor.DType
	shape  []int
	terms  []lin
	pieces []piece
	adds   []func(base tensor.Value) tensor.Value
}

// piece is the cotangent of x[lo:hi] along an axis. Pieces that tile the axis become one concatenation, not a sum of
// padded terms: a position vector cut into parameters costs one instruction on the way back.
type piece struct {
	axis, lo, hi int
	l            lin
}

// isZero reports whether nothing but symbolic zeros arrived.
func (a *accum) isZero() bool { return len(a.terms) == 0 && len(a.pieces) == 0 && len(a.adds) == 0 }

// total adds up everything on top of base, which may be absent.
func (a *accum) total(base tensor.Value) lin {
	terms := slices.Clone(a.terms)
	if base.IsValid() {
		terms = append(terms, fullLin(base))
	}
	for _, layer := range a.layers() {
		terms = append(terms, fullLin(a.joined(layer)))
	}
	sum := lin{dtype: a.dtype, shape: a.shape, zero: true}
	if len(terms) > 0 {
		sum = sumOf(terms)
	}
	for _, add := range a.adds {
		sum = fullLin(add(sum.value()))
	}
	return sum
}

// layers groups the pieces into lists along one axis that do not overlap, each in order of position.
func (a *accum) layers() [][]piece {
	var merged []piece
next:
	for _, p := range a.pieces {
		for i, q := range merged {
			if p.axis == q.axis && p.lo == q.lo && p.hi == q.hi {
				merged[i].l = q.l.plus(p.l)
				continue next
			}
		}
		merged = append(merged, p)
	}
	slices.SortStableFunc(merged, func(p, q piece) int {
		if p.axis != q.axis {
			return p.axis - q.axis
		}
		return p.lo - q.lo
	})
	var layers [][]piece
place:
	for _, p := range merged {
		if p.l.zero || p.lo == p.hi {
			continue
		}
		for i, layer := range layers {
			if last := layer[len(layer)-1]; last.axis == p.axis && last.hi <= p.lo {
				layers[i] = append(layer, p)
				continue place
			}
		}
		layers = append(layers, []piece{p})
	}
	return layers
}

// joined writes out one layer, zeros in its gaps.
func (a *accum) joined(layer []piece) tensor.Value {
	axis, end := layer[0].axis, a.shape[layer[0].axis]
	if len(layer) == 1 {
		p := layer[0]
		low, high := make([]int, len(a.shape)), make([]int, len(a.shape))
		low[axis], high[axis] = p.lo, end-p.hi
		if p.lo == 0 && p.hi == end {
			return p.l.value()
		}
		return p.l.value().Pad(number(a.dtype, 0), low, high)
	}
	var parts []any
	gap := func(n int) {
		if n > 0 {
			shape := slices.Clone(a.shape)
			shape[axis] = n
			parts = append(parts, tensor.Zeros(a.dtype, shape...))
		}
	}
	at := 0
	for _, p := range layer {
		gap(p.lo - at)
		parts = append(parts, p.l.value())
		at = p.hi
	}
	gap(end - at)
	return tensor.Concat(axis, parts...)
}
