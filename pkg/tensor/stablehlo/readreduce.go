package stablehlo

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// reducerOf returns the name of the operation that a block of two parameters applies to them, "" where it does
// something else.
func reducerOf(b *block) string {
	if len(b.ops) != 2 || len(b.params) != 2 || len(b.ops[0].results) != 1 || len(b.ops[1].operands) != 1 || b.ops[1].operands[0] != b.ops[0].results[0].name {
		return ""
	}
	x, y := b.params[0].name, b.params[1].name
	if in := b.ops[0].operands; slices.Equal(in, []string{x, y}) || slices.Equal(in, []string{y, x}) {
		return b.ops[0].name
	}
	return ""
}

// lift reads a block on single elements for whole tensors.
func (r *reader) lift(b *block, args []tensor.Value, s *scope) []tensor.Value {
	before := r.lifted
	r.lifted = true
	defer func() { r.lifted = before }()
	return r.block(b, args, s)
}

// liftTo is lift with results of the given shape.
func (r *reader) liftTo(shape []int, b *block, args []tensor.Value, s *scope) []tensor.Value {
	out := r.lift(b, args, s)
	for i, v := range out {
		out[i] = v.BroadcastTo(shape...)
	}
	return out
}

// readReduce gives our reductions where the block is one of them, else a scan over the reduced elements in index order.
func readReduce(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value {
	n := len(in) / 2
	if n == 0 || len(in) != 2*n || len(o.only().params) != 2*n {
		o.fail("%d operands and %d parameters", len(in), len(o.only().params))
	}
	x := in[0]
	for i, v := range in {
		if i < n && !equalInts(v.Shape(), x.Shape()) || i >= n && (v.Rank() != 0 || v.DType() != in[i-n].DType()) {
			o.fail("operands %s and %s", x, v)
		}
	}
	axes := o.axes("dimensions", o.attrs["dimensions"], x.Rank())
	if n == 1 {
		if v, ok := r.fold(o, x, in[1], axes); ok {
			return []tensor.Value{v}
		}
	}
	if n == 2 && len(axes) == 1 {
		if out, ok := r.argReduce(o, in, axes[0], s); ok {
			return out
		}
	}
	return r.reduceByScan(o, in, axes, s)
}

// fold reduces by one of our reductions and joins the initial value where that is not what they start from.
func (r *reader) fold(o *operation, x, init tensor.Value, axes []int) (tensor.Value, bool) {
	name := reducerOf(o.only())
	op := tensor.OpInvalid
	for k, v := range reducers {
		if v == name {
			op = k
		}
	}
	logical := op == tensor.OpReduceAny || op == tensor.OpReduceAll
	if op == tensor.OpInvalid || logical != (x.DType() == tensor.Bool) || len(axes) == 0 {
		return tensor.Value{}, false
	}
	empty := false
	for _, a := range axes {
		empty = empty || x.Shape()[a] == 0
	}
	if empty && (op == tensor.OpReduceMin || op == tensor.OpReduceMax) {
		return init.BroadcastTo(o.out[0].shape...), true
	}
	y := r.ownFold(o, op, x, axes)
	if b, ok := splatOf(init); ok && (b == identity(op, x.DType()) || op == tensor.OpReduceSum && tensor.DecodeFloat(x.DType(), b) == 0) {
		return y, true
	}
	return tensor.Emit(elementwiseOps[name], tensor.Attr{}, y, init.BroadcastTo(y.Shape()...)), true
}

func (r *reader) ownFold(o *operation, op tensor.Op, x tensor.Value, axes []int) tensor.Value {
	if name, ok := o.attrs["drey.order"].(string); ok && op == tensor.OpReduceSum {
		lo, hi := slices.Min(axes), slices.Max(axes)+1
		if hi-lo != len(axes) {
			o.fail("drey.order with axes %v apart", axes)
		}
		return tensor.Emit(op, tensor.Attr{Axis: lo, Axis2: hi, Order: sumOrderOf(o, name)}, x)
	}
	return map[tensor.Op]func(tensor.Value, ...int) tensor.Value{
		tensor.OpReduceSum: tensor.Value.Sum, tensor.OpReduceProd: tensor.Value.Prod, tensor.OpReduceMin: tensor.Value.MinOver,
		tensor.OpReduceMax: tensor.Value.MaxOver, tensor.OpReduceAny: tensor.Value.Any, tensor.OpReduceAll: tensor.Value.All,
	}[op](x, axes...)
}

// argReduce recognises the reduction of elements with their positions that finds the largest or the smallest.
func (r *reader) argReduce(o *operation, in []tensor.Value, axis int, s *scope) ([]tensor.Value, bool) {
	x, at := in[0], in[1]
	n := at.Node()
	if n.Op != tensor.OpIota || n.Attr.Axis != axis || x.DType() == tensor.Bool || x.Shape()[axis] == 0 {
		return nil, false
	}
	first, ok := splatOf(in[3])
	start, ok2 := splatOf(in[2])
	if !ok || !ok2 || first != 0 {
		return nil, false
	}
	d := x.DType()
	switch {
	case start == extreme(d, false) && r.picks(o.only(), s, d, at.DType(), true):
		return []tensor.Value{x.MaxOver(axis), x.ArgMax(axis).Convert(at.DType())}, true
	case start == extreme(d, true) && r.picks(o.only(), s, d, at.DType(), false):
		return []tensor.Value{x.MinOver(axis), x.ArgMin(axis).Convert(at.DType())}, true
	}
	return nil, false
}

// reduceByScan folds whole slices of the operands with the lifted block.
func (r *reader) reduceByScan(o *operation, in []tensor.Value, axes []int, s *scope) []tensor.Value {
	n := len(in) / 2
	x := in[0]
	var rest []int
	for i := range x.Rank() {
		if !slices.Contains(axes, i) {
			rest = append(rest, i)
		}
	}
	perm := append(slices.Sorted(slices.Values(axes)), rest...)
	var init, xs []tensor.Value
	var shape []int
	length := 1
	for i := range n {
		v := in[i].Transpose(perm...)
		shape = v.Shape()[len(axes):]
		length = tensor.NumElements(v.Shape()[:len(axes)])
		xs = append(xs, v.Reshape(append([]int{length}, shape...)...))
		init = append(init, r.in(in[n+i].BroadcastTo(shape...)))
	}
	out, _ := tensor.ScanN(init, xs, length, false, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		return r.liftTo(shape, o.only(), append(slices.Clone(c), x...), s), nil
	})
	return out
}

