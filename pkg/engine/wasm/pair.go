package wasm

import (
	"fmt"
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// vectorElement writes one elementwise operation on a vector; truth values are masks.
func (l *nest) vectorElement(n *tensor.Node, push func(i int)) {
	a := l.e.a
	d := n.In[0].DType()
	switch n.Op {
	case tensor.OpSelect:
		push(1)
		push(2)
		push(0)
		a.simd(vBitselect)
		return
	case tensor.OpConvert:
		push(0)
		if d == tensor.Bool {
			l.oneWhere(n.DType)
		}
		return
	case tensor.OpBitcast:
		push(0)
		return
	case tensor.OpIsFinite:
		push(0)
		a.simd(simdOf(tensor.OpAbs, d))
		l.constant(tensor.EncodeFloat(d, posInf))
		a.simd(simdOf(tensor.OpLt, d))
		return
	case tensor.OpShl, tensor.OpShr:
		l.shift(n, d, push)
		return
	}
	op, ok := simdOp(n.Op, d)
	if !ok && d == tensor.Bool && (n.Op == tensor.OpEq || n.Op == tensor.OpNe) {
		op = vXor
	} else if !ok {
		panic(fmt.Sprintf("wasm: no vector code for %s of %s", n.Op, d))
	}
	if quick, x, c := l.clampOp(n); quick != 0 {
		push(x)
		push(c)
		a.simd(quick)
		return
	}
	push(0)
	if n.Op.IsBinary() {
		push(1)
	}
	a.simd(op)
	if d == tensor.Bool && n.Op == tensor.OpEq {
		a.simd(vNot)
	}
}

// oneWhere makes ones and zeros of dtype d of the mask on the stack.
func (l *nest) oneWhere(d tensor.DType) {
	one := uint64(1)
	if d.IsFloat() {
		one = tensor.EncodeFloat(d, 1)
	}
	l.constant(one)
	l.e.a.simd(vAnd)
}

// clampOp returns the one-instruction form of a minimum or maximum with a constant that is neither NaN nor zero: where
// only the other operand can be NaN, and zeros need no ordering, "c if it is strictly beyond x, else x" is the same.
func (l *nest) clampOp(n *tensor.Node) (op, x, c int) {
	if !n.DType.IsFloat() {
		return 0, 0, 0
	}
	c = l.e.clampConstant(n)
	if c < 0 {
		return 0, 0, 0
	}
	ops := map[tensor.DType][2]int{tensor.F64: {vF64PMin, vF64PMax}, tensor.F32: {vF32PMin, vF32PMax}}[n.DType]
	if n.Op == tensor.OpMin {
		return ops[0], 1 - c, c
	}
	return ops[1], 1 - c, c
}

// constant pushes a constant in all lanes.
func (l *nest) constant(bits uint64) {
	if l.lanes == 4 {
		bits = bits<<32 | bits&math.MaxUint32
	}
	l.e.v128c(bits)
}

// v128c pushes a constant with the same 64 bits in both halves.
func (e *emitter) v128c(bits uint64) {
	b := littleEndian(tensor.U64, []uint64{bits, bits})
	e.a.simd(vConst)
	e.a.op(b...)
}

// shift writes a shift of all lanes by one scalar count.
func (l *nest) shift(n *tensor.Node, d tensor.DType, push func(i int)) {
	a := l.e.a
	push(0)
	l.e.push(l.e.p.views.of(n.In[1]).root)
	if l.lanes == 4 {
		op := map[tensor.Op]int{tensor.OpShl: vI32Shl, tensor.OpShr: vI32ShrU}[n.Op]
		if n.Op == tensor.OpShr && d.IsSigned() {
			op = vI32ShrS
		}
		a.simd(op)
		return
	}
	a.op(opI32WrapI64)
	switch {
	case n.Op == tensor.OpShl:
		a.simd(vI64Shl)
	case d.IsSigned():
		a.simd(vI64ShrS)
	default:
		a.simd(vI64ShrU)
	}
}

// reduce adds the current unit to a reduction.
func (l *nest) reduce(p *pointers, n *tensor.Node, at, index int) {
	a := l.e.a
	for _, s := range l.sums {
		if s.n != n {
			continue
		}
		lane := s.lanes[index%4]
		if l.vector {
			lane = s.lanes[index%4/l.lanes]
		}
		a.get(lane)
		l.operand(p, n, 0, at)
		if l.vector {
			a.simd(simdOf(tensor.OpAdd, n.DType))
		} else {
			l.e.add(n.DType)
		}
		a.set(lane)
		return
	}
	for _, m := range l.accs {
		if m.n == n {
			l.fold(p, m, at)
		}
	}
}

// fold combines the current unit with an accumulator in memory.
func (l *nest) fold(p *pointers, m *memoryFold, at int) {
	a := l.e.a
	st := m.acc.strides[len(l.dims)-1]
	ptr := p.of(m.acc)
	off := m.acc.addr + at*st
	a.get(ptr)
	a.get(ptr)
	if l.vector {
		a.simdMem(vLoad, off)
		l.operand(p, m.n, 0, at)
		a.simd(simdOf(foldOp(m.n.Op), m.n.DType))
		a.simdMem(vStore, off)
		return
	}
	a.load(m.n.DType, off)
	acc := a.newLocal(typeOf(m.n.DType))
	a.set(acc)
	l.operand(p, m.n, 0, at)
	x := a.newLocal(typeOf(m.n.DType))
	a.set(x)
	l.e.combine(foldOp(m.n.Op), m.n.DType, acc, x)
	a.store(m.n.DType, off)
}

// foldOp is the elementwise operation that a reduction repeats.
func foldOp(op tensor.Op) tensor.Op {
	switch op {
	case tensor.OpReduceSum:
		return tensor.OpAdd
	case tensor.OpReduceProd:
		return tensor.OpMul
	case tensor.OpReduceMin:
		return tensor.OpMin
	case tensor.OpReduceMax:
		return tensor.OpMax
	case tensor.OpReduceAny:
		return tensor.OpOr
	}
	return tensor.OpAnd
}

// combine pushes op applied to two locals of dtype d.
func (e *emitter) combine(op tensor.Op, d tensor.DType, x, y local) {
	proto := tensor.Zeros(d)
	n := &tensor.Node{Op: op, DType: d, In: []tensor.Value{proto, proto}}
	e.element(n, func(i int) {
		if i == 0 {
			e.a.get(x)
		} else {
			e.a.get(y)
		}
	})
}

// splitLanes takes the vectors of a sum apart so that single elements can join their lanes.
func (l *nest) splitLanes(s *laneSum) {
	a := l.e.a
	vectors := s.lanes
	for i := range 4 {
		x := a.newLocal(typeOf(s.n.DType))
		a.get(vectors[i/l.lanes])
		l.extract(i % l.lanes)
		a.set(x)
		s.lanes[i] = x
	}
	if l.split == nil {
		l.split = map[*laneSum][4]local{}
	}
	l.split[s] = vectors
}

// extract takes a float out of lane k of the vector on the stack.
func (l *nest) extract(k int) {
	op := vF64Extract
	if l.lanes == 4 {
		op = vF32Extract
	}
	l.e.a.simd(op)
	l.e.a.op(byte(k))
}

// joinLanes puts the lanes back into their vectors.
func (l *nest) joinLanes(s *laneSum) {
	a := l.e.a
	splat, replace := vF64Splat, vF64Replace
	if l.lanes == 4 {
		splat, replace = vF32Splat, vF32Replace
	}
	vectors := l.split[s]
	for i, x := range s.lanes {
		a.get(x)
		if i%l.lanes == 0 {
			a.simd(splat)
			continue
		}
		a.simd(replace)
		a.op(byte(i % l.lanes))
		if i%l.lanes == l.lanes-1 {
			a.set(vectors[i/l.lanes])
		}
	}
	s.lanes = vectors
}

// total pushes (l0+l2)+(l1+l3).
func (l *nest) total(s *laneSum) {
	a := l.e.a
	if l.lanes != 2 {
		lane := func(k int) {
			if l.lanes == 1 {
				a.get(s.lanes[k])
				return
			}
			a.get(s.lanes[0])
			l.extract(k)
		}
		for k := range 2 {
			lane(k)
			lane(k + 2)
			l.e.add(s.n.DType)
		}
		l.e.add(s.n.DType)
		return
	}
	x := a.newLocal(tV128)
	a.get(s.lanes[0])
	a.get(s.lanes[1])
	a.simd(vF64Add)
	a.tee(x)
	l.extract(0)
	a.get(x)
	l.extract(1)
	a.op(opF64Add)
}

// finish turns sums over the whole domain into scalars, and keeps accumulated scalars at hand.
func (l *nest) finish() {
	e := l.e
	for _, s := range l.sums {
		if !s.full {
			continue
		}
		v := s.n.Results()[0]
		x := e.a.newLocal(typeOf(s.n.DType))
		l.total(s)
		e.a.set(x)
		e.remember(v, x)
		e.spill(v, x)
	}
}
