package tensor

import "slices"

// Reshape returns the elements of x, in row-major order, in a new shape; one dimension may be -1 and follows from the rest.
func (x Value) Reshape(shape ...int) Value {
	n := x.node("reshape")
	shape = slices.Clone(shape)
	if i := slices.Index(shape, -1); i >= 0 {
		shape[i] = 1
		if rest := NumElements(shape); rest > 0 {
			shape[i] = NumElements(n.Shape) / rest
		}
	}
	if sameShape(shape, n.Shape) {
		return x
	}
	return emit(OpReshape, Attr{Shape: shape}, x)
}

// Transpose returns x with its axes permuted: axis i of the result is axis axes[i] of x. Without arguments the axes are reversed.
func (x Value) Transpose(axes ...int) Value {
	n := x.node("transpose")
	axes = slices.Clone(axes)
	if len(axes) == 0 {
		for i := len(n.Shape) - 1; i >= 0; i-- {
			axes = append(axes, i)
		}
	}
	identity := true
	for i, a := range axes {
		axes[i] = normAxis(OpTranspose, a, len(n.Shape))
		identity = identity && axes[i] == i
	}
	if identity && len(axes) == len(n.Shape) {
		return x
	}
	return emit(OpTranspose, Attr{Axes: axes}, x)
}

// SwapAxes returns x with two axes exchanged.
func (x Value) SwapAxes(a, b int) Value {
	rank := x.Rank()
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	a, b = normAxis(OpTranspose, a, rank), normAxis(OpTranspose, b, rank)
	axes[a], axes[b] = b, a
	return x.Transpose(axes...)
}

// BroadcastTo returns x repeated to a shape, by NumPy's rules.
func (x Value) BroadcastTo(shape ...int) Value {
	n := x.node("broadcast")
	if sameShape(n.Shape, shape) {
		return x
	}
	off := len(shape) - len(n.Shape)
	if off < 0 {
		fail(OpBroadcast, "%s does not broadcast to shape %v", x, shape)
	}
	axes := make([]int, len(n.Shape))
	for i := range axes {
		axes[i] = off + i
	}
	return emit(OpBroadcast, Attr{Shape: slices.Clone(shape), Axes: axes}, x)
}

// BroadcastInDim returns x broadcast so that its axis i becomes axis axes[i] of the result.
func (x Value) BroadcastInDim(shape, axes []int) Value {
	x.node("broadcast")
	return emit(OpBroadcast, Attr{Shape: slices.Clone(shape), Axes: slices.Clone(axes)}, x)
}

// ExpandDims returns x with an axis of length one inserted before axis.
func (x Value) ExpandDims(axis int) Value {
	rank := x.Rank()
	a := normAxis(OpReshape, axis, rank+1)
	return x.Reshape(slices.Insert(slices.Clone(x.Shape()), a, 1)...)
}

// Squeeze returns x without an axis of length one.
func (x Value) Squeeze(axis int) Value {
	a := normAxis(OpReshape, axis, x.Rank())
	if x.Shape()[a] != 1 {
		fail(OpReshape, "axis %d of %s is not of length one", axis, x)
	}
	return x.Reshape(slices.Delete(slices.Clone(x.Shape()), a, a+1)...)
}

// Reverse returns x with the order of elements reversed along the axes.
func (x Value) Reverse(axes ...int) Value {
	x.node("reverse")
	return emit(OpReverse, Attr{Axes: slices.Clone(axes)}, x)
}

// SliceStep returns x[start:limit:step] on every axis.
func (x Value) SliceStep(start, limit, step []int) Value {
	x.node("slice")
	return emit(OpSlice, Attr{Start: slices.Clone(start), Limit: slices.Clone(limit), Step: slices.Clone(step)}, x)
}

// Slice returns x[lo:hi] along an axis; negative bounds count from the end.
func (x Value) Slice(axis, lo, hi int) Value {
	shape := x.node("slice").Shape
	a := normAxis(OpSlice, axis, len(shape))
	if lo < 0 {
		lo += shape[a]
	}
	if hi < 0 {
		hi += shape[a]
	}
	if lo == 0 && hi == shape[a] {
		return x
	}
	start, limit, step := make([]int, len(shape)), slices.Clone(shape), make([]int, len(shape))
	for i := range step {
		step[i] = 1
	}
	start[a], limit[a] = lo, hi
	return x.SliceStep(start, limit, step)
}

// Pad returns x with low and high elements of value added on every axis.
func (x Value) Pad(value any, low, high []int) Value {
	x.node("pad")
	return emit(OpPad, Attr{Start: slices.Clone(low), Limit: slices.Clone(high)}, x, Lift(value))
}

// Concat joins values along an axis. At least one is needed; numbers and slices are allowed.
func Concat(axis int, parts ...any) Value {
	if len(parts) == 0 {
		fail(OpConcat, "of nothing")
	}
	in := make([]Value, len(parts))
	for i, p := range parts {
		in[i] = Lift(p)
	}
	if len(in) == 1 {
		return in[0]
	}
	return emit(OpConcat, Attr{Axis: axis}, in...)
}

// Stack joins values of one shape along a new axis.
func Stack(axis int, parts ...any) Value {
	in := make([]any, len(parts))
	for i, p := range parts {
		in[i] = Lift(p).ExpandDims(axis)
	}
	return Concat(axis, in...)
}

// Iota returns 0, 1, 2, … along an axis of a value of the given shape.
func Iota(d DType, axis int, shape ...int) Value {
	a := normAxis(OpIota, axis, len(shape))
	return emit(OpIota, Attr{DType: d, Axis: a, Shape: slices.Clone(shape)})
}

// Full returns a value of the given shape whose elements are all x.
func Full(x any, shape ...int) Value { return Lift(x).BroadcastTo(shape...) }

// Zeros returns zeros of dtype d.
func Zeros(d DType, shape ...int) Value {
	return Lift(NewArray(d, nil)).BroadcastTo(shape...)
}

// ZerosLike returns zeros of the dtype and shape of x, in the trace of x.
func ZerosLike(x Value) Value { return zeroLike(x).BroadcastTo(x.node("zeros").Shape...) }

// zeroLike returns a scalar zero of x's dtype.
func zeroLike(x Value) Value {
	n := x.node("zeros")
	switch n.DType {
	case weakInt:
		return Lift(0)
	case weakFloat:
		return Lift(0.0)
	}
	z := Value{&Node{Op: OpConst, Attr: Attr{Array: NewArray(n.DType, nil)}, DType: n.DType}}
	if n.owner != nil {
		z = n.owner.adopt(z, Invalid)
	}
	return z
}
