package stablehlo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// elementwiseNames are the operations on elements that StableHLO or CHLO has with our meaning.
var elementwiseNames = map[tensor.Op]string{
	tensor.OpNeg: "stablehlo.negate", tensor.OpAbs: "stablehlo.abs", tensor.OpSign: "stablehlo.sign", tensor.OpSqrt: "stablehlo.sqrt",
	tensor.OpRsqrt: "stablehlo.rsqrt", tensor.OpExp: "stablehlo.exponential", tensor.OpExpm1: "stablehlo.exponential_minus_one",
	tensor.OpLog: "stablehlo.log", tensor.OpLog1p: "stablehlo.log_plus_one", tensor.OpSin: "stablehlo.sine", tensor.OpCos: "stablehlo.cosine",
	tensor.OpTan: "stablehlo.tan", tensor.OpTanh: "stablehlo.tanh", tensor.OpSigmoid: "stablehlo.logistic",
	tensor.OpErf: "chlo.erf", tensor.OpErfc: "chlo.erfc", tensor.OpErfInv: "chlo.erf_inv", tensor.OpLgamma: "chlo.lgamma", tensor.OpDigamma: "chlo.digamma",
	tensor.OpFloor: "stablehlo.floor", tensor.OpCeil: "stablehlo.ceil", tensor.OpRound: "stablehlo.round_nearest_even",
	tensor.OpIsFinite: "stablehlo.is_finite", tensor.OpNot: "stablehlo.not", tensor.OpPopcount: "stablehlo.popcnt",
	tensor.OpConvert: "stablehlo.convert", tensor.OpBitcast: "stablehlo.bitcast_convert",
	tensor.OpAdd: "stablehlo.add", tensor.OpSub: "stablehlo.subtract", tensor.OpMul: "stablehlo.multiply", tensor.OpDiv: "stablehlo.divide",
	tensor.OpRem: "stablehlo.remainder", tensor.OpPow: "stablehlo.power", tensor.OpMin: "stablehlo.minimum", tensor.OpMax: "stablehlo.maximum",
	tensor.OpAtan2: "stablehlo.atan2", tensor.OpAnd: "stablehlo.and", tensor.OpOr: "stablehlo.or", tensor.OpXor: "stablehlo.xor",
	tensor.OpShl: "stablehlo.shift_left", tensor.OpSelect: "stablehlo.select",
}

var compareNames = map[tensor.Op]string{
	tensor.OpEq: "EQ", tensor.OpNe: "NE", tensor.OpLt: "LT", tensor.OpLe: "LE", tensor.OpGt: "GT", tensor.OpGe: "GE",
}

// comparisonType is StableHLO's name for how elements of a dtype compare.
func comparisonType(d tensor.DType) string {
	switch {
	case d.IsFloat():
		return "FLOAT"
	case d.IsSigned():
		return "SIGNED"
	}
	return "UNSIGNED"
}

// plain prints an instruction as the StableHLO operation of its name.
func (w *writer) plain(n *tensor.Node) {
	switch op := n.Op; {
	case op.IsCompare():
		w.emit(n, "stablehlo.compare %s, %s, %s : %s", compareNames[op], w.operands(n.In), comparisonType(n.In[0].DType()), w.types(n))
	case op == tensor.OpShr && n.DType.IsSigned():
		w.elementwise(n, "stablehlo.shift_right_arithmetic")
	case op == tensor.OpShr:
		w.elementwise(n, "stablehlo.shift_right_logical")
	case elementwiseNames[op] != "":
		w.elementwise(n, elementwiseNames[op])
	case op == tensor.OpTrigamma:
		w.trigamma(n)
	case op.IsReduction():
		w.reduction(n)
	default:
		w.structural(n)
	}
}

// emit prints one line that defines the result of n.
func (w *writer) emit(n *tensor.Node, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.line("%s = %s", w.define(n.Results()[0]), text)
}

func (w *writer) types(n *tensor.Node) string { return signature(n.In, n.Results()) }

func (w *writer) elementwise(n *tensor.Node, name string) {
	var types string
	switch {
	case strings.HasPrefix(name, "chlo."):
		types = typeOf(n.In[0]) + " -> " + typeOf(n.Results()[0])
	case n.Op == tensor.OpSelect:
		types = typesOf(n.In[:2])
	case n.Op == tensor.OpConvert || n.Op == tensor.OpBitcast || n.Op == tensor.OpIsFinite:
		types = w.types(n)
	default:
		types = typeOf(n.Results()[0])
	}
	w.emit(n, "%s %s : %s", name, w.operands(n.In), types)
}

// trigamma is the polygamma function of order one.
func (w *writer) trigamma(n *tensor.Node) {
	t, one := typeOf(n.Results()[0]), w.fresh()
	w.line("%s = stablehlo.constant {drey.aux} dense<%s> : %s", one, element(n.DType, tensor.EncodeFloat(n.DType, 1)), t)
	w.emit(n, "chlo.polygamma %s, %s : %s, %s -> %s", one, w.operand(n.In[0]), t, t, t)
}

