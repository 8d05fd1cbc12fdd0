package stablehlo

import (
	"fmt"
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/lower"
)

// decompositions say in plain StableHLO operations what an operation of ours computes. They are traced on values like
// the operands, and printed raw: an operation in one stands for StableHLO's own, which may mean less.
var decompositions = map[tensor.Op]func(n *tensor.Node, in []tensor.Value) tensor.Value{
	tensor.OpIota: func(n *tensor.Node, _ []tensor.Value) tensor.Value {
		return tensor.Iota(tensor.I32, n.Attr.Axis, n.Shape...).Ne(0)
	},
	tensor.OpTrunc:        func(_ *tensor.Node, in []tensor.Value) tensor.Value { return truncated(in[0]) },
	tensor.OpConvert:      func(n *tensor.Node, in []tensor.Value) tensor.Value { return saturated(in[0], n.DType) },
	tensor.OpDynamicSlice: func(_ *tensor.Node, in []tensor.Value) tensor.Value { return in[0] },
	tensor.OpStopGradient: func(_ *tensor.Node, in []tensor.Value) tensor.Value { return in[0] },
	tensor.OpTrigamma:     func(_ *tensor.Node, in []tensor.Value) tensor.Value { return trigamma(in[0]) },
	tensor.OpSoftplus: func(_ *tensor.Node, in []tensor.Value) tensor.Value {
		return in[0].Max(0.0).Add(in[0].Abs().Neg().Exp().Log1p())
	},
	tensor.OpLogAddExp: func(_ *tensor.Node, in []tensor.Value) tensor.Value { return logAddExp(in[0], in[1]) },
	tensor.OpDiv:       func(_ *tensor.Node, in []tensor.Value) tensor.Value { return guarded(in, tensor.Value.Div) },
	tensor.OpRem:       func(_ *tensor.Node, in []tensor.Value) tensor.Value { return remainder(in) },
	tensor.OpShl:       func(n *tensor.Node, in []tensor.Value) tensor.Value { return in[0].Shl(in[1].And(n.DType.Bits() - 1)) },
	tensor.OpShr:       func(n *tensor.Node, in []tensor.Value) tensor.Value { return in[0].Shr(in[1].And(n.DType.Bits() - 1)) },
	tensor.OpArgMin:    itself,
	tensor.OpArgMax:    itself,
	tensor.OpCumsum:    itself,
	tensor.OpSort:      itself,
	tensor.OpArgsort:   itself,
	tensor.OpScatter:   scatterLast,
	tensor.OpCholesky:  func(_ *tensor.Node, in []tensor.Value) tensor.Value { return in[0].Cholesky().Tril(0) },
	tensor.OpCholeskyVJP: func(_ *tensor.Node, in []tensor.Value) tensor.Value {
		return lower.CholeskyVJP(in[0], in[1], func(b tensor.Value) tensor.Value { return in[0].TriangularSolve(b, true, true) })
	},
}

// decomposed reports whether an instruction prints as a composite.
func decomposed(n *tensor.Node) bool {
	switch n.Op {
	case tensor.OpIota:
		return n.DType == tensor.Bool
	case tensor.OpDynamicSlice: // MLIR does not read what it writes for one without starts
		return len(n.Shape) == 0
	case tensor.OpConvert:
		return n.DType.IsInt() && n.In[0].DType().IsFloat()
	case tensor.OpDiv:
		return n.DType.IsInt()
	case tensor.OpShl, tensor.OpShr:
		return !smallCount(n.In[1], n.DType.Bits())
	}
	return decompositions[n.Op] != nil
}

// smallCount reports whether v is a constant whose elements are all less than width, so that StableHLO shifts as we do.
func smallCount(v tensor.Value, width int) bool {
	n := v.Node()
	if n.Op == tensor.OpBroadcast || n.Op == tensor.OpReshape {
		return smallCount(n.In[0], width)
	}
	if n.Op != tensor.OpConst || n.Attr.Array == nil {
		return false
	}
	for _, b := range n.Attr.Array.Bits {
		if b >= uint64(width) {
			return false
		}
	}
	return true
}

