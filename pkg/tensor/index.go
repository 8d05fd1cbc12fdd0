package tensor

import (
	"math"
	"slices"
)

// At returns x[i] along the first axis: i is a Go int (negative counts from the end), which drops the axis, or an I32
// Value of any shape, which replaces it (x[group]). Indices given as Values clamp to the axis.
func (x Value) At(i any) Value { return x.Take(i, 0) }

// Take returns x indexed along an axis, as At does along the first.
func (x Value) Take(i any, axis int) Value {
	n := x.node("take")
	a := normAxis(OpTake, axis, len(n.Shape))
	if k, ok := i.(int); ok {
		if k < 0 {
			k += n.Shape[a]
		}
		if k < 0 || k >= n.Shape[a] {
			fail(OpTake, "index %d is outside axis %d of %s", i, axis, x)
		}
		return x.Slice(a, k, k+1).Squeeze(a)
	}
	return emit(OpTake, Attr{Axis: a}, x, Lift(i))
}

// TakeAlong returns x[…, idx] along the last axis, where idx has the shape of x without that axis: one element a row.
func (x Value) TakeAlong(idx any) Value {
	i := Lift(idx)
	shape := x.node("take").Shape
	if len(shape) == 0 {
		fail(OpTake, "%s has no axis to index", x)
	}
	last := shape[len(shape)-1]
	lead := shape[:len(shape)-1]
	if !sameShape(lead, i.Shape()) {
		b, ok := BroadcastShapes(lead, i.Shape())
		if !ok {
			fail(OpTake, "indices %s do not match the rows of %s", i, x)
		}
		x = x.BroadcastTo(append(slices.Clone(b), last)...)
		i, lead = i.BroadcastTo(b...), b
	}
	if len(lead) == 0 {
		return x.Take(i, 0)
	}
	rows := NumElements(lead)
	flat := Iota(I32, 0, rows).Mul(last).Add(i.Reshape(rows).Clamp(0, last-1))
	return x.Reshape(rows*last).Take(flat, 0).Reshape(lead...)
}

// TakeLanes is Take with indices [n, lanes…], where the last axes of x are lanes that each have indices of their own: it
// reads what Scatter writes, from its axis of length n. Indices clamp.
func (x Value) TakeLanes(idx any, axis int) Value {
	i, shape := Lift(idx), x.node("take").Shape
	a, first := normAxis(OpTake, axis, len(shape)), len(shape)-(i.Rank()-1)
	if i.Rank() == 0 || first <= a || !sameShape(i.n.Shape[1:], shape[first:]) {
		fail(OpTake, "the axes of the indices %s after the first are not the last ones of %s after axis %d", i, x, a)
	}
	if i.Rank() == 1 {
		return x.Take(i, a)
	}
	if x.Size() > math.MaxInt32 {
		fail(OpTake, "%s has more elements than i32 positions reach", x)
	}
	n, lanes := i.n.Shape[0], NumElements(i.n.Shape[1:])
	block := []int{NumElements(shape[:a]), n, NumElements(shape[a+1 : first]), lanes}
	at := func(k, of int, v Value) Value { return v.Mul(of).Add(Iota(I32, k, block...)) }
	row := i.Clamp(0, shape[a]-1).Reshape(n, lanes).BroadcastInDim(block, []int{1, 3})
	from := at(3, lanes, at(2, block[2], Iota(I32, 0, block...).Mul(shape[a]).Add(row)))
	out := slices.Clone(shape)
	out[a] = n
	return x.Reshape(x.Size()).Take(from.Reshape(from.Size()), 0).Reshape(out...)
}

// ScatterAdd returns x with updates added along an axis at the I32 indices idx (rank 1), in index order: the transpose
// of Take. Indices out of range are dropped.
func (x Value) ScatterAdd(axis int, idx, updates any) Value {
	a := normAxis(OpScatterAdd, axis, x.Rank())
	return emit(OpScatterAdd, Attr{Axis: a}, x, Lift(idx), Lift(updates))
}

// Scatter returns x with updates in the places of its elements along an axis at the I32 indices idx, in index order: of
// equal indices the last one stays. Indices out of range are dropped. idx has the shape [n], or [n, lanes…] where the last
// axes of x and of updates are lanes that each have indices of their own.
func (x Value) Scatter(axis int, idx, updates any) Value {
	a := normAxis(OpScatter, axis, x.Rank())
	return emit(OpScatter, Attr{Axis: a}, x, Lift(idx), Lift(updates))
}

// DynamicSlice returns the block of the given sizes that begins at the I32 scalars starts, one per axis; starts clamp
// so that the block fits.
func (x Value) DynamicSlice(starts []any, sizes ...int) Value {
	x.node("dynamic_slice")
	return emit(OpDynamicSlice, Attr{Shape: slices.Clone(sizes)}, liftAll(x, starts)...)
}

// DynamicUpdate returns x with the block at starts replaced by update; starts clamp so that the block fits.
func (x Value) DynamicUpdate(update any, starts ...any) Value {
	x.node("dynamic_update")
	in := liftAll(x, starts)
	return emit(OpDynamicUpdate, Attr{}, slices.Insert(in, 1, Lift(update))...)
}

// Row returns x[i] along the first axis for an I32 scalar i, as a dynamic slice.
func (x Value) Row(i any) Value {
	shape := x.node("row").Shape
	starts := make([]any, len(shape))
	for k := range starts {
		starts[k] = 0
	}
	starts[0] = i
	sizes := slices.Clone(shape)
	sizes[0] = 1
	return x.DynamicSlice(starts, sizes...).Reshape(shape[1:]...)
}

// SetRow returns x with x[i] replaced along the first axis for an I32 scalar i.
func (x Value) SetRow(i, row any) Value {
	shape := x.node("set row").Shape
	starts := make([]any, len(shape))
	for k := range starts {
		starts[k] = 0
	}
	starts[0] = i
	r := Lift(row)
	return x.DynamicUpdate(r.Reshape(append([]int{1}, shape[1:]...)...), starts...)
}

func liftAll(x Value, rest []any) []Value {
	in := []Value{x}
	for _, r := range rest {
		in = append(in, Lift(r))
	}
	return in
}
