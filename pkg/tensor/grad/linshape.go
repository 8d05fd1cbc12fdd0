package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// broadcast returns l as OpBroadcast would: axis i of l becomes axis axes[i] of the shape.
func (l lin) broadcast(shape, axes []int) lin {
	out := lin{dtype: l.dtype, shape: shape, zero: l.zero, scale: l.scale}
	if l.zero || !l.v.IsValid() {
		return out
	}
	out.factor = l.factor
	var kept []int // lengths of the axes of v that are not repeated
	for _, a := range l.axes {
		if to := axes[a]; l.shape[a] == shape[to] {
			out.axes, kept = append(out.axes, to), append(kept, shape[to])
		}
	}
	out.v = reshaped(l.v, kept)
	return out.normal()
}

// normal multiplies the factor into a v that has become a scalar itself.
func (l lin) normal() lin {
	if len(l.axes) > 0 || !l.factor.IsValid() {
		return l
	}
	f := l.factor
	l.factor = tensor.Value{}
	return l.byScalar(f)
}

// reshaped is Reshape that looks through a reshape from the wanted shape.
func reshaped(v tensor.Value, shape []int) tensor.Value {
	if n := v.Node(); n.Op == tensor.OpReshape && slices.Equal(n.In[0].Shape(), shape) {
		return n.In[0]
	}
	return v.Reshape(shape...)
}

// unbroadcast is the transpose of broadcast from operand shape in to l's shape: repeated and new axes are summed.
func (l lin) unbroadcast(in, axes []int) lin {
	if l.zero {
		return lin{dtype: l.dtype, shape: in, zero: true}
	}
	repeated := make([]bool, len(l.shape))
	for i := range repeated {
		repeated[i] = true
	}
	for i, a := range axes {
		repeated[a] = in[i] != l.shape[a]
	}
	summed := l.sum(repeated)
	out := lin{dtype: l.dtype, shape: in, scale: summed.scale, factor: summed.factor, zero: summed.zero}
	if summed.zero || !summed.v.IsValid() {
		return out
	}
	// Axes of summed are those of l that are not repeated, each an axis of the operand.
	var lengths []int
	for i, a := range axes {
		if !repeated[a] && slices.Contains(l.axes, a) {
			out.axes, lengths = append(out.axes, i), append(lengths, in[i])
		}
	}
	out.v = summed.v.Reshape(lengths...)
	return out.normal()
}

// sum adds over the axes marked; what is repeated along an axis is multiplied by its length instead.
func (l lin) sum(drop []bool) lin {
	out := lin{dtype: l.dtype, zero: l.zero, scale: l.scale, factor: l.factor, v: l.v}
	position := make([]int, len(l.shape))
	for a, d := range drop {
		position[a] = len(out.shape)
		if !d {
			out.shape = append(out.shape, l.shape[a])
		} else if !slices.Contains(l.axes, a) {
			out.scale *= float64(l.shape[a])
		}
	}
	if out.zero = out.zero || out.scale == 0; out.zero {
		return out.asZero()
	}
	var over []int
	for i, a := range l.axes {
		if drop[a] {
			over = append(over, i)
		} else {
			out.axes = append(out.axes, position[a])
		}
	}
	if len(over) > 0 {
		out.v = out.v.Sum(over...)
	}
	return out.normal()
}

// reshape returns the elements in another shape; a broadcast scalar stays one.
func (l lin) reshape(shape []int) lin {
	if l.zero || len(l.axes) == 0 {
		l.shape = shape
		return l
	}
	if len(l.axes) == len(l.shape) {
		l.v = reshaped(l.v, shape)
		l.shape, l.axes = shape, allAxes(len(shape))
		return l.normal()
	}
	if out, ok := l.reshapeUnits(shape); ok {
		return out
	}
	return fullLin(l.bare().value().Reshape(shape...)).scaledLike(l)
}

// reshapeUnits reshapes a broadcast where only axes of length one come or go.
func (l lin) reshapeUnits(shape []int) (lin, bool) {
	out := lin{dtype: l.dtype, shape: shape, scale: l.scale, factor: l.factor}
	var lengths []int
	j := 0
	for i, n := range l.shape {
		if n == 1 {
			continue
		}
		for j < len(shape) && shape[j] == 1 {
			j++
		}
		if j == len(shape) || shape[j] != n {
			return l, false
		}
		if slices.Contains(l.axes, i) {
			out.axes, lengths = append(out.axes, j), append(lengths, n)
		}
		j++
	}
	out.v = l.v.Reshape(lengths...)
	return out.normal(), true
}

// transpose permutes axes: axis i of the result is axis perm[i] of l.
func (l lin) transpose(perm []int) lin {
	shape := make([]int, len(perm))
	var order, axes []int // axes of v in their new order, and where they go
	for i, a := range perm {
		shape[i] = l.shape[a]
		if k := slices.Index(l.axes, a); k >= 0 {
			order, axes = append(order, k), append(axes, i)
		}
	}
	l.shape, l.axes = shape, axes
	if len(order) > 0 {
		l.v = l.v.Transpose(order...)
	}
	return l
}

// slice takes [start:limit:step] on every axis; what is repeated needs no slicing.
func (l lin) slice(start, limit, step []int) lin {
	shape := make([]int, len(l.shape))
	for i := range shape {
		shape[i] = (limit[i] - start[i] + step[i] - 1) / step[i]
	}
	if len(l.axes) > 0 && !l.zero {
		pick := func(x []int) []int {
			out := make([]int, len(l.axes))
			for i, a := range l.axes {
				out[i] = x[a]
			}
			return out
		}
		s, e, st := pick(start), pick(limit), pick(step)
		if !slices.Equal(l.v.Shape(), e) || slices.ContainsFunc(s, nonzero) || slices.ContainsFunc(st, notOne) {
			l.v = l.v.SliceStep(s, e, st)
		}
	}
	l.shape = shape
	return l
}

func nonzero(i int) bool { return i != 0 }
func notOne(i int) bool  { return i != 1 }