// composite prints an instruction as a composite and sees to its decomposition.
func (w *writer) composite(n *tensor.Node) {
	attrs := compositeAttrs(n)
	key := fmt.Sprint(n.Op, attrs, w.types(n))
	symbol, ok := w.m.symbols[key]
	if !ok {
		symbol = w.m.symbol("drey." + n.Op.String())
		w.m.symbols[key] = symbol
		w.m.decomposition(symbol, n)
	}
	in := w.operands(n.In)
	w.compositeLine(w.define(n.Results()[0])+" = ", "drey."+n.Op.String(), symbol, in, attrs, w.types(n))
}

func (w *writer) compositeLine(results, name, symbol, in, attrs, types string) {
	w.line(`%s"stablehlo.composite"(%s) <{composite_attributes = {%s}, decomposition = %s, name = %q, version = %d : i32}> : %s`, results, in, attrs, symbol, name, version, types)
}

// compositeAttrs are the attributes that count for an operation and do not follow from its types.
func compositeAttrs(n *tensor.Node) string {
	switch n.Op {
	case tensor.OpIota, tensor.OpSort, tensor.OpArgsort, tensor.OpScatter, tensor.OpArgMin, tensor.OpArgMax:
		return fmt.Sprintf("axis = %d : i64", n.Attr.Axis)
	case tensor.OpCumsum:
		return fmt.Sprintf("axis = %d : i64, reverse = %t", n.Attr.Axis, n.Attr.Reverse)
	}
	return ""
}

// decomposition prints the private function that computes n from its operands.
func (m *module) decomposition(symbol string, n *tensor.Node) {
	params := make([]tensor.Param, len(n.In))
	for i, v := range n.In {
		params[i] = tensor.Param{DType: v.DType(), Shape: v.Shape()}
	}
	f, err := tensor.Trace(n.Op.String(), tensor.F64, params, func(in []tensor.Value) []tensor.Value {
		return []tensor.Value{decompositions[n.Op](n, in)}
	})
	if err != nil {
		m.fail("%w", err)
		return
	}
	m.private = append(m.private, m.function("private "+symbol, f, true))
}

// itself is the decomposition of what prints raw as several StableHLO operations or as one with a region.
func itself(n *tensor.Node, in []tensor.Value) tensor.Value { return tensor.Emit(n.Op, n.Attr, in...) }

// truncated keeps the sign of zero.
func truncated(x tensor.Value) tensor.Value { return tensor.Select(x.Lt(0.0), x.Ceil(), x.Floor()) }

// saturated converts what is in range of the integer type d, and picks the rest: NaN gives 0.
func saturated(x tensor.Value, d tensor.DType) tensor.Value {
	low, limit := 0.0, 2.0
	for range d.Bits() - 1 {
		limit *= 2
	}
	if d.IsSigned() {
		limit /= 2
		low = -limit
	}
	bits := func(largest bool) tensor.Value {
		return tensor.Lift(&tensor.Array{DType: d, Bits: []uint64{extreme(d, largest)}})
	}
	within := x.Ge(low).And(x.Lt(limit))
	y := tensor.Select(within, x, 0.0).Convert(d)
	return tensor.Select(x.Ge(limit), bits(true), tensor.Select(x.Lt(low), bits(false), y))
}

// logAddExp is the larger plus log1p of what the smaller adds; the difference of equal infinities is NaN.
func logAddExp(x, y tensor.Value) tensor.Value {
	d := x.Sub(y)
	return tensor.Select(d.IsNaN(), x.Add(y), x.Max(y).Add(d.Abs().Neg().Exp().Log1p()))
}

