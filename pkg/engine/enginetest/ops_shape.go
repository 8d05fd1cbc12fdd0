package enginetest

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

var shapeMakers = map[tensor.Op]maker{
	tensor.OpIota: single(func(g *generator) tensor.Value {
		s := g.dims(g.between(1, 3), 6)
		return tensor.In(g.anchor(), g.scalar(tensor.I32)).Add(tensor.Iota(tensor.I32, g.r.IntN(len(s)), s...))
	}),
	tensor.OpReshape: single(reshape),
	tensor.OpTranspose: single(func(g *generator) tensor.Value {
		x := anyOperand(g, 2)
		return x.Transpose(g.r.Perm(x.Rank())...)
	}),
	tensor.OpBroadcast: single(broadcast),
	tensor.OpSlice:     single(slice),
	tensor.OpConcat:    single(concat),
	tensor.OpPad: single(func(g *generator) tensor.Value {
		x := anyOperand(g, 0)
		low, high := make([]int, x.Rank()), make([]int, x.Rank())
		for i := range low {
			low[i], high[i] = g.between(0, 3), g.between(0, 3)
		}
		return x.Pad(g.scalar(x.DType()), low, high)
	}),
	tensor.OpReverse: single(func(g *generator) tensor.Value {
		x := anyOperand(g, 1)
		return x.Reverse(g.axes(x.Rank())...)
	}),
}

// anyOperand returns a value of any dtype and at least the given rank.
func anyOperand(g *generator, rank int) tensor.Value { return operandOf(g, allDTypes, rank) }

// operandOf returns a value of one of the dtypes and at least the given rank, at most 3.
func operandOf(g *generator, from []tensor.DType, rank int) tensor.Value {
	if at := g.having(func(v tensor.Value) bool { return v.Rank() >= rank && slices.Contains(from, v.DType()) }); len(at) > 0 && g.chance(0.6) {
		return pick(g, at)
	}
	s := g.shape()
	for len(s) < rank {
		s = append(s, g.between(1, 6))
	}
	return g.operand(g.dtype(from...), s)
}

// axes returns some axes of a value of the given rank, at least one, in a random order.
func (g *generator) axes(rank int) []int { return g.r.Perm(rank)[:g.between(1, rank)] }

func reshape(g *generator) tensor.Value {
	x := anyOperand(g, 0)
	rest, shape := x.Size(), []int{}
	for rest > 1 && len(shape) < 3 {
		d := g.between(1, rest)
		for rest%d != 0 {
			d--
		}
		shape, rest = append(shape, d), rest/d
	}
	return tensor.Emit(tensor.OpReshape, tensor.Attr{Shape: append(shape, rest)}, x)
}

func broadcast(g *generator) tensor.Value {
	shape := g.dims(g.between(1, 4), 5)
	var axes, from []int
	for i, d := range shape {
		if g.chance(0.5) {
			axes = append(axes, i)
			from = append(from, pick(g, []int{1, d}))
		}
	}
	return g.operand(g.dtype(allDTypes...), from).BroadcastInDim(shape, axes)
}

func slice(g *generator) tensor.Value {
	x := anyOperand(g, 1)
	r := x.Rank()
	start, limit, step := make([]int, r), make([]int, r), make([]int, r)
	for i, d := range x.Shape() {
		start[i] = g.between(0, d-1)
		limit[i] = g.between(start[i]+1, d)
		step[i] = pick(g, []int{1, 1, 2, 3})
	}
	return x.SliceStep(start, limit, step)
}

func concat(g *generator) tensor.Value {
	x := anyOperand(g, 1)
	axis := g.r.IntN(x.Rank())
	parts := []any{x}
	for range g.between(1, 3) {
		s := slices.Clone(x.Shape())
		s[axis] = g.between(1, 5)
		parts = append(parts, g.operand(x.DType(), s))
	}
	g.r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return tensor.Concat(axis, parts...)
}

var indexMakers = map[tensor.Op]maker{
	tensor.OpDynamicSlice: single(func(g *generator) tensor.Value {
		x := anyOperand(g, 0)
		starts, sizes := make([]any, x.Rank()), make([]int, x.Rank())
		for i, d := range x.Shape() {
			starts[i], sizes[i] = g.start(d), g.between(1, d)
		}
		return x.DynamicSlice(starts, sizes...)
	}),
	tensor.OpDynamicUpdate: single(func(g *generator) tensor.Value {
		x := anyOperand(g, 0)
		starts, sizes := make([]any, x.Rank()), make([]int, x.Rank())
		for i, d := range x.Shape() {
			starts[i], sizes[i] = g.start(d), g.between(1, d)
		}
		return x.DynamicUpdate(g.operand(x.DType(), sizes), starts...)
	}),
	tensor.OpTake: single(func(g *generator) tensor.Value {
		x := anyOperand(g, 1)
		axis := g.r.IntN(x.Rank())
		return x.Take(g.given(g.indices(g.dims(g.between(0, 2), 6), x.Dim(axis))), axis)
	}),
	tensor.OpScatterAdd: single(func(g *generator) tensor.Value {
		x := operandOf(g, numbers, 1)
		axis := g.r.IntN(x.Rank())
		s := slices.Clone(x.Shape())
		s[axis] = g.between(1, 8)
		return x.ScatterAdd(axis, g.given(g.indices([]int{s[axis]}, x.Dim(axis))), g.operand(x.DType(), s))
	}),
	tensor.OpScatter: single(func(g *generator) tensor.Value {
		x := anyOperand(g, 1)
		axis := g.r.IntN(x.Rank())
		s := slices.Clone(x.Shape())
		s[axis] = g.between(1, 8)
		idx := []int{s[axis]}
		if lanes := g.between(axis+1, x.Rank()); g.chance(0.5) {
			idx = append(idx, s[lanes:]...)
		}
		return x.Scatter(axis, g.given(g.indices(idx, x.Dim(axis))), g.operand(x.DType(), s))
	}),
}

// start returns an index for a block in an axis of length n: mostly legal, else outside.
func (g *generator) start(n int) tensor.Value {
	if g.chance(0.3) {
		return g.scalar(tensor.I32)
	}
	return g.given(g.indices(nil, n))
}
