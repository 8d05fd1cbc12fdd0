package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func shapeRules() map[tensor.Op]rule {
	return map[tensor.Op]rule{
		tensor.OpReshape: {
			vjp: func(s *site, ct lin) { s.push(0, ct.reshape(s.x[0].Shape())) },
			jvp: func(s *site) lin { return s.t[0].reshape(s.Shape) },
		},
		tensor.OpTranspose: {
			vjp: func(s *site, ct lin) { s.push(0, ct.transpose(inverse(s.Attr.Axes))) },
			jvp: func(s *site) lin { return s.t[0].transpose(s.Attr.Axes) },
		},
		tensor.OpBroadcast: {
			vjp: func(s *site, ct lin) { s.push(0, ct.unbroadcast(s.x[0].Shape(), s.Attr.Axes)) },
			jvp: func(s *site) lin { return s.t[0].broadcast(s.Shape, s.Attr.Axes) },
		},
		tensor.OpReverse: {
			vjp: func(s *site, ct lin) { s.push(0, reversed(ct, s.Attr.Axes)) },
			jvp: func(s *site) lin { return reversed(s.t[0], s.Attr.Axes) },
		},
		tensor.OpSlice: {
			vjp: sliceVJP,
			jvp: func(s *site) lin { return s.t[0].slice(s.Attr.Start, s.Attr.Limit, s.Attr.Step) },
		},
		tensor.OpConcat: {vjp: concatVJP, jvp: concatJVP},
		tensor.OpPad:    {vjp: padVJP, jvp: padJVP},
	}
}

// inverse returns the inverse of a permutation.
func inverse(perm []int) []int {
	out := make([]int, len(perm))
	for i, a := range perm {
		out[a] = i
	}
	return out
}

func reversed(l lin, axes []int) lin {
	var at []int
	for i, a := range l.axes {
		if slices.Contains(axes, a) {
			at = append(at, i)
		}
	}
	if l.zero || len(at) == 0 {
		return l
	}
	return l.with(l.scale, l.v.Reverse(at...))
}

// sliceVJP hands on a cut along one axis as a piece; other slices are filled up with zeros.
func sliceVJP(s *site, ct lin) {
	shape, a := s.x[0].Shape(), s.Attr
	cut := -1
	simple := true
	for i, n := range shape {
		whole := a.Start[i] == 0 && a.Limit[i] == n && a.Step[i] == 1
		if !whole && cut >= 0 || a.Step[i] != 1 && s.Shape[i] != 1 {
			simple = false
		}
		if !whole {
			cut = i
		}
	}
	if simple && cut >= 0 {
		acc := s.acc(0)
		lo := a.Start[cut]
		acc.pieces = append(acc.pieces, piece{cut, lo, lo + s.Shape[cut], ct})
		return
	}
	if ct.zero || cut < 0 {
		s.push(0, ct)
		return
	}
	v := ct.bare().value()
	low, high := slices.Clone(a.Start), make([]int, len(shape))
	for i, n := range shape {
		if a.Step[i] > 1 && v.Dim(i) > 0 {
			v = spaced(v, i, a.Step[i])
		}
		high[i] = n - low[i] - v.Dim(i)
	}
	if slices.ContainsFunc(low, nonzero) || slices.ContainsFunc(high, nonzero) {
		v = v.Pad(number(s.DType, 0), low, high)
	}
	s.push(0, fullLin(v).scaledLike(ct))
}

// spaced puts step-1 zeros between the elements along an axis.
func spaced(v tensor.Value, axis, step int) tensor.Value {
	shape := slices.Clone(v.Shape())
	high := make([]int, len(shape)+1)
	high[axis+1] = step - 1
	w := v.ExpandDims(axis+1).Pad(number(v.DType(), 0), make([]int, len(high)), high)
	shape[axis] *= step
	return w.Reshape(shape...).Slice(axis, 0, shape[axis]-step+1)
}

func concatVJP(s *site, ct lin) {
	start, limit, step := make([]int, len(s.Shape)), slices.Clone(s.Shape), make([]int, len(s.Shape))
	for i := range step {
		step[i] = 1
	}
	at := 0
	for i, x := range s.x {
		n := x.Dim(s.Attr.Axis)
		start[s.Attr.Axis], limit[s.Attr.Axis] = at, at+n
		at += n
		s.to(i, func() lin { return ct.slice(start, limit, step) })
	}
}

func concatJVP(s *site) lin {
	parts := make([]any, len(s.t))
	for i, t := range s.t {
		parts[i] = t.value()
	}
	return fullLin(tensor.Concat(s.Attr.Axis, parts...))
}

func padVJP(s *site, ct lin) {
	low := s.Attr.Start
	limit, step := make([]int, len(low)), make([]int, len(low))
	for i, n := range s.x[0].Shape() {
		limit[i], step[i] = low[i]+n, 1
	}
	inside := ct.slice(low, limit, step)
	s.to(0, func() lin { return inside })
	s.to(1, func() lin { return total(ct).plus(total(inside).neg()) })
}

// total returns the sum of all elements.
func total(l lin) lin {
	drop := make([]bool, len(l.shape))
	for i := range drop {
		drop[i] = true
	}
	return l.sum(drop)
}

func padJVP(s *site) lin {
	if s.t[0].zero && s.t[1].zero {
		return zeroLike(s.y)
	}
	return fullLin(s.t[0].value().Pad(s.t[1].value(), s.Attr.Start, s.Attr.Limit))
}
