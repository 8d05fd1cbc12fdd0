package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// indexRules: integer operands carry no cotangent. The cotangents of Take and DynamicSlice are added in place to what
// the operand has received already, so that many look-ups cost no pass over the operand each.
func indexRules() map[tensor.Op]rule {
	return map[tensor.Op]rule{
		tensor.OpTake:          {vjp: takeVJP, jvp: takeJVP},
		tensor.OpScatterAdd:    {vjp: scatterVJP, jvp: scatterJVP},
		tensor.OpScatter:       {vjp: replaceVJP, jvp: replaceJVP},
		tensor.OpDynamicSlice:  {vjp: dynamicSliceVJP, jvp: dynamicSliceJVP},
		tensor.OpDynamicUpdate: {vjp: dynamicUpdateVJP, jvp: dynamicUpdateJVP},
		tensor.OpSort:          {vjp: sortVJP, jvp: sortJVP},
	}
}

// takeVJP scatters to the clamped indices, as Take reads them.
func takeVJP(s *site, ct lin) {
	axis, x, idx := s.Attr.Axis, s.x[0], s.x[1]
	shape := slices.Clone(x.Shape())
	shape[axis] = idx.Size()
	if !indicesWithin(idx, x.Dim(axis)) {
		idx = idx.Clamp(0, x.Dim(axis)-1)
	}
	idx = idx.Reshape(idx.Size())
	if x.Size() <= ct.size() { // scale after adding up, which is the shorter
		flat := ct.bare().reshape(shape).value()
		s.push(0, fullLin(tensor.Zeros(s.DType, x.Shape()...).ScatterAdd(axis, idx, flat)).scaledLike(ct))
		return
	}
	flat := ct.reshape(shape).value()
	acc := s.acc(0)
	acc.adds = append(acc.adds, func(base tensor.Value) tensor.Value { return base.ScatterAdd(axis, idx, flat) })
}

// indicesWithin reports whether idx is a constant within 0 … n-1.
func indicesWithin(idx tensor.Value, n int) bool {
	static, ok := tensor.Static(idx)
	return ok && !slices.ContainsFunc(static, func(i float64) bool { return i < 0 || i >= float64(n) })
}

func takeJVP(s *site) lin { return fullLin(s.t[0].value().Take(s.x[1], s.Attr.Axis)) }

// scatterVJP: updates at indices out of range were dropped and get zero.
func scatterVJP(s *site, ct lin) {
	axis, idx := s.Attr.Axis, s.x[1]
	s.to(0, func() lin { return ct })
	s.to(2, func() lin {
		n := s.x[0].Dim(axis)
		got := ct.value()
		if n == 0 || idx.Size() == 0 {
			return zeroLike(s.x[2])
		}
		got = got.Take(idx, axis)
		if indicesWithin(idx, n) {
			return fullLin(got)
		}
		inside := idx.Ge(0).And(idx.Lt(n)).BroadcastInDim(got.Shape(), []int{axis})
		return fullLin(tensor.Select(inside, got, 0.0))
	})
}

func scatterJVP(s *site) lin {
	if s.t[2].zero {
		return s.t[0]
	}
	return fullLin(s.t[0].value().ScatterAdd(s.Attr.Axis, s.x[1], s.t[2].value()))
}

// replaceVJP: an update gets what stands in its place, unless it was dropped or a later one stands there.
func replaceVJP(s *site, ct lin) {
	axis, idx, full := s.Attr.Axis, s.x[1], ct.value()
	size := s.x[2].Shape()
	s.to(0, func() lin { return fullLin(full.Scatter(axis, idx, tensor.Zeros(s.DType, size...))) })
	s.to(2, func() lin {
		if s.x[0].Dim(axis) == 0 || idx.Size() == 0 {
			return zeroLike(s.x[2])
		}
		number := tensor.Iota(tensor.I32, 0, idx.Shape()...)
		rows := slices.Clone(idx.Shape())
		rows[0] = s.x[0].Dim(axis)
		axes := []int{axis}
		for k := len(size) - (idx.Rank() - 1); k < len(size); k++ {
			axes = append(axes, k)
		}
		last := tensor.In(full, tensor.Full(-1, rows...)).Scatter(0, idx, number)
		stays := last.TakeLanes(idx, 0).Eq(number).BroadcastInDim(size, axes)
		return fullLin(tensor.Select(stays, full.TakeLanes(idx, axis), 0.0))
	})
}

func replaceJVP(s *site) lin {
	return fullLin(s.t[0].value().Scatter(s.Attr.Axis, s.x[1], s.t[2].value()))
}

func operands(vs []tensor.Value) []any {
	out := make([]any, len(vs))
	for i, v := range vs {
		out[i] = v
	}
	return out
}

func dynamicSliceVJP(s *site, ct lin) {
	at := operands(s.x[1:])
	acc := s.acc(0)
	acc.adds = append(acc.adds, func(base tensor.Value) tensor.Value {
		now := fullLin(base.DynamicSlice(at, s.Shape...))
		if c, ok := constant(base); ok && c == 0 {
			now.zero = true
		}
		return base.DynamicUpdate(now.plus(ct).value(), at...)
	})
}

func dynamicSliceJVP(s *site) lin {
	return fullLin(s.t[0].value().DynamicSlice(operands(s.x[1:]), s.Shape...))
}

func dynamicUpdateVJP(s *site, ct lin) {
	at := operands(s.x[2:])
	full := ct.value()
	size := s.x[1].Shape()
	s.to(0, func() lin { return fullLin(full.DynamicUpdate(tensor.Zeros(s.DType, size...), at...)) })
	s.to(1, func() lin { return fullLin(full.DynamicSlice(at, size...)) })
}

func dynamicUpdateJVP(s *site) lin {
	return fullLin(s.t[0].value().DynamicUpdate(s.t[1].value(), operands(s.x[2:])...))
}

// sorted returns a view of v as rows with the sorted axis last, flattened, and the flat positions in v's rows that the
// elements of the result come from.
func (s *site) sorted(v tensor.Value) (flat, from tensor.Value, perm []int) {
	rank, n := v.Rank(), v.Dim(s.Attr.Axis)
	perm = slices.Delete(allAxes(rank), s.Attr.Axis, s.Attr.Axis+1)
	perm = append(perm, s.Attr.Axis)
	rows := 0
	if n > 0 {
		rows = v.Size() / n
	}
	from = s.x[0].Argsort(s.Attr.Axis).Transpose(perm...).Reshape(rows, n)
	if rows != 1 {
		from = from.Add(tensor.Iota(tensor.I32, 0, rows, n).Mul(n))
	}
	return v.Transpose(perm...).Reshape(rows * n), from.Reshape(rows * n), perm
}

// unsorted undoes the view of sorted.
func (s *site) unsorted(flat tensor.Value, perm []int) lin {
	shape := make([]int, len(perm))
	for i, a := range perm {
		shape[i] = s.Shape[a]
	}
	return fullLin(flat.Reshape(shape...).Transpose(inverse(perm)...))
}

func sortVJP(s *site, ct lin) {
	if s.x[0].Size() == 0 {
		return
	}
	flat, from, perm := s.sorted(ct.value())
	s.push(0, s.unsorted(tensor.Zeros(s.DType, flat.Dim(0)).ScatterAdd(0, from, flat), perm))
}

func sortJVP(s *site) lin {
	if s.x[0].Size() == 0 {
		return zeroLike(s.y)
	}
	flat, from, perm := s.sorted(s.t[0].value())
	return s.unsorted(flat.Take(from, 0), perm)
}
