package stablehlo

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// readScatter gives a ScatterAdd or a Scatter along an axis where rows are written, else one of single elements. A
// window that does not fit is dropped whole, as XLA does.
func readScatter(r *reader, o *operation, in []tensor.Value, _ *scope) []tensor.Value {
	x, idx, upd := in[0], in[1], in[2]
	op := scatterOp(o)
	d := o.numbers("scatter_dimension_numbers")
	rank := x.Rank()
	w := &windows{o: o, x: x,
		offset: o.axes("update_window_dims", d["update_window_dims"], upd.Rank()), collapsed: o.axes("inserted_window_dims", d["inserted_window_dims"], rank),
		batchX: o.axes("input_batching_dims", d["input_batching_dims"], rank), batchIdx: o.axes("scatter_indices_batching_dims", d["scatter_indices_batching_dims"], idx.Rank()),
		starts: o.axes("scatter_dims_to_operand_dims", d["scatter_dims_to_operand_dims"], rank)}
	w.sizes = make([]int, rank)
	k := 0
	for i := range w.sizes {
		w.sizes[i] = 1
		if !slices.Contains(w.collapsed, i) && !slices.Contains(w.batchX, i) && k < len(w.offset) {
			w.sizes[i] = upd.Shape()[w.offset[k]]
			k++
		}
	}
	w.check()
	vector := o.vectorDim(d, idx)
	if op == tensor.OpScatterAdd && w.adds(idx, vector) {
		return []tensor.Value{tensor.Emit(op, tensor.Attr{Axis: w.starts[0]}, x, idx, upd)}
	}
	w.components(r, idx, vector)
	if !equalInts(upd.Shape(), w.result()) {
		o.fail("updates %s, want shape %v", upd, w.result())
	}
	if x.Size() == 0 || upd.Size() == 0 {
		return []tensor.Value{x}
	}
	return []tensor.Value{w.scatter(r, op, upd)}
}

// scatterOp is the operation that the block of a scatter stands for.
func scatterOp(o *operation) tensor.Op {
	b := o.only()
	switch name := reducerOf(b); {
	case name == "stablehlo.add":
		return tensor.OpScatterAdd
	case len(b.ops) == 1 && len(b.params) == 2 && len(b.ops[0].operands) == 1 && b.ops[0].operands[0] == b.params[1].name:
		return tensor.OpScatter
	case name != "":
		o.fail("with %s: drey's scatters add or replace", name)
	}
	o.fail("with a block that neither adds nor replaces")
	return tensor.OpInvalid
}

// adds reports whether the scatter is a ScatterAdd as Print writes it.
func (w *windows) adds(idx tensor.Value, vector int) bool {
	if len(w.starts) != 1 || idx.Rank() != 1 || vector != 1 || idx.DType() != tensor.I32 || !equalInts(w.starts, w.collapsed) || !w.rows() {
		return false
	}
	axis := w.starts[0]
	return equalInts(w.offset, slices.Delete(axesRange(0, w.x.Rank()), axis, axis+1))
}

func (w *windows) scatter(r *reader, op tensor.Op, upd tensor.Value) tensor.Value {
	x, shape := w.x, w.x.Shape()
	within := func(at tensor.Value, to []int, axes []int) tensor.Value { // -1 for a window that does not fit
		valid := r.in(tensor.Lift(true)).BroadcastTo(w.batch...)
		for k, axis := range w.starts {
			valid = valid.And(w.index[k].Ge(0)).And(w.index[k].Le(shape[axis] - w.sizes[axis]))
		}
		return tensor.Select(valid.BroadcastInDim(to, axes), at, -1)
	}
	if !w.rows() || !sameSet(w.starts, w.collapsed) || len(w.starts) == 0 {
		at := w.positions(upd.Shape(), w.index, r)
		at = within(at, upd.Shape(), w.axes)
		flat := x.Reshape(x.Size())
		return tensor.Emit(op, tensor.Attr{}, flat, at.Reshape(upd.Size()), upd.Reshape(upd.Size())).Reshape(shape...)
	}
	// Rows: the updates become [n, the axes that are not indexed], x [the indexed axes as one, the others].
	rest := w.rest()
	n := tensor.NumElements(w.batch)
	rows := upd.Transpose(append(slices.Clone(w.axes), w.offset...)...)
	rows = rows.Reshape(append([]int{n}, rows.Shape()[len(w.axes):]...)...)
	at := w.row(w.index)
	if len(w.starts) > 1 { // one index alone drops of its own
		at = within(at, w.batch, axesRange(0, len(w.batch)))
	}
	at = at.Reshape(n)
	perm := append(slices.Clone(w.starts), rest...)
	moved := x.Transpose(perm...)
	flat := moved.Reshape(append([]int{-1}, moved.Shape()[len(w.starts):]...)...)
	y := tensor.Emit(op, tensor.Attr{}, flat, at, rows).Reshape(moved.Shape()...)
	back := make([]int, len(perm))
	for i, a := range perm {
		back[a] = i
	}
	return y.Transpose(back...)
}

func sameSet(a, b []int) bool {
	return equalInts(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
