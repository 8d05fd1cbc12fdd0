package simplify

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

var noAttr = &tensor.Attr{}

// make returns a node that computes op of in, which is not always of that op. All nodes come from here, operands first,
// so a rule only sees operands that no rule applies to.
func (g *graph) make(op tensor.Op, attr *tensor.Attr, d tensor.DType, shape []int, in ...*node) *node {
	if n := g.fold(op, attr, shape, in); n != nil {
		return n
	}
	if n := g.rewrite(op, attr, d, shape, in); n != nil {
		return n
	}
	return g.intern(op, attr, d, shape, in...)
}

// rewrite applies the first rule that fits, or returns nil.
func (g *graph) rewrite(op tensor.Op, attr *tensor.Attr, d tensor.DType, shape []int, in []*node) *node {
	switch {
	case op.IsElementwise():
		return g.rewriteElementwise(op, attr, d, shape, in)
	case op.IsReduction():
		return g.rewriteReduction(op, attr, d, shape, in[0])
	}
	switch op {
	case tensor.OpIota:
		if attr.Shape[attr.Axis] == 1 {
			return g.number(d, 0, shape)
		}
	case tensor.OpCumsum:
		if shape[attr.Axis] == 1 && g.loose(d) {
			return g.better(in[0])
		}
	case tensor.OpSort:
		if shape[attr.Axis] == 1 {
			return in[0]
		}
	case tensor.OpArgsort:
		if shape[attr.Axis] == 1 {
			return g.number(d, 0, shape)
		}
	case tensor.OpReshape:
		return g.rewriteReshape(shape, in[0])
	case tensor.OpTranspose:
		return g.rewriteTranspose(attr.Axes, shape, in[0])
	case tensor.OpBroadcast:
		return g.rewriteBroadcast(attr.Axes, shape, in[0])
	case tensor.OpSlice:
		return g.rewriteSlice(attr, shape, in[0])
	case tensor.OpReverse:
		return g.rewriteReverse(attr.Axes, in[0])
	case tensor.OpConcat:
		return g.rewriteConcat(attr.Axis, shape, in)
	case tensor.OpPad:
		return g.rewritePad(attr, shape, in[0], in[1])
	case tensor.OpDynamicSlice:
		return g.rewriteDynamicSlice(attr.Shape, in)
	case tensor.OpDynamicUpdate:
		return g.rewriteDynamicUpdate(in)
	case tensor.OpTake:
		return g.rewriteTake(attr.Axis, shape, in[0], in[1])
	}
	return nil
}

func (g *graph) rewriteElementwise(op tensor.Op, attr *tensor.Attr, d tensor.DType, shape []int, in []*node) *node {
	if n := g.sink(op, attr, d, shape, in); n != nil {
		return n
	}
	switch {
	case op == tensor.OpSelect:
		return g.rewriteSelect(in[0], in[1], in[2])
	case op.IsUnary():
		return g.rewriteUnary(op, d, in[0])
	case op.IsCompare():
		return g.rewriteCompare(op, in[0], in[1])
	case d == tensor.Bool:
		return g.rewriteLogic(op, in[0], in[1])
	case d.IsFloat():
		return g.rewriteFloat(op, in[0], in[1])
	}
	return g.rewriteInteger(op, in[0], in[1])
}

// loose reports whether values of dtype d may be replaced by others that are as good or better, as the package comment
// lists; integers are the same then.
func (g *graph) loose(d tensor.DType) bool { return !g.exact || !d.IsFloat() }

// better counts such a rewrite.
func (g *graph) better(n *node) *node {
	if n != nil && n.dtype.IsFloat() {
		g.inexact++
	}
	return n
}

// sink computes an operation on broadcast operands before the broadcast, on fewer elements. Constants fit any broadcast.
func (g *graph) sink(op tensor.Op, attr *tensor.Attr, d tensor.DType, shape []int, in []*node) *node {
	var like *node
	for _, x := range in {
		if x.op != tensor.OpBroadcast {
			return nil
		}
		if _, ok := splat(x); ok {
			continue
		}
		if like != nil && (!slices.Equal(like.attr.Axes, x.attr.Axes) || !slices.Equal(like.in[0].shape, x.in[0].shape)) {
			return nil
		}
		like = x
	}
	if like == nil {
		like = in[0]
	}
	small := like.in[0].shape
	args := make([]*node, len(in))
	for i, x := range in {
		args[i] = x.in[0]
		if len(args[i].shape) == 0 {
			args[i] = g.broadcast(args[i], small, nil)
		}
	}
	return g.broadcast(g.make(op, attr, d, small, args...), shape, like.attr.Axes)
}

func (g *graph) unary(op tensor.Op, x *node) *node {
	return g.make(op, noAttr, x.dtype, x.shape, x)
}

// binary makes an operation of two operands of one dtype and shape.
func (g *graph) binary(op tensor.Op, x, y *node) *node {
	d := x.dtype
	if op.IsCompare() {
		d = tensor.Bool
	}
	return g.make(op, noAttr, d, x.shape, x, y)
}

func (g *graph) choose(c, x, y *node) *node {
	return g.make(tensor.OpSelect, noAttr, x.dtype, x.shape, c, x, y)
}

func (g *graph) convert(x *node, d tensor.DType) *node {
	return g.make(tensor.OpConvert, &tensor.Attr{DType: d}, d, x.shape, x)
}
