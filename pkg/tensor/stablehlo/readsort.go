package stablehlo

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// readSort sorts by the first operand; the others follow it.
func readSort(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value {
	b := o.only()
	if len(in) == 0 || len(b.params) != 2*len(in) || in[0].Rank() == 0 {
		o.fail("%d operands and %d parameters", len(in), len(b.params))
	}
	axis := in[0].Rank() - 1
	if x, there := o.attrs["dimension"]; there {
		axis = o.axes("dimension", []any{x}, in[0].Rank())[0]
	}
	for _, v := range in {
		if !equalInts(v.Shape(), in[0].Shape()) {
			o.fail("operands %s and %s", in[0], v)
		}
	}
	by := noOrder
	if in[0].DType() != tensor.Bool {
		by = r.compares(b, s)
	}
	key := in[0]
	switch by {
	case noOrder:
		o.fail("by a comparator that is not the order of the first operand's elements")
	case ascending:
		if len(in) == 1 {
			return []tensor.Value{key.Sort(axis)}
		}
	case descending:
		key = reversedOrder(key)
	case totalAscending:
		key = totalOrder(key)
	case totalDescending:
		key = totalOrder(key).Not()
	}
	at := key.Argsort(axis)
	out := make([]tensor.Value, len(in))
	for i, v := range in {
		switch n := v.Node(); {
		case i == 0 && by == ascending:
			out[i] = v.Sort(axis)
		case n.Op == tensor.OpIota && n.Attr.Axis == axis && n.DType.IsInt():
			out[i] = at.Convert(n.DType)
		default:
			out[i] = r.takeAlong(v, at, axis)
		}
	}
	return out
}

// reversedOrder returns elements whose order is the other way round.
func reversedOrder(x tensor.Value) tensor.Value {
	if x.DType().IsFloat() {
		return x.Neg()
	}
	return x.Not()
}

// takeAlong returns x[…, at, …]: each element of at picks one along the axis.
func (r *reader) takeAlong(x, at tensor.Value, axis int) tensor.Value {
	if x.Rank() == 1 {
		return x.Take(at, 0)
	}
	if x.Size() > math.MaxInt32 {
		r.fail("%s has more elements than i32 positions reach", x)
	}
	if x.Size() == 0 {
		return x
	}
	shape := at.Shape()
	sum := at
	for i, stride := range tensor.Strides(x.Shape()) {
		if i == axis {
			sum = sum.Sub(at).Add(at.Mul(stride))
			continue
		}
		sum = sum.Add(tensor.Iota(tensor.I32, i, shape...).Mul(stride))
	}
	return x.Reshape(x.Size()).Take(sum.Reshape(sum.Size()), 0).Reshape(shape...)
}

// readTopK returns the k largest elements of the last axis and their positions, the first of equals first.
func readTopK(r *reader, o *operation, in []tensor.Value, _ *scope) []tensor.Value {
	x := in[0]
	k := o.integer("k")
	if x.Rank() == 0 || x.DType() == tensor.Bool || k < 0 || k > x.Dim(-1) {
		o.fail("of %s, %d elements", x, k)
	}
	last := x.Rank() - 1
	key := x
	if x.DType().IsFloat() {
		key = totalOrder(x)
	}
	at := key.Not().Argsort(last).Slice(last, 0, k)
	return []tensor.Value{r.takeAlong(x, at, last), at.Convert(o.out[len(o.out)-1].dtype)}
}
