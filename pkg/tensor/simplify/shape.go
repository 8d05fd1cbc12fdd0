package simplify

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func (g *graph) reshape(x *node, shape []int) *node {
	return g.make(tensor.OpReshape, &tensor.Attr{Shape: shape}, x.dtype, shape, x)
}

func (g *graph) broadcast(x *node, shape, axes []int) *node {
	return g.make(tensor.OpBroadcast, &tensor.Attr{Shape: shape, Axes: axes}, x.dtype, shape, x)
}

func (g *graph) transpose(x *node, axes []int) *node {
	shape := make([]int, len(axes))
	for i, a := range axes {
		shape[i] = x.shape[a]
	}
	return g.make(tensor.OpTranspose, &tensor.Attr{Axes: axes}, x.dtype, shape, x)
}

func (g *graph) rewriteReshape(shape []int, x *node) *node {
	if slices.Equal(shape, x.shape) {
		return x
	}
	if b, ok := splat(x); ok {
		return g.splat(x.dtype, b, shape)
	}
	switch x.op {
	case tensor.OpReshape:
		return g.reshape(x.in[0], shape)
	case tensor.OpConst:
		a := x.attr.Array
		return g.constant(&tensor.Array{DType: a.DType, Shape: shape, Bits: a.Bits})
	case tensor.OpBroadcast:
		return g.reshapeBroadcast(shape, x)
	}
	return nil
}

// reshapeBroadcast moves axes of length one in and out of a broadcast, and broadcasts a scalar to any shape.
func (g *graph) reshapeBroadcast(shape []int, x *node) *node {
	if len(x.in[0].shape) == 0 {
		return g.broadcast(x.in[0], shape, nil)
	}
	to, ok := matchLong(x.shape, shape)
	if !ok {
		return nil
	}
	var axes []int
	for _, a := range x.attr.Axes {
		if to[a] < 0 {
			return nil
		}
		axes = append(axes, to[a])
	}
	return g.broadcast(x.in[0], shape, axes)
}

// matchLong pairs the axes of two shapes that differ in axes of length one only: to[i] is the axis of b that is axis i
// of a, or -1 for an axis of length one.
func matchLong(a, b []int) (to []int, ok bool) {
	to = make([]int, len(a))
	j := 0
	for i, n := range a {
		to[i] = -1
		if n == 1 {
			continue
		}
		for j < len(b) && b[j] == 1 {
			j++
		}
		if j == len(b) || b[j] != n {
			return nil, false
		}
		to[i] = j
		j++
	}
	for ; j < len(b); j++ {
		if b[j] != 1 {
			return nil, false
		}
	}
	return to, true
}

func (g *graph) rewriteBroadcast(axes, shape []int, x *node) *node {
	switch {
	case len(shape) == 0:
		return x
	case tensor.NumElements(shape) == tensor.NumElements(x.shape) && !(x.op == tensor.OpConst && len(x.shape) == 0):
		return g.reshape(x, shape)
	}
	switch x.op {
	case tensor.OpBroadcast:
		through := make([]int, len(x.attr.Axes))
		for i, a := range x.attr.Axes {
			through[i] = axes[a]
		}
		// An axis that the first broadcast made long from one, or the second from one, is long from one.
		return g.broadcast(x.in[0], shape, through)
	case tensor.OpReshape:
		return g.broadcastReshape(axes, shape, x)
	}
	return nil
}

// broadcastReshape drops a reshape that only inserted axes of length one.
func (g *graph) broadcastReshape(axes, shape []int, x *node) *node {
	inner := x.in[0]
	to, ok := matchLong(inner.shape, x.shape)
	if !ok || slices.Contains(to, -1) {
		return nil
	}
	through := make([]int, len(to))
	for i, a := range to {
		through[i] = axes[a]
	}
	return g.broadcast(inner, shape, through)
}

func (g *graph) rewriteTranspose(axes, shape []int, x *node) *node {
	var long []int // the long axes of x in the order of the result
	for _, a := range axes {
		if x.shape[a] != 1 {
			long = append(long, a)
		}
	}
	if slices.IsSorted(long) {
		return g.reshape(x, shape)
	}
	switch x.op {
	case tensor.OpTranspose:
		through := make([]int, len(axes))
		for i, a := range axes {
			through[i] = x.attr.Axes[a]
		}
		return g.transpose(x.in[0], through)
	case tensor.OpBroadcast:
		return g.transposeBroadcast(axes, shape, x)
	}
	return nil
}

// transposeBroadcast transposes the smaller operand, if at all.
func (g *graph) transposeBroadcast(axes, shape []int, x *node) *node {
	inverse := make([]int, len(axes))
	for i, a := range axes {
		inverse[a] = i
	}
	at := make([]int, len(x.attr.Axes)) // where the operand's axes are in the result
	order := make([]int, len(at))
	for i, a := range x.attr.Axes {
		at[i], order[i] = inverse[a], i
	}
	slices.SortFunc(order, func(a, b int) int { return at[a] - at[b] })
	slices.Sort(at)
	return g.broadcast(g.transpose(x.in[0], order), shape, at)
}

func (g *graph) rewriteReverse(axes []int, x *node) *node {
	var left []int
	for a := range x.shape {
		flip := slices.Contains(axes, a) != (x.op == tensor.OpReverse && slices.Contains(x.attr.Axes, a))
		if flip && x.shape[a] != 1 && !repeats(x, a) {
			left = append(left, a)
		}
	}
	if x.op == tensor.OpReverse {
		x = x.in[0]
	} else if slices.Equal(left, axes) {
		return nil
	}
	if len(left) == 0 {
		return x
	}
	return g.make(tensor.OpReverse, &tensor.Attr{Axes: left}, x.dtype, x.shape, x)
}

// repeats reports whether all elements of x along an axis are copies made by a broadcast.
func repeats(x *node, axis int) bool {
	if x.op != tensor.OpBroadcast {
		return false
	}
	i := slices.Index(x.attr.Axes, axis)
	return i < 0 || x.in[0].shape[i] == 1
}
