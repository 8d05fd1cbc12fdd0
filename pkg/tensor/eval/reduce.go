package eval

import "github.com/drey-sampler/drey/pkg/tensor"

// adder returns the addition of elements of a numeric dtype.
func adder(d tensor.DType) binaryFunc {
	f, err := primitiveBinary(tensor.OpAdd, d)
	if err != nil {
		panic("eval: sum of " + d.String()) // tracing rejects it
	}
	return f
}

// reduction treats its operand as [outer, reduced, inner] and calls a fold for each (outer, inner).
func reduction(n *tensor.Node) kernel {
	lo, hi := n.Attr.Axis, n.Attr.Axis2
	fold := newFold(n)
	return func(out *tensor.Array, in []*tensor.Array) {
		x := in[0]
		count, inner := tensor.NumElements(x.Shape[lo:hi]), tensor.NumElements(x.Shape[hi:])
		for i := range out.Bits {
			first := i/inner*count*inner + i%inner
			out.Bits[i] = fold(series{x.Bits, first, inner, count})
		}
	}
}

// series is count elements of an array, at first, first+stride, ….
type series struct {
	bits          []uint64
	first, stride int
	count         int
}

func (s series) at(i int) uint64 { return s.bits[s.first+i*s.stride] }

func newFold(n *tensor.Node) func(series) uint64 {
	d := n.In[0].Node().DType
	switch n.Op {
	case tensor.OpReduceSum:
		add := adder(d)
		if n.Attr.Order == tensor.SumLanes {
			return func(s series) uint64 { return sumLanes(s, add) }
		}
		return func(s series) uint64 { return foldFrom(0, s, 0, add) }
	case tensor.OpReduceProd:
		mul, _ := primitiveBinary(tensor.OpMul, d)
		one := tensor.EncodeFloat(d, 1)
		return func(s series) uint64 { return foldFrom(one, s, 0, mul) }
	case tensor.OpReduceMin, tensor.OpReduceMax:
		op := tensor.OpMin
		if n.Op == tensor.OpReduceMax {
			op = tensor.OpMax
		}
		f, _ := primitiveBinary(op, d)
		return func(s series) uint64 { return foldFrom(s.at(0), s, 1, f) }
	case tensor.OpReduceAny:
		return func(s series) uint64 { return foldFrom(0, s, 0, bitwise(tensor.OpOr)) }
	case tensor.OpReduceAll:
		return func(s series) uint64 { return foldFrom(1, s, 0, bitwise(tensor.OpAnd)) }
	}
	lt := less(d)
	if n.Op == tensor.OpArgMax {
		smaller := lt
		lt = func(a, b uint64) bool { return smaller(b, a) }
	}
	nan := isNaN(d)
	return func(s series) uint64 { return argFirst(s, lt, nan) }
}

// foldFrom folds elements from, from+1, … into acc, in index order.
func foldFrom(acc uint64, s series, from int, f binaryFunc) uint64 {
	for i := from; i < s.count; i++ {
		acc = f(acc, s.at(i))
	}
	return acc
}

// sumLanes adds element i to lane i mod 4; the lanes begin at +0 and are joined as (l0+l2)+(l1+l3).
func sumLanes(s series, add binaryFunc) uint64 {
	var lane [4]uint64
	for i := range s.count {
		lane[i%4] = add(lane[i%4], s.at(i))
	}
	return add(add(lane[0], lane[2]), add(lane[1], lane[3]))
}

// argFirst returns the index of the first element that no other precedes; a NaN precedes every number.
func argFirst(s series, precedes func(a, b uint64) bool, nan func(uint64) bool) uint64 {
	best := 0
	for i := range s.count {
		x := s.at(i)
		if nan(x) {
			return uint64(i)
		}
		if precedes(x, s.at(best)) {
			best = i
		}
	}
	return uint64(best)
}

// cumsum starts each running sum at +0.
func cumsum(axis int, reverse bool) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		add := adder(out.DType)
		alongAxis(out.Shape, axis, func(first, stride, count int) {
			acc := uint64(0)
			for i := range count {
				if reverse {
					i = count - 1 - i
				}
				p := first + i*stride
				acc = add(acc, in[0].Bits[p])
				out.Bits[p] = acc
			}
		})
	}
}

// alongAxis calls f for each line of elements along an axis.
func alongAxis(shape []int, axis int, f func(first, stride, count int)) {
	count, inner := shape[axis], tensor.NumElements(shape[axis+1:])
	for o := range tensor.NumElements(shape[:axis]) {
		for j := range inner {
			f(o*count*inner+j, inner, count)
		}
	}
}
