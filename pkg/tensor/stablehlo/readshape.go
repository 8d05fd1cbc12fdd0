package stablehlo

import (
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func readSlice(r *reader, o *operation, in []tensor.Value) tensor.Value {
	var a tensor.Attr
	if list, ok := o.attrs["ranges"].([]any); ok {
		bounds := o.toInts("ranges", list)
		for i := 0; i < len(bounds); i += 3 {
			a.Start, a.Limit, a.Step = append(a.Start, bounds[i]), append(a.Limit, bounds[i+1]), append(a.Step, bounds[i+2])
		}
	} else {
		a = tensor.Attr{Start: o.integers("start_indices"), Limit: o.integers("limit_indices"), Step: o.integers("strides")}
	}
	return tensor.Emit(tensor.OpSlice, a, in[0])
}

// readPad slices where padding is negative, and pads every element on its own where there is padding between them.
func readPad(r *reader, o *operation, in []tensor.Value) tensor.Value {
	x, v, rank := in[0], in[1], in[0].Rank()
	low, high, interior := o.padding("low"), o.padding("high"), o.padding("interior")
	if len(low) != rank || len(high) != rank || len(interior) != rank || v.Rank() != 0 {
		o.fail("padding that does not have the rank of %s", x)
	}
	for i, k := range interior {
		if k < 0 {
			o.fail("negative padding between elements")
		}
		if n := x.Shape()[i]; k > 0 && n > 1 {
			x = spread(x, v, i, k)
		}
	}
	start, limit, step := make([]int, rank), slices.Clone(x.Shape()), make([]int, rank)
	cut := false
	for i := range rank {
		step[i] = 1
		checkSize(o.line, []int{max(0, low[i]), max(0, high[i])})
		if low[i] < 0 || high[i] < 0 {
			cut = true
		}
		limit[i] += max(0, low[i]) + min(0, high[i])
		start[i] = max(0, -low[i])
		low[i], high[i] = max(0, low[i]), max(0, high[i])
	}
	if cut {
		for i := range high { // pad first: the bounds may reach into the padding
			limit[i] = max(limit[i], start[i])
		}
		return tensor.Emit(tensor.OpPad, tensor.Attr{Start: low, Limit: high}, x, v).SliceStep(start, sliceLimits(limit, o.out[0].shape, start), step)
	}
	return tensor.Emit(tensor.OpPad, tensor.Attr{Start: low, Limit: high}, x, v)
}

// sliceLimits are the ends of a block of the declared shape.
func sliceLimits(limit, shape, start []int) []int {
	out := slices.Clone(limit)
	for i := range min(len(shape), len(out)) {
		out[i] = start[i] + shape[i]
	}
	return out
}

// padding returns the widths of the pretty form, or of the generic one.
func (o *operation) padding(name string) []int {
	if x, ok := o.attrs[name]; ok {
		return o.toInts(name, x)
	}
	return o.integers(map[string]string{"low": "edge_padding_low", "high": "edge_padding_high", "interior": "interior_padding"}[name])
}

// spread puts k elements v between the elements of x along an axis.
func spread(x, v tensor.Value, axis, k int) tensor.Value {
	shape := x.Shape()
	n := shape[axis]
	apart := slices.Insert(slices.Clone(shape), axis+1, 1)
	low, high := make([]int, len(apart)), make([]int, len(apart))
	high[axis+1] = k
	y := x.Reshape(apart...).Pad(v, low, high)
	flat := slices.Clone(shape)
	flat[axis] = n * (k + 1)
	return y.Reshape(flat...).Slice(axis, 0, (n-1)*(k+1)+1)
}

func readConcatenate(_ *reader, o *operation, in []tensor.Value) tensor.Value {
	axis := o.attrs["dimension"]
	if axis == nil {
		axis = o.attrs["dim"]
	}
	if len(in) == 0 {
		o.fail("of nothing")
	}
	return tensor.Emit(tensor.OpConcat, tensor.Attr{Axis: o.toInt("dim", axis)}, in...)
}

func readDynamicSlice(r *reader, o *operation, in []tensor.Value) tensor.Value {
	sizes := o.attrs["slice_sizes"]
	if sizes == nil {
		sizes = o.attrs["sizes"]
	}
	if len(in) == 0 || len(in) != in[0].Rank()+1 {
		o.fail("%d operands", len(in))
	}
	for i := range in[1:] {
		in[i+1] = r.index(in[i+1], in[0].Shape()[i])
	}
	return tensor.Emit(tensor.OpDynamicSlice, tensor.Attr{Shape: o.toInts("sizes", sizes)}, in...)
}

func readDynamicUpdate(r *reader, o *operation, in []tensor.Value) tensor.Value {
	if len(in) < 2 || len(in) != in[0].Rank()+2 {
		o.fail("%d operands", len(in))
	}
	for i := range in[2:] {
		in[i+2] = r.index(in[i+2], in[0].Shape()[i])
	}
	return tensor.Emit(tensor.OpDynamicUpdate, tensor.Attr{}, in...)
}

// index returns indices into an axis of length n as I32: what is out of range stays so, on its side.
func (r *reader) index(v tensor.Value, n int) tensor.Value {
	d := v.DType()
	if d == tensor.I32 {
		return v
	}
	if !d.IsInt() {
		r.fail("indices of type %s", typeOf(v))
	}
	limit := min(n, math.MaxInt32)
	if a, ok := literal(v); ok && len(a.Bits) <= maxSplat {
		out := tensor.NewArray(tensor.I32, a.Shape)
		for i, b := range a.Bits {
			x := min(b, uint64(limit))
			if d == tensor.I64 {
				x = uint64(uint32(int32(max(-1, min(int64(b), int64(limit))))))
			}
			out.Bits[i] = x
		}
		return r.in(tensor.Lift(out)).BroadcastTo(v.Shape()...)
	}
	if d == tensor.I64 {
		v = v.Max(-1)
	}
	return v.Min(limit).Convert(tensor.I32)
}
