package eval

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// view addresses elements of a row-major array: element (i, j, …) of shape is at offset + i·strides[0] + j·strides[1] + ….
// A stride of zero repeats, a negative one reverses.
type view struct {
	shape   []int
	strides []int
	offset  int
}

// each calls f with the position of every element, in row-major order of the view.
func (v view) each(f func(pos int)) {
	if len(v.shape) == 0 {
		f(v.offset)
		return
	}
	n := v.shape[0]
	if len(v.shape) == 1 {
		for i, p := 0, v.offset; i < n; i, p = i+1, p+v.strides[0] {
			f(p)
		}
		return
	}
	for i := range n {
		view{v.shape[1:], v.strides[1:], v.offset + i*v.strides[0]}.each(f)
	}
}

// read copies the elements of src that the view addresses to dst.
func (v view) read(dst, src []uint64) {
	i := 0
	v.each(func(p int) {
		dst[i] = src[p]
		i++
	})
}

// write copies src to the elements of dst that the view addresses.
func (v view) write(dst, src []uint64) {
	i := 0
	v.each(func(p int) {
		dst[p] = src[i]
		i++
	})
}

// window is the view of a block of the given shape that begins at start in an array of shape whole.
func window(whole, start, shape []int) view {
	v := view{shape: shape, strides: tensor.Strides(whole)}
	for i, s := range v.strides {
		v.offset += s * start[i]
	}
	return v
}

func iota_(axis int) kernel {
	return func(out *tensor.Array, _ []*tensor.Array) {
		inner := tensor.NumElements(out.Shape[axis+1:])
		for i := range out.Bits {
			out.Bits[i] = tensor.EncodeFloat(out.DType, float64(i/inner%out.Shape[axis]))
		}
	}
}

func transpose(axes []int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		s := tensor.Strides(in[0].Shape)
		v := view{shape: out.Shape, strides: make([]int, len(axes))}
		for i, a := range axes {
			v.strides[i] = s[a]
		}
		v.read(out.Bits, in[0].Bits)
	}
}

func broadcast(axes []int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		s := tensor.Strides(in[0].Shape)
		v := view{shape: out.Shape, strides: make([]int, len(out.Shape))}
		for i, a := range axes {
			if in[0].Shape[i] != 1 {
				v.strides[a] = s[i]
			}
		}
		v.read(out.Bits, in[0].Bits)
	}
}

func slice(start, stride []int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		v := window(in[0].Shape, start, out.Shape)
		for i := range v.strides {
			v.strides[i] *= stride[i]
		}
		v.read(out.Bits, in[0].Bits)
	}
}

func reverse(axes []int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		v := window(in[0].Shape, make([]int, len(out.Shape)), out.Shape)
		for i := range v.strides {
			if slices.Contains(axes, i) {
				v.offset += v.strides[i] * (out.Shape[i] - 1)
				v.strides[i] = -v.strides[i]
			}
		}
		v.read(out.Bits, in[0].Bits)
	}
}

func concat(axis int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		start := make([]int, len(out.Shape))
		for _, x := range in {
			window(out.Shape, start, x.Shape).write(out.Bits, x.Bits)
			start[axis] += x.Shape[axis]
		}
	}
}

func pad(low []int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		for i := range out.Bits {
			out.Bits[i] = in[1].Bits[0]
		}
		window(out.Shape, low, in[0].Shape).write(out.Bits, in[0].Bits)
	}
}
