package simplify

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func (g *graph) rewriteReduction(op tensor.Op, attr *tensor.Attr, d tensor.DType, shape []int, x *node) *node {
	lo, hi := attr.Axis, attr.Axis2
	arg := op == tensor.OpArgMin || op == tensor.OpArgMax
	switch count := tensor.NumElements(x.shape[lo:hi]); {
	case count == 1 && arg:
		return g.number(d, 0, shape)
	case count == 1 && op == tensor.OpReduceSum && g.loose(d):
		return g.better(g.reshape(x, shape))
	case count == 1 && op != tensor.OpReduceSum:
		return g.reshape(x, shape)
	case count == 0 || arg:
		return nil
	}
	switch {
	case x.op == tensor.OpBroadcast && op != tensor.OpReduceProd && (op != tensor.OpReduceSum || g.loose(d)):
		return g.reduceBroadcast(op, attr, d, x)
	case x.op == tensor.OpReshape && lo == 0 && hi == len(x.shape) && len(x.in[0].shape) > 0:
		all := *attr // the same elements in the same order
		all.Axis2 = len(x.in[0].shape)
		return g.make(op, &all, d, shape, x.in[0])
	}
	return nil
}

// reduceBroadcast reduces over axes that a broadcast made without adding up copies: a sum is n times one of them.
func (g *graph) reduceBroadcast(op tensor.Op, attr *tensor.Attr, d tensor.DType, x *node) *node {
	n, hi := 1, attr.Axis2
	var shape, squeezed, axes []int // of the broadcast without those axes, and of its operand
	for a, dim := range x.shape {
		i := slices.Index(x.attr.Axes, a)
		if a >= attr.Axis && a < attr.Axis2 && repeats(x, a) {
			n *= dim
			hi--
			continue
		}
		if i >= 0 {
			axes = append(axes, len(shape))
			squeezed = append(squeezed, x.in[0].shape[i])
		}
		shape = append(shape, dim)
	}
	if hi == attr.Axis2 {
		return nil
	}
	y := g.broadcast(g.reshape(x.in[0], squeezed), shape, axes)
	if hi > attr.Axis {
		rest := *attr
		rest.Axis2 = hi
		y = g.make(op, &rest, d, append(slices.Clone(shape[:attr.Axis]), shape[hi:]...), y)
	}
	if op == tensor.OpReduceSum {
		return g.better(g.binary(tensor.OpMul, y, g.number(d, float64(n), y.shape)))
	}
	return y
}
