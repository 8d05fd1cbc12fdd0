package wasm

import "github.com/drey-sampler/drey/pkg/tensor"

// lower rewrites f into what the code generator takes: scans become while loops over row updates, calls are inlined and
// inner products become a product and a sum (the lane rule of both is the same, so the bits are too).
func lower(f *tensor.Func) (*tensor.Func, error) {
	return tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value {
		return f.ApplyWith(lowerNode, args...)
	})
}

func lowerNode(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	switch n.Op {
	case tensor.OpStopGradient:
		return in, true
	case tensor.OpReduceSum, tensor.OpReduceProd, tensor.OpReduceMin, tensor.OpReduceMax, tensor.OpReduceAny, tensor.OpReduceAll:
		if tensor.NumElements(in[0].Shape()[n.Attr.Axis:n.Attr.Axis2]) == 1 {
			x := in[0].Reshape(n.Shape...)
			if n.Op == tensor.OpReduceSum && n.DType.IsFloat() { // the accumulator starts at +0
				x = x.Add(0)
			}
			return []tensor.Value{x}, true
		}
		if n.Op != tensor.OpReduceSum {
			return nil, false
		}
		if x := in[0]; n.Attr.Order == tensor.SumLanes && n.Attr.Axis2 < x.Rank() { // lanes over leading axes: bring them last
			return []tensor.Value{lanesLast(n.Attr, x)}, true
		}
	case tensor.OpTake:
		return clampIndices(n, in)
	case tensor.OpDot:
		d := n.Attr.Dot
		if len(n.Shape) == 0 && in[0].Rank() == 1 && d.Order == tensor.SumLanes {
			return []tensor.Value{in[0].Mul(in[1]).Sum()}, true
		}
	case tensor.OpCall:
		return tensor.CopyRegion(n.Regions[0], tensor.Env{}, in, lowerNode), true
	}
	return nil, false
}

// inBounds in Attr.Index marks a gather whose indices are known to lie within the axis.
const inBounds = 1

// clampIndices takes the clamping of indices out of a gather: of indices that are data it then happens once, before all
// loops.
func clampIndices(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	if in[1].Size() == 1 {
		return nil, false
	}
	at := n.Attr
	at.Index = inBounds
	limit := in[0].Shape()[at.Axis] - 1
	return []tensor.Value{tensor.Emit(tensor.OpTake, at, in[0], in[1].Max(0).Min(limit))}, true
}

// lanesLast sums over axes that are not the last ones by the lane rule.
func lanesLast(at tensor.Attr, x tensor.Value) tensor.Value {
	var perm []int
	for i := range x.Rank() {
		if i < at.Axis || i >= at.Axis2 {
			perm = append(perm, i)
		}
	}
	kept := len(perm)
	for i := at.Axis; i < at.Axis2; i++ {
		perm = append(perm, i)
	}
	return tensor.Emit(tensor.OpReduceSum, tensor.Attr{Axis: kept, Axis2: x.Rank(), Order: tensor.SumLanes}, x.Transpose(perm...))
}

// unrollScans replaces OpScan by OpWhile: the carry gains a step counter and one buffer per stacked result.
func unrollScans(f *tensor.Func) (*tensor.Func, error) {
	return tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value {
		c := &scanLowering{env: tensor.Env{}}
		return tensor.CopyRegion(f.Body, c.env, args, c.rule)
	})
}

type scanLowering struct{ env tensor.Env }

func (c *scanLowering) rule(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	if n.Op != tensor.OpScan {
		return nil, false
	}
	nc, length := n.Attr.Index, n.Attr.Length
	xs := in[nc:]
	like := in[0]
	init := append([]tensor.Value{tensor.In(like, tensor.Zeros(tensor.I32))}, in[:nc]...)
	for i := nc; i < n.NumResults(); i++ {
		d, shape := n.ResultSpec(i)
		init = append(init, tensor.In(like, tensor.Zeros(d, shape...)))
	}
	out := tensor.WhileN(init,
		func(s []tensor.Value) tensor.Value { return s[0].Lt(length) },
		func(s []tensor.Value) []tensor.Value {
			row := s[0]
			if n.Attr.Reverse {
				row = tensor.In(s[0], length-1).Sub(s[0])
			}
			params := append([]tensor.Value(nil), s[1:1+nc]...)
			for _, x := range xs {
				params = append(params, x.Row(row))
			}
			res := tensor.CopyRegion(n.Regions[0], c.env, params, c.rule)
			next := append([]tensor.Value{s[0].Add(1)}, res[:nc]...)
			for i, y := range res[nc:] {
				next = append(next, s[1+nc+i].SetRow(row, y))
			}
			return next
		})
	return out[1:], true
}
