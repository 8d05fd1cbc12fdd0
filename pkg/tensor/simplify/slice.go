package simplify

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func (g *graph) slice(x *node, start, limit, step []int) *node {
	shape := make([]int, len(start))
	for i := range shape {
		shape[i] = (limit[i] - start[i] + step[i] - 1) / step[i]
	}
	return g.make(tensor.OpSlice, &tensor.Attr{Start: start, Limit: limit, Step: step}, x.dtype, shape, x)
}

func ones(n int) []int { return slices.Repeat([]int{1}, n) }

func (g *graph) rewriteSlice(attr *tensor.Attr, shape []int, x *node) *node {
	if slices.Equal(shape, x.shape) {
		return x
	}
	limit, step := tight(attr)
	if !slices.Equal(limit, attr.Limit) || !slices.Equal(step, attr.Step) {
		return g.slice(x, attr.Start, limit, step)
	}
	switch x.op {
	case tensor.OpSlice:
		return g.sliceSlice(attr, x)
	case tensor.OpBroadcast:
		return g.sliceBroadcast(attr, shape, x)
	case tensor.OpPad:
		return g.slicePad(attr, shape, x)
	case tensor.OpConcat:
		return g.sliceConcat(attr, x)
	}
	return nil
}

// tight returns the bounds of a slice written in one way: the limit just behind the last element, step one where there
// is one element.
func tight(a *tensor.Attr) (limit, step []int) {
	limit, step = slices.Clone(a.Limit), slices.Clone(a.Step)
	for i, lo := range a.Start {
		if n := (limit[i] - lo + step[i] - 1) / step[i]; n > 0 {
			limit[i] = lo + (n-1)*step[i] + 1
			if n == 1 {
				step[i] = 1
			}
		}
	}
	return limit, step
}

func (g *graph) sliceSlice(a *tensor.Attr, x *node) *node {
	n := len(a.Start)
	start, limit, step := make([]int, n), make([]int, n), make([]int, n)
	for i := range n {
		s := x.attr.Step[i]
		step[i] = a.Step[i] * s
		if a.Limit[i] > a.Start[i] { // else it is empty, wherever it begins
			start[i] = x.attr.Start[i] + a.Start[i]*s
			limit[i] = x.attr.Start[i] + (a.Limit[i]-1)*s + 1
		}
	}
	return g.slice(x.in[0], start, limit, step)
}

// sliceBroadcast slices what was broadcast, along the axes that it has.
func (g *graph) sliceBroadcast(a *tensor.Attr, shape []int, x *node) *node {
	inner := x.in[0]
	start, limit, step := make([]int, len(inner.shape)), slices.Clone(inner.shape), ones(len(inner.shape))
	for i, axis := range x.attr.Axes {
		if inner.shape[i] != 1 {
			start[i], limit[i], step[i] = a.Start[axis], a.Limit[axis], a.Step[axis]
		}
	}
	return g.broadcast(g.slice(inner, start, limit, step), shape, x.attr.Axes)
}

// slicePad answers for slices that lie in what was padded, or beside it.
func (g *graph) slicePad(a *tensor.Attr, shape []int, x *node) *node {
	inner, low := x.in[0], x.attr.Start
	n := len(low)
	start, limit := make([]int, n), make([]int, n)
	inside := true
	for i := range n {
		start[i], limit[i] = a.Start[i]-low[i], a.Limit[i]-low[i]
		if limit[i] <= 0 || start[i] >= inner.shape[i] {
			return g.broadcast(x.in[1], shape, nil)
		}
		inside = inside && start[i] >= 0 && limit[i] <= inner.shape[i]
	}
	if !inside {
		return nil
	}
	return g.slice(inner, start, limit, a.Step)
}

// sliceConcat slices the parts that the slice meets.
func (g *graph) sliceConcat(a *tensor.Attr, x *node) *node {
	axis := x.attr.Axis
	var parts []*node
	at := 0
	for _, p := range x.in {
		n := p.shape[axis]
		lo, hi := max(a.Start[axis]-at, 0), min(a.Limit[axis]-at, n)
		whole := a.Start[axis] >= at && a.Limit[axis] <= at+n
		at += n
		if lo >= hi {
			continue
		}
		if a.Step[axis] != 1 && !whole {
			return nil
		}
		start, limit := slices.Clone(a.Start), slices.Clone(a.Limit)
		start[axis], limit[axis] = lo, hi
		parts = append(parts, g.slice(p, start, limit, a.Step))
	}
	if len(parts) == 0 {
		return nil
	}
	return g.concat(axis, parts)
}

// rewriteDynamicSlice makes a static slice of one whose starts are constants.
func (g *graph) rewriteDynamicSlice(sizes []int, in []*node) *node {
	x := in[0]
	if slices.Equal(sizes, x.shape) {
		return x
	}
	start, ok := staticStarts(in[1:], x.shape, sizes)
	if !ok {
		return nil
	}
	limit := make([]int, len(start))
	for i, s := range start {
		limit[i] = s + sizes[i]
	}
	return g.slice(x, start, limit, ones(len(start)))
}

func (g *graph) rewriteDynamicUpdate(in []*node) *node {
	if slices.Equal(in[0].shape, in[1].shape) {
		return in[1]
	}
	return nil
}

// staticStarts returns constant starts, clamped as the operations do.
func staticStarts(starts []*node, shape, sizes []int) ([]int, bool) {
	out := make([]int, len(starts))
	for i, s := range starts {
		b, ok := splat(s)
		if !ok {
			if sizes[i] != shape[i] { // a block as long as its axis begins at 0 anyway
				return nil, false
			}
			continue
		}
		out[i] = max(0, min(int(int32(uint32(b))), shape[i]-sizes[i]))
	}
	return out, true
}

// rewriteTake makes a slice of a constant index, or of constant indices at equal distances.
func (g *graph) rewriteTake(axis int, shape []int, x, idx *node) *node {
	if !isConstant(idx) || tensor.NumElements(idx.shape) == 0 {
		return nil
	}
	at := idx.array().Bits
	n := x.shape[axis]
	pos := func(i int) int { return max(0, min(int(int32(uint32(at[i]))), n-1)) }
	step := 1
	if len(at) > 1 {
		step = pos(1) - pos(0)
	}
	for i := range at {
		if step < 1 || pos(i) != pos(0)+i*step {
			return nil
		}
	}
	start, limit, steps := make([]int, len(x.shape)), slices.Clone(x.shape), ones(len(x.shape))
	start[axis], limit[axis], steps[axis] = pos(0), pos(len(at)-1)+1, step
	return g.reshape(g.slice(x, start, limit, steps), shape)
}
