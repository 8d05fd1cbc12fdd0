package grad

import (
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// lin is a cotangent or tangent of one Value, not yet written out: scale · v, broadcast to shape. Programs stay small
// because of it: a cotangent of one costs no multiplication, that of a sum stays the scalar it is, constant factors
// and signs meet before they are emitted.
type lin struct {
	dtype tensor.DType
	shape []int
	zero  bool
	scale float64
	v     tensor.Value // absent: one
	axes  []int        // axis i of v is axis axes[i] of the shape, of the same length; ascending
}

func zeroLike(v tensor.Value) lin { return lin{dtype: v.DType(), shape: v.Shape(), zero: true} }

func constantLin(d tensor.DType, shape []int, c float64) lin {
	return lin{dtype: d, shape: shape, scale: c, zero: c == 0}
}

// linOf returns v itself, with broadcasts and signs of the instruction that makes it taken off.
func linOf(v tensor.Value) lin {
	if c, ok := constant(v); ok {
		return constantLin(v.DType(), v.Shape(), c)
	}
	l := lin{dtype: v.DType(), shape: v.Shape(), scale: 1, v: v, axes: allAxes(v.Rank())}
	switch n := v.Node(); n.Op {
	case tensor.OpNeg:
		return linOf(n.In[0]).scaled(-1)
	case tensor.OpBroadcast:
		return linOf(n.In[0]).broadcast(n.Attr.Shape, n.Attr.Axes)
	}
	return l
}

// fullLin returns v as it is.
func fullLin(v tensor.Value) lin {
	return lin{dtype: v.DType(), shape: v.Shape(), scale: 1, v: v, axes: allAxes(v.Rank())}
}

// constant returns the number that all elements of v are known to be, if it is finite.
func constant(v tensor.Value) (float64, bool) {
	n := v.Node()
	switch n.Op {
	case tensor.OpBroadcast, tensor.OpReshape:
		return constant(n.In[0])
	case tensor.OpNeg:
		c, ok := constant(n.In[0])
		return -c, ok
	case tensor.OpConst:
		a := n.Attr.Array
		if a == nil || !a.DType.IsFloat() || len(a.Bits) == 0 {
			return 0, false
		}
		for _, b := range a.Bits {
			if b != a.Bits[0] {
				return 0, false
			}
		}
		c := tensor.DecodeFloat(a.DType, a.Bits[0])
		return c, !math.IsNaN(c) && !math.IsInf(c, 0)
	}
	return 0, false
}

// number returns a constant scalar of dtype d.
func number(d tensor.DType, c float64) tensor.Value {
	return tensor.Lift(tensor.ArrayOf(d, nil, []float64{c}))
}

func allAxes(rank int) []int {
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

// with returns l with another factor v, on the same axes.
func (l lin) with(scale float64, v tensor.Value) lin {
	l.scale, l.v = scale, v
	return l
}

func (l lin) asZero() lin { return lin{dtype: l.dtype, shape: l.shape, zero: true} }

// value writes l out as a Value of its full shape.
func (l lin) value() tensor.Value {
	if l.zero {
		return tensor.Zeros(l.dtype, l.shape...)
	}
	return l.broadcastOf(l.small())
}

// small writes out scale · v before the broadcast.
func (l lin) small() tensor.Value {
	switch {
	case !l.v.IsValid():
		return number(l.dtype, l.scale)
	case l.scale == 1:
		return l.v
	case l.scale == -1:
		return l.v.Neg()
	}
	return l.v.Mul(l.scale)
}

func (l lin) broadcastOf(v tensor.Value) tensor.Value {
	switch {
	case len(l.axes) == len(l.shape):
		return v
	case tensor.NumElements(l.shape) == tensor.NumElements(v.Shape()):
		return v.Reshape(l.shape...)
	}
	return v.BroadcastInDim(l.shape, l.axes)
}

// smallShape returns the lengths of the axes given.
func (l lin) smallShape(axes []int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = l.shape[a]
	}
	return out
}

// onAxes returns l.v broadcast to a superset of its axes; an absent v stays absent.
func (l lin) onAxes(axes []int) tensor.Value {
	if !l.v.IsValid() || len(axes) == len(l.axes) {
		return l.v
	}
	at := make([]int, len(l.axes))
	for i, a := range l.axes {
		at[i] = slices.Index(axes, a)
	}
	return l.v.BroadcastInDim(l.smallShape(axes), at)
}

func unionAxes(a, b []int) []int {
	u := append(slices.Clone(a), b...)
	slices.Sort(u)
	return slices.Compact(u)
}

func (l lin) scaled(c float64) lin {
	if c == 0 || l.zero {
		return l.asZero()
	}
	l.scale *= c
	return l
}

func (l lin) neg() lin { return l.scaled(-1) }

// mul returns l·w for a w of the same shape.
func (l lin) mul(w tensor.Value) lin {
	if l.zero {
		return l
	}
	return l.times(linOf(w))
}

func (l lin) times(m lin) lin {
	if l.zero || m.zero {
		return l.asZero()
	}
	scale := l.scale * m.scale
	switch {
	case !m.v.IsValid():
		return l.scaled(m.scale)
	case !l.v.IsValid():
		m.scale = scale
		return m
	}
	axes := unionAxes(l.axes, m.axes)
	l.v = l.onAxes(axes).Mul(m.onAxes(axes))
	l.axes, l.scale = axes, scale
	return l
}

// div returns l/w for a w of the same shape.
func (l lin) div(w tensor.Value) lin {
	m := linOf(w)
	switch {
	case l.zero:
		return l
	case !m.v.IsValid() && m.scale != 0:
		return l.scaled(1 / m.scale)
	case m.zero:
		m = fullLin(w)
	}
	if !l.v.IsValid() {
		abs := math.Abs(l.scale)
		return m.with(math.Copysign(1, l.scale)*m.scale, number(l.dtype, abs).BroadcastTo(m.v.Shape()...).Div(m.v))
	}
	axes := unionAxes(l.axes, m.axes)
	l.v = l.onAxes(axes).Div(m.onAxes(axes))
	l.axes, l.scale = axes, l.scale*m.scale // a scale of w is a sign here
	return l
}

// plus returns l+m for an m of the same shape.
func (l lin) plus(m lin) lin {
	switch {
	case l.zero:
		return m
	case m.zero:
		return l
	case l.v == m.v && slices.Equal(l.axes, m.axes):
		l.scale += m.scale
		l.zero = l.scale == 0
		return l
	}
	axes := unionAxes(l.axes, m.axes)
	a, b := l.onAxes(axes), m.onAxes(axes)
	out := lin{dtype: l.dtype, shape: l.shape, axes: axes, scale: 1}
	if a.IsValid() && b.IsValid() && l.scale == m.scale {
		return out.with(l.scale, a.Add(b))
	}
	if a.IsValid() && b.IsValid() && l.scale == -m.scale {
		if l.scale < 0 { // a positive factor needs no negation later
			return out.with(m.scale, b.Sub(a))
		}
		return out.with(l.scale, a.Sub(b))
	}
	x, y := magnitude(l, a), magnitude(m, b)
	switch {
	case l.scale < 0 && m.scale < 0:
		return out.with(-1, x.Add(y))
	case l.scale < 0:
		return out.with(1, y.Sub(x))
	case m.scale < 0:
		return out.with(1, x.Sub(y))
	}
	return out.with(1, x.Add(y))
}

// magnitude returns |scale|·v.
func magnitude(l lin, v tensor.Value) tensor.Value {
	abs := math.Abs(l.scale)
	switch {
	case !v.IsValid():
		return number(l.dtype, abs)
	case abs == 1:
		return v
	}
	return v.Mul(abs)
}

// sumOf adds terms of one shape: equal factors first, then the terms of fewest axes.
func sumOf(terms []lin) lin {
	out := slices.Clone(terms[:0:0])
merge:
	for _, t := range terms {
		for i, o := range out {
			if !t.zero && !o.zero && t.v == o.v && slices.Equal(t.axes, o.axes) {
				out[i] = o.plus(t)
				continue merge
			}
		}
		out = append(out, t)
	}
	slices.SortStableFunc(out, func(a, b lin) int { return len(a.axes) - len(b.axes) })
	sum := out[0]
	for _, t := range out[1:] {
		sum = sum.plus(t)
	}
	return sum
}

// elementwise returns f(l) for a linear f that keeps the shape.
func (l lin) elementwise(f func(tensor.Value) tensor.Value) lin {
	if l.zero {
		return l
	}
	w := f(l.small())
	l.dtype = w.DType()
	return l.with(1, w)
}
