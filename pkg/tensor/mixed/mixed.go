package mixed

import (
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
)

// LongAxis is the length up to which an axis is not long. Arrays that short are a small part of the work beside those of the
// data's rows, and kernel matrices of that size, which f32 may leave without a Cholesky factor, stay f64.
const LongAxis = 1024

// Long reports whether an array of a shape is long: whether it has more than LongAxis elements along an axis.
func Long(shape []int) bool {
	return slices.ContainsFunc(shape, func(n int) bool { return n > LongAxis })
}

// ValueAndGrad is grad.ValueAndGrad with long arrays in f32. Parameters and results keep their dtypes; a parameter that is long
// and f32 already, and converted to f64 in f, costs nothing.
func ValueAndGrad(f *tensor.Func, wrt ...int) (*tensor.Func, error) {
	r := rule{exact: map[tensor.Value]bool{}}
	narrow, err := tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value { return f.ApplyWith(r.apply, args...) })
	if err != nil {
		return nil, err
	}
	g, err := grad.ValueAndGrad(narrow, wrt...)
	if err != nil {
		return nil, err
	}
	return tensor.TraceLike(g, func(args []tensor.Value) []tensor.Value { return g.ApplyWith(summedWide, args...) })
}

// rule is that of the package. Every Value of the copy has the dtype of the original: what is computed in f32 is converted at
// once, and operands look behind that conversion.
type rule struct {
	exact map[tensor.Value]bool // long Values that are f64 for a guard's sake
}

func (r rule) apply(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	if !narrows(n) {
		return nil, false
	}
	if slices.ContainsFunc(in, func(v tensor.Value) bool { return r.exact[v] || guards(v) }) {
		y := tensor.Emit(n.Op, n.Attr, in...)
		r.exact[y] = true
		return []tensor.Value{y}, true
	}
	operands := make([]tensor.Value, len(in))
	for i, v := range in {
		operands[i] = inF32(v)
	}
	y := tensor.Emit(n.Op, n.Attr, operands...)
	if y.DType() == tensor.F32 {
		y = y.Convert(tensor.F64)
	}
	return []tensor.Value{y}, true
}

// narrows reports whether an instruction is one to compute in f32.
func narrows(n *tensor.Node) bool {
	if n.Op.HasRegions() || !Long(n.Shape) {
		return false
	}
	if n.Op.IsCompare() || n.Op == tensor.OpIsFinite {
		return n.In[0].DType() == tensor.F64
	}
	if n.DType != tensor.F64 {
		return false
	}
	switch n.Op {
	case tensor.OpConvert, tensor.OpBitcast:
		return false
	case tensor.OpReshape, tensor.OpTranspose, tensor.OpBroadcast, tensor.OpSlice, tensor.OpDynamicSlice, tensor.OpDynamicUpdate,
		tensor.OpConcat, tensor.OpPad, tensor.OpReverse, tensor.OpTake, tensor.OpScatter, tensor.OpReduceMin, tensor.OpReduceMax:
		return true
	case tensor.OpDot:
		return !slices.ContainsFunc(n.Attr.Dot.ContractA, func(axis int) bool { return n.In[0].Dim(axis) > LongAxis })
	}
	return n.Op.IsElementwise()
}

// guards reports whether v is a constant that f32 does not tell from zero, one or infinity.
func guards(v tensor.Value) bool {
	n := v.Node()
	if n.Op == tensor.OpBroadcast {
		n = n.In[0].Node()
	}
	if n.Op != tensor.OpConst || n.DType != tensor.F64 {
		return false
	}
	return slices.ContainsFunc(n.Attr.Array.Float64s(), func(x float64) bool {
		y := float64(float32(x))
		return x != y && (y == 0 || math.Abs(y) == 1 || math.IsInf(y, 0))
	})
}

// inF32 returns an f64 Value rounded to f32, and others as they are.
func inF32(v tensor.Value) tensor.Value {
	if v.DType() != tensor.F64 {
		return v
	}
	n := v.Node()
	switch {
	case n.Op == tensor.OpConvert && n.In[0].DType() == tensor.F32:
		return n.In[0]
	case n.Op == tensor.OpConst:
		return tensor.In(v, tensor.ArrayOf(tensor.F32, n.Shape, n.Attr.Array.Float64s()))
	}
	return v.Convert(tensor.F32)
}

// summedWide adds up f32 over long axes in f64.
func summedWide(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	if n.Op != tensor.OpReduceSum || n.DType != tensor.F32 || !Long(n.In[0].Shape()[n.Attr.Axis:n.Attr.Axis2]) {
		return nil, false
	}
	return []tensor.Value{tensor.Emit(n.Op, n.Attr, in[0].Convert(tensor.F64)).Convert(tensor.F32)}, true
}
