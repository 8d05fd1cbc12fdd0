package wasm

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// pairElement writes one elementwise operation on pairs of 64-bit elements; truth values are masks.
func (l *nest) pairElement(n *tensor.Node, push func(i int)) {
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
		if d == tensor.Bool && n.DType == tensor.F64 {
			l.e.v128c(tensor.EncodeFloat(tensor.F64, 1))
			a.simd(vAnd)
		} else if d == tensor.Bool {
			l.e.v128c(1)
			a.simd(vAnd)
		}
		return
	case tensor.OpBitcast:
		push(0)
		return
	case tensor.OpIsFinite:
		push(0)
		a.simd(vF64Abs)
		l.e.v128c(tensor.EncodeFloat(tensor.F64, posInf))
		a.simd(vF64Lt)
		return
	case tensor.OpShl, tensor.OpShr:
		l.shift(n, d, push)
		return
	}
	op, ok := simdOp(n.Op, d)
	if !ok && d == tensor.Bool && (n.Op == tensor.OpEq || n.Op == tensor.OpNe) {
		op = vXor
	} else if !ok {
		panic(fmt.Sprintf("wasm: no pair code for %s of %s", n.Op, d))
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

// clampOp returns the one-instruction form of a minimum or maximum with a constant that is neither NaN nor zero: where
// only the other operand can be NaN, and zeros need no ordering, "c if it is strictly beyond x, else x" is the same.
func (l *nest) clampOp(n *tensor.Node) (op, x, c int) {
	if n.DType != tensor.F64 {
		return 0, 0, 0
	}
	c = l.e.clampConstant(n)
	switch {
	case c < 0:
		return 0, 0, 0
	case n.Op == tensor.OpMin:
		return vF64PMin, 1 - c, c
	}
	return vF64PMax, 1 - c, c
}

// v128c pushes a constant with the same 64 bits in both halves.
func (e *emitter) v128c(bits uint64) {
	b := littleEndian(tensor.U64, []uint64{bits, bits})
	e.a.simd(vConst)
	e.a.op(b...)
}

// shift writes a shift of both halves by one scalar count.
func (l *nest) shift(n *tensor.Node, d tensor.DType, push func(i int)) {
	a := l.e.a
	push(0)
	l.e.push(l.e.p.views.of(n.In[1]).root)
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
		if l.pairs {
			lane = s.lanes[index/2%2]
		}
		a.get(lane)
		l.operand(p, n, 0, at)
		if l.pairs {
			a.simd(vF64Add)
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
	if l.pairs {
		a.simdMem(vLoad, off)
		l.operand(p, m.n, 0, at)
		op, _ := simdOp(foldOp(m.n.Op), m.n.DType)
		a.simd(op)
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

// splitLanes takes the two vectors of a sum apart so that a last single element can join its lane.
func (l *nest) splitLanes(s *laneSum) {
	a := l.e.a
	vec := [2]local{s.lanes[0], s.lanes[1]}
	for i := range 4 {
		x := a.newLocal(tF64)
		a.get(vec[i/2])
		a.simd(vF64Extract)
		a.op(byte(i % 2))
		a.set(x)
		s.lanes[i] = x
	}
	s.lanes = [4]local{s.lanes[0], s.lanes[1], s.lanes[2], s.lanes[3]}
	l.setVectors(s, vec)
}

// setVectors remembers the vectors of a split sum.
func (l *nest) setVectors(s *laneSum, vec [2]local) {
	if l.vectors == nil {
		l.vectors = map[*laneSum][2]local{}
	}
	l.vectors[s] = vec
}

// joinLanes puts the lanes back into their vectors.
func (l *nest) joinLanes(s *laneSum) {
	a := l.e.a
	vec := l.vectors[s]
	for i := range 2 {
		a.get(s.lanes[2*i])
		a.simd(vF64Splat)
		a.get(s.lanes[2*i+1])
		a.simd(vF64Replace)
		a.op(1)
		a.set(vec[i])
	}
	s.lanes = [4]local{vec[0], vec[1]}
}

// total pushes (l0+l2)+(l1+l3).
func (l *nest) total(s *laneSum) {
	a := l.e.a
	if !l.simd {
		for _, k := range [][2]int{{0, 2}, {1, 3}} {
			a.get(s.lanes[k[0]])
			a.get(s.lanes[k[1]])
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
	a.simd(vF64Extract)
	a.op(0)
	a.get(x)
	a.simd(vF64Extract)
	a.op(1)
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
