package wasm

import "github.com/drey-sampler/drey/pkg/tensor"

// Which instructions run on pairs of 64-bit elements.

func wide(d tensor.DType) bool { return d == tensor.F64 || d == tensor.I64 || d == tensor.U64 }

var simdF64 = map[tensor.Op]int{
	tensor.OpNeg: vF64Neg, tensor.OpAbs: vF64Abs, tensor.OpSqrt: vF64Sqrt, tensor.OpFloor: vF64Floor, tensor.OpCeil: vF64Ceil,
	tensor.OpRound: vF64Nearest, tensor.OpTrunc: vF64Trunc,
	tensor.OpAdd: vF64Add, tensor.OpSub: vF64Sub, tensor.OpMul: vF64Mul, tensor.OpDiv: vF64Div, tensor.OpMin: vF64Min, tensor.OpMax: vF64Max,
	tensor.OpEq: vF64Eq, tensor.OpNe: vF64Ne, tensor.OpLt: vF64Lt, tensor.OpLe: vF64Le, tensor.OpGt: vF64Gt, tensor.OpGe: vF64Ge,
}

var simdI64 = map[tensor.Op]int{
	tensor.OpNeg: vI64Neg, tensor.OpNot: vNot, tensor.OpAdd: vI64Add, tensor.OpSub: vI64Sub, tensor.OpMul: vI64Mul,
	tensor.OpAnd: vAnd, tensor.OpOr: vOr, tensor.OpXor: vXor, tensor.OpEq: vI64Eq, tensor.OpNe: vI64Ne,
}

var simdSigned = map[tensor.Op]int{
	tensor.OpAbs: vI64Abs, tensor.OpLt: vI64LtS, tensor.OpLe: vI64LeS, tensor.OpGt: vI64GtS, tensor.OpGe: vI64GeS,
}

var simdMask = map[tensor.Op]int{tensor.OpNot: vNot, tensor.OpAnd: vAnd, tensor.OpOr: vOr, tensor.OpXor: vXor}

// simdOp returns the vector instruction of an elementwise operation on operands of dtype d.
func simdOp(op tensor.Op, d tensor.DType) (int, bool) {
	tables := []map[tensor.Op]int{}
	switch d {
	case tensor.F64:
		tables = append(tables, simdF64)
	case tensor.I64:
		tables = append(tables, simdI64, simdSigned)
	case tensor.U64:
		tables = append(tables, simdI64)
	case tensor.Bool:
		tables = append(tables, simdMask)
	}
	for _, t := range tables {
		if v, ok := t[op]; ok {
			return v, true
		}
	}
	return 0, false
}

// simdNode reports whether n can run on pairs: 64-bit elements (or truth values beside them) and an operation with a
// vector form.
func (p *plan) simdNode(n *tensor.Node) bool {
	switch {
	case n.Op == tensor.OpTake:
		return wide(n.DType)
	case isView(n.Op):
		return wide(n.DType)
	case n.Op.IsReduction():
		return p.simdReduction(n)
	}
	d := n.In[0].DType()
	switch n.Op {
	case tensor.OpSelect:
		return wide(n.DType)
	case tensor.OpConvert:
		return d == tensor.Bool && n.DType == tensor.F64 || d == tensor.I64 && n.DType == tensor.U64 || d == tensor.U64 && n.DType == tensor.I64 ||
			d == tensor.Bool && wide(n.DType)
	case tensor.OpBitcast:
		return wide(n.DType)
	case tensor.OpIsFinite:
		return d == tensor.F64
	case tensor.OpShl, tensor.OpShr:
		return wide(d) && isScalar(p.views.of(n.In[1]).root)
	}
	_, ok := simdOp(n.Op, d)
	return ok
}

func (p *plan) simdReduction(n *tensor.Node) bool {
	if n.DType != tensor.F64 {
		return false
	}
	if n.Op == tensor.OpReduceSum && n.Attr.Order == tensor.SumLanes {
		return true
	}
	// Accumulated in memory, in index order: pairs only where the innermost axis is kept.
	return len(squeezed(n.In[0].Shape()[n.Attr.Axis2:])) > 0
}
