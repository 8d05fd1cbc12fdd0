package lower

import "github.com/drey-sampler/drey/pkg/tensor"

// compensatedSum returns an f64 sum of f32 numbers as the two f32 numbers that hold it, added up in f64; an absent Value for
// other sums. Halves are added to each other until one element is left, each addition with its rounding error (Knuth,
// TAOCP 2, section 4.2.2, theorem B): the errors are added up beside the sums. Source: Ogita, Rump & Oishi (2005), "Accurate sum
// and dot product", algorithm 4.4 (Sum2), in the order of pairwise summation.
func compensatedSum(n *tensor.Node, x tensor.Value) tensor.Value {
	c := x.Node()
	if n.DType != tensor.F64 || c.Op != tensor.OpConvert || c.In[0].DType() != tensor.F32 {
		return tensor.Value{}
	}
	axis := n.Attr.Axis
	shape := append([]int{}, x.Shape()[:axis]...)
	shape = append(append(shape, tensor.NumElements(x.Shape()[axis:n.Attr.Axis2])), x.Shape()[n.Attr.Axis2:]...)
	if shape[axis] < 2 {
		return tensor.Value{}
	}
	high := c.In[0].Reshape(shape...)
	low := tensor.ZerosLike(high)
	for size := shape[axis]; size > 1; size = high.Dim(axis) {
		half := size / 2
		part := func(v tensor.Value, k int) tensor.Value { return v.Slice(axis, k*half, (k+1)*half) }
		a, b := part(high, 0), part(high, 1)
		sum := a.Add(b)
		back := sum.Sub(a)
		rounding := a.Sub(sum.Sub(back)).Add(b.Sub(back))
		errors := part(low, 0).Add(part(low, 1)).Add(rounding)
		if size%2 != 0 {
			sum = tensor.Concat(axis, sum, high.Slice(axis, size-1, size))
			errors = tensor.Concat(axis, errors, low.Slice(axis, size-1, size))
		}
		high, low = sum, errors
	}
	return high.Squeeze(axis).Convert(tensor.F64).Add(low.Squeeze(axis).Convert(tensor.F64))
}
