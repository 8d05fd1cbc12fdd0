//go:build cgo && (linux || darwin)

package xla

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// XLA's compiler for CPUs makes windows of a sum of more than window rows and writes out each of them, which is most of the
// machine code of a program with many parameters. Where many lanes are side by side, sums of up to longestLoop rows are loops
// instead, which do not take longer. (The rounding errors of one with more rows would be larger than those of windows.)
const (
	window      = 32
	longestLoop = 1024
)

// isLoopSum reports whether an instruction is such a sum.
func isLoopSum(n *tensor.Node) bool {
	if n.Op != tensor.OpReduceSum || n.Attr.Axis2 != n.Attr.Axis+1 || !n.DType.IsFloat() {
		return false
	}
	x := n.In[0]
	last, rows := x.Rank()-1, x.Dim(n.Attr.Axis)
	return n.Attr.Axis < last && x.Dim(last) >= manyLanes && rows > window && rows <= longestLoop
}

// sumRows adds the rows of each of x, arrays of one shape, along an axis. What takes a row little arithmetic is computed in
// the loop.
func sumRows(x []tensor.Value, axis int) []tensor.Value {
	count := x[0].Dim(axis)
	carry := []tensor.Value{tensor.In(x[0], 0)}
	for _, v := range x {
		carry = append(carry, tensor.In(v, tensor.Zeros(v.DType(), rowOf(v, axis)...)))
	}
	end := tensor.WhileN(carry,
		func(c []tensor.Value) tensor.Value { return c[0].Lt(count) },
		func(c []tensor.Value) []tensor.Value {
			r := rowReader{axis, c[0], map[tensor.Value]tensor.Value{}}
			next := []tensor.Value{c[0].Add(1)}
			for i, v := range x {
				next = append(next, c[i+1].Add(r.row(v)))
			}
			return next
		})[1:]
	for i, v := range end {
		end[i] = v.Squeeze(axis)
	}
	return end
}

// rowOf returns the shape of a row of x, which is 1 long along the axis.
func rowOf(x tensor.Value, axis int) []int {
	size := slices.Clone(x.Shape())
	size[axis] = 1
	return size
}

// rowReader computes the row of arrays at a place along an axis.
type rowReader struct {
	axis  int
	at    tensor.Value
	known map[tensor.Value]tensor.Value // rows that are computed already
}

func (r rowReader) row(x tensor.Value) tensor.Value {
	if v, ok := r.known[x]; ok {
		return v
	}
	v := r.compute(x)
	r.known[x] = v
	return v
}

func (r rowReader) compute(x tensor.Value) tensor.Value {
	n, size := x.Node(), rowOf(x, r.axis)
	switch n.Op {
	case tensor.OpNeg, tensor.OpAdd, tensor.OpSub, tensor.OpMul, tensor.OpSelect, tensor.OpConvert:
		in := make([]tensor.Value, len(n.In))
		for i, y := range n.In {
			in[i] = r.row(y)
		}
		return tensor.Emit(n.Op, n.Attr, in...)
	case tensor.OpBroadcast:
		from := n.In[0]
		if i := slices.Index(n.Attr.Axes, r.axis); i >= 0 && from.Dim(i) != 1 {
			from = from.DynamicSlice(rowStart(from.Rank(), i, r.at), rowOf(from, i)...)
		}
		return from.BroadcastInDim(size, n.Attr.Axes)
	case tensor.OpReshape:
		if v, ok := r.ofOneArray(n, size); ok {
			return v
		}
	}
	return x.DynamicSlice(rowStart(x.Rank(), r.axis, r.at), size...)
}

// ofOneArray returns a row of one of several arrays along the first axis, which a dynamic slice has taken.
func (r rowReader) ofOneArray(n *tensor.Node, size []int) (tensor.Value, bool) {
	one := n.In[0].Node()
	if one.Op != tensor.OpDynamicSlice || !slices.Equal(one.Shape, append([]int{1}, n.Shape...)) || !slices.Equal(one.In[0].Shape()[1:], n.Shape) {
		return tensor.Value{}, false
	}
	start := rowStart(len(one.Shape), r.axis+1, r.at)
	start[0] = one.In[1]
	return one.In[0].DynamicSlice(start, append([]int{1}, size...)...).Reshape(size...), true
}