// structural prints the operations that move elements, and those of linear algebra.
func (w *writer) structural(n *tensor.Node) {
	a, in, types := &n.Attr, w.operands(n.In), w.types(n)
	switch n.Op {
	case tensor.OpConst:
		w.emit(n, "stablehlo.constant %s : %s", dense(a.Array), typeOf(n.Results()[0]))
	case tensor.OpIota:
		w.emit(n, "stablehlo.iota dim = %d : %s", a.Axis, typeOf(n.Results()[0]))
	case tensor.OpReshape:
		w.emit(n, "stablehlo.reshape %s : %s", in, types)
	case tensor.OpTranspose:
		w.emit(n, "stablehlo.transpose %s, dims = [%s] : %s", in, ints(a.Axes), types)
	case tensor.OpBroadcast:
		w.emit(n, "stablehlo.broadcast_in_dim %s, dims = [%s] : %s", in, ints(a.Axes), types)
	case tensor.OpReverse:
		if s := slices.Sorted(slices.Values(a.Axes)); len(slices.Compact(s)) < len(a.Axes) {
			w.m.fail("a reverse names an axis twice: %v", a.Axes)
		}
		w.emit(n, "stablehlo.reverse %s, dims = [%s] : %s", in, ints(a.Axes), typeOf(n.In[0]))
	case tensor.OpSlice:
		w.emit(n, "stablehlo.slice %s [%s] : %s", in, bounds(a), types)
	case tensor.OpDynamicSlice:
		w.emit(n, "stablehlo.dynamic_slice %s, sizes = [%s] : %s", in, ints(a.Shape), types)
	case tensor.OpDynamicUpdate:
		w.emit(n, "stablehlo.dynamic_update_slice %s : %s", in, types)
	case tensor.OpConcat:
		w.emit(n, "stablehlo.concatenate %s, dim = %d : %s", in, a.Axis, types)
	case tensor.OpPad:
		w.emit(n, "stablehlo.pad %s, low = [%s], high = [%s], interior = [%s] : %s", in, ints(a.Start), ints(a.Limit), ints(make([]int, len(a.Start))), types)
	default:
		w.indexed(n)
	}
}

// bounds writes start:limit:step of each axis.
func bounds(a *tensor.Attr) string {
	out := make([]string, len(a.Start))
	for i := range out {
		out[i] = fmt.Sprintf("%d:%d:%d", a.Start[i], a.Limit[i], a.Step[i])
	}
	return strings.Join(out, ", ")
}

// indexed prints gathers, scatters and linear algebra.
func (w *writer) indexed(n *tensor.Node) {
	a, in, types := &n.Attr, w.operands(n.In), w.types(n)
	switch n.Op {
	case tensor.OpTake:
		w.emit(n, `"stablehlo.gather"(%s) <{dimension_numbers = %s, slice_sizes = %s}> : %s`, in, takeNumbers(n), i64Array(takeSizes(n)), types)
	case tensor.OpScatterAdd, tensor.OpScatter:
		w.scatter(n)
	case tensor.OpDot:
		d := a.Dot
		w.emit(n, `"stablehlo.dot_general"(%s) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [%s], rhs_batching_dimensions = [%s], `+
			`lhs_contracting_dimensions = [%s], rhs_contracting_dimensions = [%s]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]}>%s : %s`,
			in, ints(d.BatchA), ints(d.BatchB), ints(d.ContractA), ints(d.ContractB), orderAttr(d.Order, dotOrder(d, n.In)), types)
	case tensor.OpCholesky:
		w.emit(n, "stablehlo.cholesky %s, lower = true : %s", in, typeOf(n.In[0]))
	case tensor.OpTriangularSolve:
		t := "NO_TRANSPOSE"
		if a.Transpose {
			t = "TRANSPOSE"
		}
		w.emit(n, `"stablehlo.triangular_solve"(%s) <{left_side = true, lower = %t, transpose_a = #stablehlo<transpose %s>, unit_diagonal = false}> : %s`, in, a.Lower, t, types)
	case tensor.OpCumsum:
		w.cumsum(n)
	case tensor.OpSort, tensor.OpArgsort:
		w.sort(n)
	default:
		w.m.fail("%s has no StableHLO form", n.Op)
	}
}

// orderAttr names the order of a sum where it is not the usual one.
func orderAttr(order, usual tensor.SumOrder) string {
	if order == usual {
		return ""
	}
	return fmt.Sprintf(" {drey.order = %q}", order)
}

// dotOrder is the order that tracing gives a product.
func dotOrder(d *tensor.DotDims, in []tensor.Value) tensor.SumOrder {
	if len(d.ContractA) == 1 && len(d.ContractB) == 1 && d.ContractA[0] == in[0].Rank()-1 && d.ContractB[0] == in[1].Rank()-1 {
		return tensor.SumLanes
	}
	return tensor.SumIndex
}

// sumOrder is the order that tracing gives a sum over axes that end before axis hi of x.
func sumOrder(x tensor.Value, hi int) tensor.SumOrder {
	if hi < x.Rank() {
		return tensor.SumIndex
	}
	return tensor.SumLanes
}
