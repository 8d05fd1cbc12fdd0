//go:build cgo && (linux || darwin)

package xla

import "github.com/drey-sampler/drey/pkg/tensor"

// smallLoops makes XLA's compiler for CPUs take every loop without scatters, sorts and calls of libraries for a small one:
// one kernel, where it else starts one for each instruction of each turn, which takes longer than to compute a few lanes. The
// number is that of the bytes from which on a loop is not small.
const smallLoops = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1000000000000"

// shortAxis is the longest axis along which a row of each lane is written by a select over the whole array, many lanes at a
// time. A scatter takes one lane after another, and puts a loop around it into many kernels.
const shortAxis = 16

// withoutShortScatters returns f with selects in the place of scatters along short axes, for XLA's compiler for CPUs.
func withoutShortScatters(f *tensor.Func) (*tensor.Func, error) {
	rule := func(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
		if !writesShortRow(n) {
			return nil, false
		}
		return []tensor.Value{selectRow(in[0], in[1], in[2], n.Attr.Axis)}, true
	}
	return tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value { return f.ApplyWith(rule, args...) })
}

// writesShortRow reports whether an instruction writes one row a lane along a short axis.
func writesShortRow(n *tensor.Node) bool {
	if n.Op != tensor.OpScatter || n.Shape[n.Attr.Axis] > shortAxis {
		return false
	}
	idx := n.In[1].Shape()
	return len(idx) == 2 && idx[0] == 1
}

// selectRow returns x with the row u of each lane at idx [1, lanes] along an axis; the last axis is that of the lanes.
func selectRow(x, idx, u tensor.Value, axis int) tensor.Value {
	shape := x.Shape()
	var to []int
	for a := range shape {
		if a != axis {
			to = append(to, a)
		}
	}
	row := idx.Reshape(idx.Dim(1)).BroadcastInDim(shape, []int{len(shape) - 1})
	return tensor.Select(tensor.Iota(tensor.I32, axis, shape...).Eq(row), u.Squeeze(axis).BroadcastInDim(shape, to), x)
}