// guarded divides integers: by one instead of by zero, whose result is then 0, and where the quotient would overflow.
func guarded(in []tensor.Value, op func(x tensor.Value, y any) tensor.Value) tensor.Value {
	x, y := in[0], in[1]
	zero := y.Eq(0)
	bad := zero
	if x.DType().IsSigned() {
		smallest := &tensor.Array{DType: x.DType(), Bits: []uint64{extreme(x.DType(), false)}}
		bad = zero.Or(y.Eq(-1).And(x.Eq(smallest)))
	}
	return tensor.Select(zero, 0, op(x, tensor.Select(bad, 1, y)))
}

// largestTrigamma is the largest argument that XLA's polygamma gets: at infinity it gives NaN, and where squares overflow 0.
// The next term of the asymptotic series beyond, 1/(6x³), is below the last place of the first one in f64.
const largestTrigamma = 1 << 27

// trigamma reflects arguments below a half, for which XLA's polygamma is wrong: ψ₁(x) = (π / sin πx)² - ψ₁(1 - x). Beyond
// largestTrigamma it is 1/x + 1/(2x²).
func trigamma(x tensor.Value) tensor.Value {
	low := x.Lt(0.5)
	z := tensor.Select(low, tensor.Lift(1.0).Sub(x), x)
	far := z.Gt(float64(largestTrigamma))
	y := tensor.Emit(tensor.OpTrigamma, tensor.Attr{}, tensor.Select(far, 1.0, z))
	y = tensor.Select(far, tensor.Lift(0.5).Div(z).Add(1.0).Div(z), y)
	s := tensor.Lift(math.Pi).Div(x.Sub(x.Round()).Mul(math.Pi).Sin())
	return tensor.Select(low, s.Square().Sub(y), y)
}

func remainder(in []tensor.Value) tensor.Value {
	if in[0].DType().IsInt() {
		return guarded(in, tensor.Value.Rem)
	}
	return in[0].Sub(in[1].Mul(truncated(in[0].Div(in[1]))))
}

// scatterLast moves the indices that a later one equals out of range, so that the order of writing does not count.
func scatterLast(n *tensor.Node, in []tensor.Value) tensor.Value {
	x, idx, updates := in[0], in[1], in[2]
	if count := idx.Shape()[0]; count > 1 {
		pairs := append([]int{count}, idx.Shape()...)
		later := tensor.Iota(tensor.I32, 1, pairs...).Gt(tensor.Iota(tensor.I32, 0, pairs...))
		equal := idx.ExpandDims(1).Eq(idx.ExpandDims(0))
		idx = tensor.Select(later.And(equal).Any(1), -1, idx)
	}
	if idx.Rank() == 1 || x.Size() > math.MaxInt32 {
		return tensor.Emit(tensor.OpScatter, n.Attr, x, idx, updates)
	}
	at := positions(x, idx, updates.Shape(), n.Attr.Axis)
	return x.Reshape(x.Size()).Scatter(0, at.Reshape(at.Size()), updates.Reshape(at.Size())).Reshape(x.Shape()...)
}

// positions returns where updates of the given shape go in the elements of x, in row-major order; -1 where an index is out of
// range. A scatter with indices for each lane makes XLA transpose, that is copy, the whole of x to bring the axis and the
// lanes together; a scatter into one axis leaves x where it is.
func positions(x, idx tensor.Value, shape []int, axis int) tensor.Value {
	axes := append([]int{axis}, axesRange(x.Rank()-(idx.Rank()-1), x.Rank())...)
	row := idx.BroadcastInDim(shape, axes)
	at := row.Mul(tensor.Strides(x.Shape())[axis])
	for k, stride := range tensor.Strides(x.Shape()) {
		if k != axis {
			at = at.Add(tensor.Iota(tensor.I32, k, shape...).Mul(stride))
		}
	}
	return tensor.Select(row.Ge(0).And(row.Lt(x.Dim(axis))), at, -1)
}
