package grad

import (
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// lin is a cotangent or tangent of one Value, not yet written out: scale · factor · v, broadcast to shape. Programs stay
// small because of it: a cotangent of one costs no multiplication, that of a sum stays the scalar it is, constants,
// signs and scalar factors meet before they are emitted, and sums are taken before they are applied.
type lin struct {
	dtype  tensor.DType
	shape  []int
	zero   bool
	scale  float64
	factor tensor.Value // a scalar; absent: one. Always absent where axes is empty.
	v      tensor.Value // absent: one
	axes   []int        // axis i of v is axis axes[i] of the shape, of the same length; ascending
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

// with returns l with another scale and v, on the same axes.
func (l lin) with(scale float64, v tensor.Value) lin {
	l.scale, l.v = scale, v
	return l
}

// bare returns l without scale and factor, which scaledLike puts back after a linear map.
func (l lin) bare() lin {
	if !l.v.IsValid() {
		return l
	}
	l.scale, l.factor = 1, tensor.Value{}
	return l
}

// scaledLike multiplies the image of m.bare() under a linear map by the scale and factor of m.
func (l lin) scaledLike(m lin) lin {
	if !m.v.IsValid() || l.zero {
		return l
	}
	return l.scaled(m.scale).byScalar(m.factor)
}

// byScalar multiplies by a scalar Value, if it is there.
func (l lin) byScalar(f tensor.Value) lin {
	switch {
	case !f.IsValid() || l.zero:
	case !l.v.IsValid():
		l.v = f
	case len(l.axes) == 0:
		l.v = l.v.Mul(f)
	case !l.factor.IsValid():
		l.factor = f
	default:
		l.factor = l.factor.Mul(f)
	}
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

// small writes out scale · factor · v before the broadcast.
func (l lin) small() tensor.Value {
	switch {
	case !l.v.IsValid():
		return number(l.dtype, l.scale)
	case l.factor.IsValid() && l.scale == -1:
		return l.v.Mul(l.factor).Neg()
	case l.factor.IsValid():
		return l.v.Mul(times(l.factor, l.scale))
	case l.scale == -1:
		return l.v.Neg()
	}
	return times(l.v, l.scale)
}

// times returns v·c without a multiplication by one.
func times(v tensor.Value, c float64) tensor.Value {
	if c == 1 {
		return v
	}
	return v.Mul(c)
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

func (l lin) size() int { return tensor.NumElements(l.shape) }

func (l lin) neg() lin { return l.scaled(-1) }

// mul returns l·w for a w of the same shape.
func (l lin) mul(w tensor.Value) lin {
	if l.zero {
		return l
	}
	return l.times(linOf(w))
}

func (l lin) times(m lin) lin {
	switch {
	case l.zero || m.zero:
		return l.asZero()
	case !m.v.IsValid():
		return l.scaled(m.scale)
	case !l.v.IsValid():
		return m.scaled(l.scale)
	case len(m.axes) == 0:
		return l.scaled(m.scale).byScalar(m.v)
	case len(l.axes) == 0:
		return m.scaled(l.scale).byScalar(l.v)
	}
	axes := unionAxes(l.axes, m.axes)
	l.v = l.onAxes(axes).Mul(m.onAxes(axes))
	l.axes = axes
	return l.scaled(m.scale).byScalar(m.factor)
}

// div returns l/w for a w of the same shape. A scalar w becomes one reciprocal.
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
		return m.with(1, number(l.dtype, l.scale*m.scale).BroadcastTo(m.v.Shape()...).Div(m.v))
	}
	l.scale *= m.scale // a sign
	switch {
	case len(m.axes) > 0 || len(l.axes) == 0:
		axes := unionAxes(l.axes, m.axes)
		l.v = l.onAxes(axes).Div(m.onAxes(axes))
		l.axes = axes
	case l.factor.IsValid():
		l.factor = l.factor.Div(m.v)
	default:
		l.factor = one(m.v).Div(m.v)
	}
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
		return l.plusMultiple(m)
	}
	axes := unionAxes(l.axes, m.axes)
	a, b := l.onAxes(axes), m.onAxes(axes)
	out := lin{dtype: l.dtype, shape: l.shape, axes: axes}
	if a.IsValid() && b.IsValid() && l.factor == m.factor {
		out.factor = l.factor
		switch l.scale {
		case m.scale:
			return out.with(l.scale, a.Add(b))
		case -m.scale:
			if l.scale < 0 { // a positive scale needs no negation later
				return out.with(m.scale, b.Sub(a))
			}
			return out.with(l.scale, a.Sub(b))
		}
		out.factor = tensor.Value{}
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

// plusMultiple adds scalar multiples of one v.
func (l lin) plusMultiple(m lin) lin {
	if l.factor == m.factor {
		l.scale += m.scale
		if l.zero = l.scale == 0; l.zero {
			return l.asZero()
		}
		return l
	}
	scalar := func(l lin) lin {
		return lin{dtype: l.dtype, scale: l.scale, v: l.factor}
	}
	sum := scalar(l).plus(scalar(m))
	l.scale, l.factor = sum.scale, sum.v
	return l
}

// magnitude returns |scale|·factor·v.
func magnitude(l lin, v tensor.Value) tensor.Value {
	abs := math.Abs(l.scale)
	switch {
	case !v.IsValid():
		return number(l.dtype, abs)
	case l.factor.IsValid():
		return v.Mul(times(l.factor, abs))
	}
	return times(v, abs)
}

// sumOf adds terms of one shape: equal factors first, then the terms of fewest axes.
func sumOf(terms []lin) lin {
	out := slices.Clone(terms[:0:0])
merge:
	for _, t := range terms {
		for i, o := range out {
			if !t.zero && !o.zero && t.v == o.v && t.factor == o.factor && slices.Equal(t.axes, o.axes) {
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
	l.dtype, l.factor = w.DType(), tensor.Value{}
	return l.with(1, w)
}
