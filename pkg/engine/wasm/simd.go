package wasm

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Which instructions run on pairs of 64-bit elements, or on four F32s and the words that their bits are. Other 32-bit integers
// run one by one: where they are indices they are few, and what reads them wants them in registers of their own.

func wide(d tensor.DType) bool { return d == tensor.F64 || d == tensor.I64 || d == tensor.U64 }

func word(d tensor.DType) bool { return d == tensor.F32 || d == tensor.I32 || d == tensor.U32 }

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

var simdF32 = map[tensor.Op]int{
	tensor.OpNeg: vF32Neg, tensor.OpAbs: vF32Abs, tensor.OpSqrt: vF32Sqrt, tensor.OpFloor: vF32Floor, tensor.OpCeil: vF32Ceil,
	tensor.OpRound: vF32Nearest, tensor.OpTrunc: vF32Trunc,
	tensor.OpAdd: vF32Add, tensor.OpSub: vF32Sub, tensor.OpMul: vF32Mul, tensor.OpDiv: vF32Div, tensor.OpMin: vF32Min, tensor.OpMax: vF32Max,
	tensor.OpEq: vF32Eq, tensor.OpNe: vF32Ne, tensor.OpLt: vF32Lt, tensor.OpLe: vF32Le, tensor.OpGt: vF32Gt, tensor.OpGe: vF32Ge,
}

var simdI32 = map[tensor.Op]int{
	tensor.OpNeg: vI32Neg, tensor.OpNot: vNot, tensor.OpAdd: vI32Add, tensor.OpSub: vI32Sub, tensor.OpMul: vI32Mul,
	tensor.OpAnd: vAnd, tensor.OpOr: vOr, tensor.OpXor: vXor, tensor.OpEq: vI32Eq, tensor.OpNe: vI32Ne,
}

var simdSigned32 = map[tensor.Op]int{
	tensor.OpAbs: vI32Abs, tensor.OpLt: vI32LtS, tensor.OpLe: vI32LeS, tensor.OpGt: vI32GtS, tensor.OpGe: vI32GeS,
}

var simdUnsigned32 = map[tensor.Op]int{
	tensor.OpLt: vI32LtU, tensor.OpLe: vI32LeU, tensor.OpGt: vI32GtU, tensor.OpGe: vI32GeU,
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
	case tensor.F32:
		tables = append(tables, simdF32)
	case tensor.I32:
		tables = append(tables, simdI32, simdSigned32)
	case tensor.U32:
		tables = append(tables, simdI32, simdUnsigned32)
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

// simdOf is simdOp for an operation that has one.
func simdOf(op tensor.Op, d tensor.DType) int {
	v, ok := simdOp(op, d)
	if !ok {
		panic(fmt.Sprintf("wasm: no vector instruction for %s of %s", op, d))
	}
	return v
}

// lanesOf returns how many elements an instruction computes n for: elements, or truth values beside them, of one size, and
// an operation with a vector form.
func (p *plan) lanesOf(n *tensor.Node) int {
	switch {
	case p.isWord(n):
		if p.quadNode(n) {
			return 4
		}
	case p.pairNode(n):
		return 2
	}
	return 1
}

// isWord reports whether n computes F32s, or integers or truth values of their bits.
func (p *plan) isWord(n *tensor.Node) bool {
	if n.DType == tensor.F32 {
		return true
	}
	if n.DType != tensor.I32 && n.DType != tensor.U32 && n.DType != tensor.Bool {
		return false
	}
	if w, ok := p.words[n]; ok {
		return w
	}
	w := false
	for _, x := range n.In {
		m := p.views.of(x).root.Node()
		w = w || m.DType == tensor.F32 || m.Op != tensor.OpConst && len(m.In) > 0 && !m.Op.HasRegions() && p.isWord(m)
	}
	p.words[n] = w
	return w
}

// quadNode reports whether n can run on four words.
func (p *plan) quadNode(n *tensor.Node) bool {
	switch {
	case n.Op == tensor.OpTake, isView(n.Op):
		return word(n.DType)
	case n.Op.IsReduction():
		return n.DType == tensor.F32 && p.simdReduction(n)
	}
	d := n.In[0].DType()
	switch n.Op {
	case tensor.OpSelect:
		return word(n.DType)
	case tensor.OpConvert:
		return d == tensor.Bool && word(n.DType) || d == tensor.I32 && n.DType == tensor.U32 || d == tensor.U32 && n.DType == tensor.I32
	case tensor.OpBitcast:
		return word(n.DType)
	case tensor.OpIsFinite:
		return d == tensor.F32
	case tensor.OpShl, tensor.OpShr:
		return word(d) && isScalar(p.views.of(n.In[1]).root)
	}
	_, ok := simdOp(n.Op, d)
	return ok && !wide(d)
}

// pairNode reports whether n can run on pairs.
func (p *plan) pairNode(n *tensor.Node) bool {
	switch {
	case n.Op == tensor.OpTake:
		return wide(n.DType)
	case isView(n.Op):
		return wide(n.DType)
	case n.Op.IsReduction():
		return n.DType == tensor.F64 && p.simdReduction(n)
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
	return ok && !word(d)
}

// simdReduction reports whether a reduction of floats adds up vectors.
func (p *plan) simdReduction(n *tensor.Node) bool {
	if n.Op == tensor.OpReduceSum && n.Attr.Order == tensor.SumLanes {
		return true
	}
	// Accumulated in memory, in index order: pairs only where the innermost axis is kept.
	return len(squeezed(n.In[0].Shape()[n.Attr.Axis2:])) > 0
}
