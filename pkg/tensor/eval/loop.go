package eval

import "github.com/drey-sampler/drey/pkg/tensor"

// loop applies an elementwise operation to slices of one length; dst may be one of the others. Operations with fewer
// operands ignore the last ones.
type loop func(dst, a, b, c []uint64)

// primitiveLoop returns the evaluation of an elementwise instruction that is not expanded.
func primitiveLoop(n *tensor.Node) (loop, error) {
	if n.Op == tensor.OpSelect {
		return selectLoop, nil
	}
	d := n.In[0].Node().DType
	if n.Op.IsUnary() {
		f, err := primitiveUnary(n.Op, d, n.DType)
		if err != nil {
			return nil, err
		}
		return func(dst, a, _, _ []uint64) {
			for i, x := range a {
				dst[i] = f(x)
			}
		}, nil
	}
	if l := loop64(n.Op); l != nil && d == tensor.F64 {
		return l, nil
	}
	f, err := primitiveBinary(n.Op, d)
	if err != nil {
		return nil, err
	}
	return func(dst, a, b, _ []uint64) {
		b = b[:len(a)]
		for i, x := range a {
			dst[i] = f(x, b[i])
		}
	}, nil
}

func selectLoop(dst, a, b, c []uint64) {
	b, c = b[:len(a)], c[:len(a)]
	for i, p := range a {
		if p != 0 {
			dst[i] = b[i]
		} else {
			dst[i] = c[i]
		}
	}
}

// loop64 writes out the loops of the F64 operations that expansions mostly consist of.
func loop64(op tensor.Op) loop {
	switch op {
	case tensor.OpAdd:
		return func(dst, a, b, _ []uint64) {
			b = b[:len(a)]
			for i, x := range a {
				dst[i] = bits64(from64(x) + from64(b[i]))
			}
		}
	case tensor.OpSub:
		return func(dst, a, b, _ []uint64) {
			b = b[:len(a)]
			for i, x := range a {
				dst[i] = bits64(from64(x) - from64(b[i]))
			}
		}
	case tensor.OpMul:
		return func(dst, a, b, _ []uint64) {
			b = b[:len(a)]
			for i, x := range a {
				dst[i] = bits64(from64(x) * from64(b[i]))
			}
		}
	case tensor.OpDiv:
		return func(dst, a, b, _ []uint64) {
			b = b[:len(a)]
			for i, x := range a {
				dst[i] = bits64(from64(x) / from64(b[i]))
			}
		}
	case tensor.OpLt:
		return func(dst, a, b, _ []uint64) {
			b = b[:len(a)]
			for i, x := range a {
				dst[i] = truth(from64(x) < from64(b[i]))
			}
		}
	case tensor.OpGt:
		return func(dst, a, b, _ []uint64) {
			b = b[:len(a)]
			for i, x := range a {
				dst[i] = truth(from64(x) > from64(b[i]))
			}
		}
	}
	return nil
}
