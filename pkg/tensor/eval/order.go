package eval

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// ascending compares elements for sorting: NaN after every number, the two zeros equal.
func ascending(d tensor.DType) func(a, b uint64) int {
	lt, nan := less(d), isNaN(d)
	return func(a, b uint64) int {
		switch na, nb := nan(a), nan(b); {
		case na && nb:
			return 0
		case nb || lt(a, b):
			return -1
		case na || lt(b, a):
			return 1
		}
		return 0
	}
}

// sortAlong sorts stably, so that equal zeros keep their order.
func sortAlong(axis int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		cmp := ascending(out.DType)
		alongAxis(out.Shape, axis, func(first, stride, count int) {
			line := make([]uint64, count)
			for i := range line {
				line[i] = in[0].Bits[first+i*stride]
			}
			slices.SortStableFunc(line, cmp)
			for i, x := range line {
				out.Bits[first+i*stride] = x
			}
		})
	}
}

func argsortAlong(axis int) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		cmp := ascending(in[0].DType)
		alongAxis(out.Shape, axis, func(first, stride, count int) {
			line := make([]int, count)
			for i := range line {
				line[i] = i
			}
			slices.SortStableFunc(line, func(a, b int) int {
				return cmp(in[0].Bits[first+a*stride], in[0].Bits[first+b*stride])
			})
			for i, x := range line {
				out.Bits[first+i*stride] = uint64(x)
			}
		})
	}
}