// readReduceWindow knows windows that grow along one axis: running sums, and running folds of any block.
func readReduceWindow(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value {
	x, init := in[0], in[1]
	axis, reverse, ok := o.growing(x)
	if !ok || init.Rank() != 0 || init.DType() != x.DType() || len(o.only().params) != 2 {
		o.fail("with a window that does not grow along one axis of the operand: drey reads running folds")
	}
	b, zero := splatOf(init)
	if reducerOf(o.only()) == "stablehlo.add" && zero && tensor.DecodeFloat(x.DType(), b) == 0 {
		return []tensor.Value{tensor.Emit(tensor.OpCumsum, tensor.Attr{Axis: axis, Reverse: reverse}, x)}
	}
	perm := append([]int{axis}, slices.Delete(axesRange(0, x.Rank()), axis, axis+1)...)
	rows := x.Transpose(perm...)
	shape := rows.Shape()[1:]
	start := r.in(init.BroadcastTo(shape...))
	_, ys := tensor.ScanN([]tensor.Value{start}, []tensor.Value{rows}, x.Shape()[axis], reverse, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		y := r.liftTo(shape, o.only(), []tensor.Value{c[0], x[0]}, s)
		return y, y
	})
	back := append(axesRange(1, axis+1), 0)
	return []tensor.Value{ys[0].Transpose(append(back, axesRange(axis+1, x.Rank())...)...)}
}

// growing finds the axis along which each window holds all elements up to its own, or from its own on.
func (o *operation) growing(x tensor.Value) (axis int, reverse, ok bool) {
	window, padding := o.integers("window_dimensions"), o.integers("padding")
	for _, name := range []string{"window_strides", "base_dilations", "window_dilations"} {
		for _, k := range o.integers(name) {
			if k != 1 {
				return 0, false, false
			}
		}
	}
	if len(window) != x.Rank() || len(padding) != 0 && len(padding) != 2*x.Rank() {
		o.fail("%d window dimensions for %s", len(window), x)
	}
	axis = -1
	for i, k := range window {
		low, high := 0, 0
		if len(padding) > 0 {
			low, high = padding[2*i], padding[2*i+1]
		}
		n := x.Shape()[i]
		switch {
		case k == 1 && low == 0 && high == 0:
			if n == 1 && axis < 0 {
				axis = i
			}
		case k == n && low+high == n-1 && (low == 0 || high == 0):
			axis, reverse = i, low == 0
			for j := range i { // a second axis like this one is another kind of window
				if window[j] != 1 {
					return 0, false, false
				}
			}
		default:
			return 0, false, false
		}
	}
	return max(axis, 0), reverse, axis >= 0
}

// readMap applies the block to whole tensors.
func readMap(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value {
	if len(in) == 0 {
		o.fail("of nothing")
	}
	return r.liftTo(in[0].Shape(), o.only(), in, s)
}
