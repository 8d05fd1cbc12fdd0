package tensor

import "slices"

// reduceAxes applies a reduction over the axes given (all where none is): the trailing run of axes first, then the runs
// before it, so that a sum's order is defined by the program (SumLanes over trailing axes, SumIndex over others).
func reduceAxes(op Op, x Value, axes []int) Value {
	n := x.node(op.String())
	rank := len(n.Shape)
	drop := make([]bool, rank)
	for _, a := range axes {
		drop[normAxis(op, a, rank)] = true
	}
	if len(axes) == 0 {
		for i := range drop {
			drop[i] = true
		}
	}
	for hi := rank; hi > 0; {
		if !drop[hi-1] {
			hi--
			continue
		}
		lo := hi - 1
		for lo > 0 && drop[lo-1] {
			lo--
		}
		attr := Attr{Axis: lo, Axis2: hi}
		if op == OpReduceSum && hi < x.Rank() {
			attr.Order = SumIndex
		}
		x = emit(op, attr, x)
		hi = lo
	}
	return x
}

// Sum adds over the axes given, or over all.
func (x Value) Sum(axes ...int) Value { return reduceAxes(OpReduceSum, x, axes) }

// Prod multiplies over the axes given, or over all, in index order.
func (x Value) Prod(axes ...int) Value { return reduceAxes(OpReduceProd, x, axes) }

// MinOver returns the smallest element over the axes given, or over all; NaN if one is.
func (x Value) MinOver(axes ...int) Value { return reduceAxes(OpReduceMin, x, axes) }

// MaxOver returns the largest element over the axes given, or over all; NaN if one is.
func (x Value) MaxOver(axes ...int) Value { return reduceAxes(OpReduceMax, x, axes) }

// Any reports whether an element is true over the axes given, or over all.
func (x Value) Any(axes ...int) Value { return reduceAxes(OpReduceAny, x, axes) }

// All reports whether all elements are true over the axes given, or over all.
func (x Value) All(axes ...int) Value { return reduceAxes(OpReduceAll, x, axes) }

// ArgMin returns the I32 index of the smallest element along an axis, the first of equals.
func (x Value) ArgMin(axis int) Value { return argReduce(OpArgMin, x, axis) }

// ArgMax returns the I32 index of the largest element along an axis, the first of equals.
func (x Value) ArgMax(axis int) Value { return argReduce(OpArgMax, x, axis) }

func argReduce(op Op, x Value, axis int) Value {
	a := normAxis(op, axis, len(x.node(op.String()).Shape))
	return emit(op, Attr{Axis: a, Axis2: a + 1}, x)
}

// Mean averages over the axes given, or over all.
func (x Value) Mean(axes ...int) Value {
	s := x.Sum(axes...)
	return s.Div(float64(x.Size()) / float64(max(1, s.Size())))
}

// LogSumExp returns log Σ exp x over the axes given, or over all, without overflow; -Inf where all elements are.
func (x Value) LogSumExp(axes ...int) Value {
	m := x.MaxOver(axes...)
	m = Select(m.IsFinite(), m, 0.0).StopGradient()
	keep := m
	if len(axes) > 0 {
		keep = keepAxes(m, x.Rank(), axes)
	}
	return x.Sub(keep).Exp().Sum(axes...).Log().Add(m)
}

// keepAxes puts axes of length one back where a reduction over axes of an operand of the given rank dropped them.
func keepAxes(x Value, rank int, axes []int) Value {
	dropped := make([]int, len(axes))
	for i, a := range axes {
		dropped[i] = normAxis(OpReshape, a, rank)
	}
	slices.Sort(dropped)
	shape := slices.Clone(x.Shape())
	for _, a := range slices.Compact(dropped) {
		shape = slices.Insert(shape, a, 1)
	}
	return x.Reshape(shape...)
}

// Cumsum returns the running sum along an axis, in index order.
func (x Value) Cumsum(axis int) Value {
	x.node("cumsum")
	return emit(OpCumsum, Attr{Axis: axis}, x)
}

// ReverseCumsum returns the running sum along an axis from its end.
func (x Value) ReverseCumsum(axis int) Value {
	x.node("cumsum")
	return emit(OpCumsum, Attr{Axis: axis, Reverse: true}, x)
}

// Sort returns x with its elements ascending along an axis, NaN last.
func (x Value) Sort(axis int) Value {
	x.node("sort")
	return emit(OpSort, Attr{Axis: axis}, x)
}

// Argsort returns the I32 indices that sort x along an axis, stable, NaN last.
func (x Value) Argsort(axis int) Value {
	x.node("argsort")
	return emit(OpArgsort, Attr{Axis: axis}, x)
}
