package simplify

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// maxFold is the number of elements up to which a result that is known is stored in the program; maxFoldOperands
// limits the work of computing it.
const (
	maxFold         = 64
	maxFoldOperands = 4096
)

// constant returns the node of an array: a scalar, an array of different elements, or the broadcast of a scalar.
func (g *graph) constant(a *tensor.Array) *node {
	if len(a.Shape) == 0 {
		return g.scalar(a.DType, a.Bits[0])
	}
	uniform := true
	for _, b := range a.Bits {
		uniform = uniform && b == a.Bits[0]
	}
	switch {
	case len(a.Bits) == 0:
		return g.splat(a.DType, 0, a.Shape)
	case uniform:
		return g.splat(a.DType, a.Bits[0], a.Shape)
	}
	return g.intern(tensor.OpConst, &tensor.Attr{Array: a}, a.DType, a.Shape)
}

func (g *graph) scalar(d tensor.DType, bits uint64) *node {
	a := &tensor.Array{DType: d, Bits: []uint64{bits}}
	return g.intern(tensor.OpConst, &tensor.Attr{Array: a}, d, nil)
}

// splat returns the constant whose elements are all the same.
func (g *graph) splat(d tensor.DType, bits uint64, shape []int) *node {
	return g.broadcast(g.scalar(d, bits), shape, nil)
}

// number returns the constant whose elements are all x.
func (g *graph) number(d tensor.DType, x float64, shape []int) *node {
	return g.splat(d, tensor.EncodeFloat(d, x), shape)
}

// splat returns the element of a constant whose elements are all the same.
func splat(n *node) (bits uint64, ok bool) {
	if n.op == tensor.OpBroadcast {
		n = n.in[0]
	}
	if n.op == tensor.OpConst && len(n.shape) == 0 {
		return n.attr.Array.Bits[0], true
	}
	return 0, false
}

// isNumber reports whether all elements of n are the number x, of either sign where x is zero.
func isNumber(n *node, x float64) bool {
	b, ok := splat(n)
	return ok && tensor.DecodeFloat(n.dtype, b) == x
}

func isConstant(n *node) bool {
	_, ok := splat(n)
	return ok || n.op == tensor.OpConst
}

// array returns the elements of a constant.
func (n *node) array() *tensor.Array {
	if n.op == tensor.OpConst {
		return n.attr.Array
	}
	b, _ := splat(n)
	a := tensor.NewArray(n.dtype, n.shape)
	for i := range a.Bits {
		a.Bits[i] = b
	}
	return a
}

// fold evaluates an instruction on constants, or returns nil. Broadcast and iota stay: they need no memory.
func (g *graph) fold(op tensor.Op, attr *tensor.Attr, shape []int, in []*node) *node {
	if op == tensor.OpBroadcast || op == tensor.OpIota || op == tensor.OpConst || tensor.NumElements(shape) > maxFold {
		return nil
	}
	size := 0
	for _, x := range in {
		if !isConstant(x) {
			return nil
		}
		size += tensor.NumElements(x.shape)
	}
	if size > maxFoldOperands {
		return nil
	}
	arrays := make([]*tensor.Array, len(in))
	for i, x := range in {
		arrays[i] = x.array()
	}
	out, err := g.folder.Fold(op, *attr, arrays)
	if err != nil { // an operation that can not be evaluated here stays in the program
		return nil
	}
	return g.constant(out)
}

// isFinite reports whether n is known to have neither infinities nor NaN.
func isFinite(n *node) bool {
	switch n.op {
	case tensor.OpConst:
		for _, x := range n.attr.Array.Float64s() {
			if math.IsInf(x, 0) || math.IsNaN(x) {
				return false
			}
		}
		return true
	case tensor.OpIota:
		return true
	case tensor.OpConvert:
		return !n.in[0].dtype.IsFloat()
	case tensor.OpBroadcast, tensor.OpReshape, tensor.OpSlice, tensor.OpTranspose:
		return isFinite(n.in[0])
	}
	return !n.dtype.IsFloat()
}
