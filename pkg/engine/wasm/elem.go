package wasm

import (
	"fmt"
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// typeOf returns the WebAssembly type of one element.
func typeOf(d tensor.DType) valType {
	switch d {
	case tensor.F64:
		return tF64
	case tensor.F32:
		return tF32
	case tensor.I64, tensor.U64:
		return tI64
	}
	return tI32
}

// load writes a load of an element of dtype d; the address is on the stack.
func (a *asm) load(d tensor.DType, offset int) {
	switch d {
	case tensor.F64:
		a.mem(opF64Load, offset)
	case tensor.F32:
		a.mem(opF32Load, offset)
	case tensor.I64, tensor.U64:
		a.mem(opI64Load, offset)
	case tensor.Bool:
		a.mem(opI32Load8U, offset)
	default:
		a.mem(opI32Load, offset)
	}
}

// store writes a store of an element of dtype d; address and element are on the stack.
func (a *asm) store(d tensor.DType, offset int) {
	switch d {
	case tensor.F64:
		a.mem(opF64Store, offset)
	case tensor.F32:
		a.mem(opF32Store, offset)
	case tensor.I64, tensor.U64:
		a.mem(opI64Store, offset)
	case tensor.Bool:
		a.mem(opI32Store8, offset)
	default:
		a.mem(opI32Store, offset)
	}
}

// constant pushes an element given by its bits. Doubles come from the constant pool in memory, which folds into the
// arithmetic instruction that uses them.
func (e *emitter) constant(d tensor.DType, bits uint64) {
	switch d {
	case tensor.F64:
		e.a.get(e.a.base)
		e.a.mem(opF64Load, e.pool(bits))
	case tensor.F32:
		e.a.f32c(math.Float32frombits(uint32(bits)))
	case tensor.I64, tensor.U64:
		e.a.i64c(int64(bits))
	default:
		e.a.i32c(int(int32(uint32(bits))))
	}
}

// f64Ops and their f32 forms differ by a fixed distance in WebAssembly's numbering.
var floatUnary = map[tensor.Op]byte{
	tensor.OpNeg: opF64Neg, tensor.OpAbs: opF64Abs, tensor.OpSqrt: opF64Sqrt,
	tensor.OpCeil: 0x9b, tensor.OpFloor: 0x9c, tensor.OpTrunc: 0x9d, tensor.OpRound: 0x9e,
}

var floatBinary = map[tensor.Op]byte{
	tensor.OpAdd: opF64Add, tensor.OpSub: opF64Sub, tensor.OpMul: opF64Mul, tensor.OpDiv: opF64Div, tensor.OpMin: opF64Min, tensor.OpMax: opF64Max,
}

const (
	f32Distance        = opF64Abs - opF32Abs // arithmetic
	f32CompareDistance = opF64Eq - opF32Eq
	i64Distance        = opI64Add - opI32Add // add … rotr
	i64CompareDistance = opI64Eq - opI32Eq
)

var floatCompare = map[tensor.Op]byte{
	tensor.OpEq: opF64Eq, tensor.OpNe: opF64Eq + 1, tensor.OpLt: opF64Lt, tensor.OpGt: opF64Gt, tensor.OpLe: opF64Gt + 1, tensor.OpGe: opF64Gt + 2,
}

// Signed forms on i32; the unsigned ones follow directly.
var intCompare = map[tensor.Op]byte{
	tensor.OpEq: opI32Eq, tensor.OpNe: opI32Ne, tensor.OpLt: opI32LtS, tensor.OpGt: opI32GtS, tensor.OpLe: opI32LeS, tensor.OpGe: opI32GeS,
}

var intBinary = map[tensor.Op]byte{
	tensor.OpAdd: opI32Add, tensor.OpSub: opI32Sub, tensor.OpMul: opI32Mul,
	tensor.OpAnd: opI32And, tensor.OpOr: opI32Or, tensor.OpXor: opI32Xor, tensor.OpShl: opI32Shl,
}

// element writes one elementwise operation: push(i) pushes operand i and may be called more than once; the result is
// left on the stack.
func (e *emitter) element(n *tensor.Node, push func(i int)) {
	d := n.In[0].DType()
	switch n.Op {
	case tensor.OpSelect:
		push(1)
		push(2)
		push(0)
		e.a.sel()
		return
	case tensor.OpConvert:
		push(0)
		e.convert(d, n.DType)
		return
	case tensor.OpBitcast:
		push(0)
		e.bitcast(d, n.DType)
		return
	}
	switch {
	case d.IsFloat():
		e.floatElement(n, d, push)
	case d == tensor.Bool:
		e.boolElement(n, push)
	default:
		e.intElement(n, d, push)
	}
}

func (e *emitter) floatElement(n *tensor.Node, d tensor.DType, push func(i int)) {
	shift := byte(0)
	if d == tensor.F32 {
		shift = f32Distance
	}
	if op, ok := floatUnary[n.Op]; ok {
		push(0)
		e.a.op(op - shift)
		return
	}
	if op, ok := floatBinary[n.Op]; ok {
		push(0)
		push(1)
		e.a.op(op - shift)
		return
	}
	if op, ok := floatCompare[n.Op]; ok {
		if d == tensor.F32 {
			op -= f32CompareDistance
		}
		push(0)
		push(1)
		e.a.op(op)
		return
	}
	lt, gt := byte(opF64Lt), byte(opF64Gt)
	if d == tensor.F32 {
		lt, gt = lt-f32CompareDistance, gt-f32CompareDistance
	}
	switch n.Op {
	case tensor.OpIsFinite:
		push(0)
		e.a.op(opF64Abs - shift)
		e.constant(d, tensor.EncodeFloat(d, math.Inf(1)))
		e.a.op(lt)
	case tensor.OpSign: // copysign(1, x) where |x| > 0, else x: keeps NaN and zeros
		e.constant(d, tensor.EncodeFloat(d, 1))
		push(0)
		e.a.op(opF64Copysgn - shift)
		push(0)
		push(0)
		e.a.op(opF64Abs - shift)
		e.constant(d, 0)
		e.a.op(gt)
		e.a.sel()
	case tensor.OpRem: // x - y·trunc(x/y)
		push(0)
		push(1)
		push(0)
		push(1)
		e.a.op(opF64Div - shift)
		e.a.op(0x9d - shift)
		e.a.op(opF64Mul - shift)
		e.a.op(opF64Sub - shift)
	default:
		panic(fmt.Sprintf("wasm: no code for %s of %s", n.Op, d))
	}
}

// clampConstant returns which operand of a float minimum or maximum is a constant that is neither NaN nor zero, -1 if
// none is.
func (e *emitter) clampConstant(n *tensor.Node) int {
	if n.Op != tensor.OpMin && n.Op != tensor.OpMax {
		return -1
	}
	for c := range 2 {
		w := e.p.views.of(n.In[c])
		if m := w.root.Node(); isScalar(w.root) && m.Op == tensor.OpConst {
			if v := tensor.DecodeFloat(m.DType, m.Attr.Array.Bits[0]); v == v && v != 0 {
				return c
			}
		}
	}
	return -1
}

func (e *emitter) boolElement(n *tensor.Node, push func(i int)) {
	push(0)
	if n.Op == tensor.OpNot {
		e.a.op(opI32Eqz)
		return
	}
	push(1)
	switch n.Op {
	case tensor.OpAnd:
		e.a.op(opI32And)
	case tensor.OpOr:
		e.a.op(opI32Or)
	case tensor.OpXor, tensor.OpNe:
		e.a.op(opI32Xor)
	case tensor.OpEq:
		e.a.op(opI32Eq)
	default:
		panic(fmt.Sprintf("wasm: no code for %s of bool", n.Op))
	}
}

// lowHalf returns which operand of a bitwise and is the mask of the lower 32 bits, -1 where neither is: amd64 has no such
// mask as an immediate, but clears the upper half with every move of the lower one.
func (e *emitter) lowHalf(n *tensor.Node) int {
	if n.Op != tensor.OpAnd || n.DType.Size() != 8 {
		return -1
	}
	for c, x := range n.In {
		if r := e.p.views.of(x).root; isScalar(r) && r.Node().Op == tensor.OpConst && r.Node().Attr.Array.Bits[0] == math.MaxUint32 {
			return c
		}
	}
	return -1
}

// intElement writes integer operations; the i64 forms lie at fixed distances from the i32 forms.
func (e *emitter) intElement(n *tensor.Node, d tensor.DType, push func(i int)) {
	wide64 := d.Size() == 8
	arith, cmp := byte(0), byte(0)
	if wide64 {
		arith, cmp = i64Distance, i64CompareDistance
	}
	unsigned := byte(0)
	if !d.IsSigned() {
		unsigned = 1
	}
	if c := e.lowHalf(n); c >= 0 {
		push(1 - c)
		e.a.op(opI32WrapI64, opI64ExtI32U)
		return
	}
	if op, ok := intBinary[n.Op]; ok {
		push(0)
		push(1)
		e.a.op(op + arith)
		return
	}
	if op, ok := intCompare[n.Op]; ok {
		if n.Op != tensor.OpEq && n.Op != tensor.OpNe {
			op += unsigned
		}
		push(0)
		push(1)
		e.a.op(op + cmp)
		return
	}
	switch n.Op {
	case tensor.OpShr:
		push(0)
		push(1)
		e.a.op(opI32ShrS + unsigned + arith)
	case tensor.OpNot:
		push(0)
		e.constant(d, ^uint64(0))
		e.a.op(opI32Xor + arith)
	case tensor.OpPopcount:
		push(0)
		if wide64 {
			e.a.op(opI64Popcnt)
		} else {
			e.a.op(opI32Popcnt)
		}
	case tensor.OpNeg:
		e.constant(d, 0)
		push(0)
		e.a.op(opI32Sub + arith)
	case tensor.OpAbs:
		e.constant(d, 0)
		push(0)
		e.a.op(opI32Sub + arith)
		push(0)
		push(0)
		e.constant(d, 0)
		e.a.op(opI32LtS + cmp)
		e.a.sel()
	case tensor.OpSign: // (x > 0) - (x < 0)
		push(0)
		e.constant(d, 0)
		e.a.op(opI32GtS + cmp)
		push(0)
		e.constant(d, 0)
		e.a.op(opI32LtS + cmp)
		e.a.op(opI32Sub)
		if wide64 {
			e.a.op(opI64ExtI32S)
		}
	case tensor.OpMin, tensor.OpMax:
		push(0)
		push(1)
		push(0)
		push(1)
		op := byte(opI32LtS)
		if n.Op == tensor.OpMax {
			op = opI32GtS
		}
		e.a.op(op + unsigned + cmp)
		e.a.sel()
	case tensor.OpDiv, tensor.OpRem:
		e.intDivide(n.Op, d, arith, cmp, unsigned, push)
	default:
		panic(fmt.Sprintf("wasm: no code for %s of %s", n.Op, d))
	}
}

// intDivide writes division without traps: by zero gives zero, and the most negative number by -1 gives itself
// (remainder zero), as division by 1 of the negated dividend would.
func (e *emitter) intDivide(op tensor.Op, d tensor.DType, arith, cmp, unsigned byte, push func(i int)) {
	code := byte(opI32DivS)
	if op == tensor.OpRem {
		code = opI32RemS
	}
	special := func() { // y = 0 or, signed, y = -1
		push(1)
		if unsigned == 0 {
			e.constant(d, 1)
			e.a.op(opI32Add + arith)
			e.constant(d, 2)
			e.a.op(opI32LtU + cmp)
		} else {
			e.constant(d, 0)
			e.a.op(opI32Eq + cmp)
		}
	}
	push(0)
	e.constant(d, 1)
	push(1)
	special()
	e.a.sel()
	e.a.op(code + unsigned + arith)
	if op == tensor.OpDiv {
		// multiply by y where y is special: 0 gives 0, -1 negates
		push(1)
		e.constant(d, 1)
		special()
		e.a.sel()
		e.a.op(opI32Mul + arith)
	}
}

func (e *emitter) convert(from, to tensor.DType) {
	a := e.a
	switch {
	case from == to:
	case to == tensor.Bool:
		e.constant(from, 0)
		switch typeOf(from) {
		case tF64:
			a.op(opF64Eq + 1)
		case tF32:
			a.op(opF32Eq + 1)
		case tI64:
			a.op(opI64Ne)
		default:
			a.op(opI32Ne)
		}
	case from.IsFloat() && to.IsFloat():
		if to == tensor.F32 {
			a.op(opF32Demote)
		} else {
			a.op(opF64Promote)
		}
	case from.IsFloat(): // saturating truncation
		k := byte(0)
		if from == tensor.F64 {
			k += 2
		}
		if !to.IsSigned() {
			k++
		}
		if to.Size() == 8 {
			k += 4
		}
		a.op(0xfc, k)
	case to.IsFloat():
		k := byte(opF32CvtI32S)
		if to == tensor.F64 {
			k = opF64CvtI32S
		}
		if from.Size() == 8 {
			k += 2
		}
		if !from.IsSigned() {
			k++
		}
		a.op(k)
	case typeOf(from) == typeOf(to):
	case to.Size() == 4:
		a.op(opI32WrapI64)
	case from == tensor.I32:
		a.op(opI64ExtI32S)
	default:
		a.op(opI64ExtI32U)
	}
}

func (e *emitter) bitcast(from, to tensor.DType) {
	switch f, t := typeOf(from), typeOf(to); {
	case f == t:
	case f == tF64:
		e.a.op(opI64ReintF)
	case f == tF32:
		e.a.op(opI32ReintF)
	case t == tF64:
		e.a.op(opF64ReintI)
	case t == tF32:
		e.a.op(opF32ReintI)
	}
}
