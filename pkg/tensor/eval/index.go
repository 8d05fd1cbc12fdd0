package eval

import "github.com/drey-sampler/drey/pkg/tensor"

// clampedStarts reads I32 scalars as block starts and clamps each so that a block of the given sizes fits into shape.
func clampedStarts(starts []*tensor.Array, shape, sizes []int) []int {
	out := make([]int, len(starts))
	for i, s := range starts {
		out[i] = max(0, min(int(int32(uint32(s.Bits[0]))), shape[i]-sizes[i]))
	}
	return out
}

func dynamicSlice(out *tensor.Array, in []*tensor.Array) {
	x := in[0]
	start := clampedStarts(in[1:], x.Shape, out.Shape)
	window(x.Shape, start, out.Shape).read(out.Bits, x.Bits)
}

func dynamicUpdate(out *tensor.Array, in []*tensor.Array) {
	x, u := in[0], in[1]
	start := clampedStarts(in[2:], x.Shape, u.Shape)
	copy(out.Bits, x.Bits)
	window(x.Shape, start, u.Shape).write(out.Bits, u.Bits)
}

// take treats x as [outer, axis, inner] and gives [outer, indices, inner].
func take(axis int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		x, idx := in[0], in[1]
		n, inner := x.Shape[axis], tensor.NumElements(x.Shape[axis+1:])
		dst := out.Bits
		for o := range tensor.NumElements(x.Shape[:axis]) {
			for _, b := range idx.Bits {
				i := max(0, min(int(int32(uint32(b))), n-1))
				from := (o*n + i) * inner
				copy(dst, x.Bits[from:from+inner])
				dst = dst[inner:]
			}
		}
	}
}

// scatter treats x as [outer, axis, inner, lanes] and the indices as [n, lanes]; the updates are written one after the other.
func scatter(axis int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		x, idx, upd := in[0], in[1], in[2]
		copy(out.Bits, x.Bits)
		lanes := tensor.NumElements(idx.Shape[1:])
		n, row := x.Shape[axis], tensor.NumElements(x.Shape[axis+1:])
		src := upd.Bits
		for o := range tensor.NumElements(x.Shape[:axis]) {
			for k := range idx.Shape[0] {
				for j, u := range src[:row] {
					if i := int(int32(uint32(idx.Bits[k*lanes+j%lanes]))); i >= 0 && i < n {
						out.Bits[(o*n+i)*row+j] = u
					}
				}
				src = src[row:]
			}
		}
	}
}

// scatterAdd adds the updates one after the other, in index order.
func scatterAdd(axis int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		x, idx, upd := in[0], in[1], in[2]
		copy(out.Bits, x.Bits)
		n, inner := x.Shape[axis], tensor.NumElements(x.Shape[axis+1:])
		add := adder(x.DType)
		src := upd.Bits
		for o := range tensor.NumElements(x.Shape[:axis]) {
			for _, b := range idx.Bits {
				row := src[:inner]
				src = src[inner:]
				i := int(int32(uint32(b)))
				if i < 0 || i >= n {
					continue
				}
				dst := out.Bits[(o*n+i)*inner:]
				for j, u := range row {
					dst[j] = add(dst[j], u)
				}
			}
		}
	}
}
