package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func reduceRules() map[tensor.Op]rule {
	extreme := rule{
		vjp: func(s *site, ct lin) {
			equal, count := s.attained()
			share := s.spread(ct.div(count)).value()
			s.push(0, fullLin(tensor.Select(equal, share, 0.0)))
		},
		jvp: func(s *site) lin {
			equal, count := s.attained()
			return s.reduced(fullLin(tensor.Select(equal, s.t[0].value(), 0.0))).div(count)
		},
	}
	return map[tensor.Op]rule{
		tensor.OpReduceSum: {
			vjp: func(s *site, ct lin) { s.push(0, s.spread(ct)) },
			jvp: func(s *site) lin { return s.reduced(s.t[0]) },
		},
		tensor.OpReduceProd: {
			vjp: func(s *site, ct lin) { s.push(0, s.spread(ct).mul(s.others())) },
			jvp: func(s *site) lin { return s.reduced(s.t[0].mul(s.others())) },
		},
		tensor.OpReduceMin: extreme,
		tensor.OpReduceMax: extreme,
		tensor.OpCumsum: {
			vjp: func(s *site, ct lin) { s.push(0, fullLin(cumsum(ct.value(), s.Attr.Axis, !s.Attr.Reverse))) },
			jvp: func(s *site) lin { return fullLin(cumsum(s.t[0].value(), s.Attr.Axis, s.Attr.Reverse)) },
		},
	}
}

func cumsum(x tensor.Value, axis int, reverse bool) tensor.Value {
	if reverse {
		return x.ReverseCumsum(axis)
	}
	return x.Cumsum(axis)
}

// spread repeats a quantity of the result's shape along the reduced axes of the operand.
func (s *site) spread(l lin) lin {
	shape := s.x[0].Shape()
	axes := make([]int, 0, len(shape))
	for i := range shape {
		if i < s.Attr.Axis || i >= s.Attr.Axis2 {
			axes = append(axes, i)
		}
	}
	return l.broadcast(shape, axes)
}

// reduced adds a quantity of the operand's shape over the reduced axes.
func (s *site) reduced(l lin) lin {
	drop := make([]bool, len(l.shape))
	for i := s.Attr.Axis; i < s.Attr.Axis2; i++ {
		drop[i] = true
	}
	return l.sum(drop)
}

// attained returns where the operand equals the result of a min or max, and how often.
func (s *site) attained() (equal, count tensor.Value) {
	equal = s.x[0].Eq(s.spread(fullLin(s.y)).value())
	return equal, s.reduced(fullLin(equal.Convert(s.DType))).value()
}

// others returns, for each element, the product of the other elements that are reduced with it: running products from
// both ends, so that zeros among the elements are no exception and the derivatives of every order hold.
func (s *site) others() tensor.Value {
	x := s.x[0]
	shape := x.Shape()
	if tensor.NumElements(shape) == 0 {
		return x
	}
	n := tensor.NumElements(shape[s.Attr.Axis:s.Attr.Axis2])
	lead, tail := shape[:s.Attr.Axis], shape[s.Attr.Axis2:]
	rows := x.Reshape(tensor.NumElements(lead), n, tensor.NumElements(tail)).Transpose(1, 0, 2)
	before := func(reverse bool) tensor.Value {
		start := one(rows.Slice(0, 0, 1).Squeeze(0))
		_, y := tensor.ScanN([]tensor.Value{start}, []tensor.Value{rows}, n, reverse, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
			return []tensor.Value{c[0].Mul(x[0])}, []tensor.Value{c[0]}
		})
		return y[0]
	}
	return before(false).Mul(before(true)).Transpose(1, 0, 2).Reshape(slices.Clone(shape)...)
}
