package wasm

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// unrollBudget bounds the elementwise instructions of one row that are written out without a loop.
const unrollBudget = 1200

// row writes the innermost dimension: whole units (vectors of elements, or single ones), then what is left over.
func (l *nest) row() {
	n := l.dims[len(l.dims)-1]
	w := l.lanes
	rows := slices.ContainsFunc(l.sums, func(s *laneSum) bool { return !s.full })
	if rows {
		for _, s := range l.sums {
			if !s.full {
				l.clear(s)
			}
		}
	}
	l.rowSplats()
	units := n / w
	turn := l.unitsPerTurn()
	at := 0
	ptr := l.rowPointers()
	if units < 2*turn && units*len(l.it.nodes) <= unrollBudget {
		if units > 1 {
			l.proveRows()
		}
		at = l.straight(ptr, 0, units, w)
	} else {
		ptr = l.rowLoop(ptr, units/turn, turn, w)
		done := units / turn * turn
		at = l.straight(ptr, 0, units-done, w)
		if at+done*w < n {
			l.tail(ptr, at, n)
		}
		at = n
	}
	if at < n {
		l.tail(ptr, at, n)
	}
	if rows {
		for _, s := range l.sums {
			if !s.full {
				a := l.e.a
				a.get(l.pointer(s.store))
				l.total(s)
				a.store(s.n.DType, s.store.addr)
			}
		}
	}
}

// unitsPerTurn returns how many units a turn of the loop has: four while the body is short. It is a multiple of what
// the lanes of a sum need.
func (l *nest) unitsPerTurn() int {
	if l.lanes == 1 {
		return 4
	}
	if len(l.it.nodes) > 60 {
		return 2
	}
	return 4
}

// pointers maps patterns of inner strides to locals that hold the byte index within the row.
type pointers struct {
	l     *nest
	moved map[string]local
}

func innerKey(a access, l *nest) string {
	if len(l.dims) == 1 {
		return fmt.Sprint(a.dyn, a.strides[0])
	}
	return a.pattern()
}

// pointer returns the local that addresses the start of the current row for an access.
func (l *nest) pointer(a access) local {
	if len(l.dims) == 1 {
		return a.dyn
	}
	return l.ptrs[a.pattern()]
}

func (l *nest) rowPointers() *pointers { return &pointers{l: l} }

func (p *pointers) of(a access) local {
	if x, ok := p.moved[innerKey(a, p.l)]; ok {
		return x
	}
	return p.l.pointer(a)
}

// proveRows proves the pointers of a row that is written out unit by unit: else each unit's access, which goes further
// than the one before, is checked. The base has its proof.
func (l *nest) proveRows() {
	a := l.e.a
	proved := []local{a.base}
	l.each(func(ac *access) {
		if x := l.pointer(*ac); ac.strides[len(l.dims)-1] != 0 && !slices.Contains(proved, x) {
			a.prove(x)
			proved = append(proved, x)
		}
	})
}

// rowSplats loads what does not change along the row.
func (l *nest) rowSplats() {
	if l.lanes == 1 {
		return
	}
	a := l.e.a
	for _, n := range l.it.nodes {
		for _, x := range append([]tensor.Value{n.Results()[0]}, n.In...) {
			f := l.leaves[x]
			if f == nil || f.fixed || f.scalar.IsValid() || f.acc.strides[len(l.dims)-1] != 0 || !l.fills(f.acc.dtype) {
				continue
			}
			if f.splat == noLocal {
				f.splat = a.newLocal(tV128)
			}
			l.loadSplat(l.pointer(f.acc), f.acc.addr)
			a.set(f.splat)
		}
	}
}

// straight writes units without a loop, beginning at element from; it returns the element after them.
func (l *nest) straight(p *pointers, from, units, w int) int {
	u := 0
	if l.lanes > 1 && len(l.it.nodes) >= interleaveFrom {
		for ; u+2 <= units; u += 2 {
			l.twoUnits(p, from+u*w, w)
		}
	}
	for ; u < units; u++ {
		l.unit(p, from+u*w, w)
	}
	return from + units*w
}

// interleaveFrom is the number of instructions from which on two units are written instruction by instruction in turn:
// long chains of dependent operations then fill each other's waits.
const interleaveFrom = 12

// twoUnits writes two units in turn.
func (l *nest) twoUnits(p *pointers, at, w int) {
	l.vector = w > 1
	first, second := map[tensor.Value]local{}, map[tensor.Value]local{}
	for _, n := range l.it.nodes {
		l.cur = first
		l.instruction(p, n, at, at, w)
		l.cur = second
		l.instruction(p, n, at+w, at+w, w)
	}
	l.cur = first
	l.storeUnit(p, at)
	l.cur = second
	l.storeUnit(p, at+w)
}

// rowLoop writes a loop of turns, each of the given number of units, and returns the pointers after it.
func (l *nest) rowLoop(p *pointers, turns, perTurn, w int) *pointers {
	a := l.e.a
	last := len(l.dims) - 1
	moved := map[string]local{}
	steps := map[string]int{}
	var order []string
	l.each(func(ac *access) {
		key := innerKey(*ac, l)
		if _, ok := moved[key]; ok || ac.strides[last] == 0 {
			return
		}
		x := a.newLocal(tI32)
		a.get(l.pointer(*ac))
		a.set(x)
		moved[key], steps[key] = x, ac.strides[last]*perTurn*w
		order = append(order, key)
	})
	q := &pointers{l: l, moved: moved}
	i := a.newLocal(tI32)
	a.setI32(i, turns)
	a.loop()
	for _, key := range order {
		a.prove(moved[key])
	}
	l.straight(q, 0, perTurn, w)
	for _, key := range order {
		a.addI32(moved[key], steps[key])
	}
	a.get(i)
	a.i32c(1)
	a.op(opI32Sub)
	a.tee(i)
	a.brIf(0)
	a.end()
	return q
}

// tail writes the elements after the last vector one by one. at counts from the pointers; the lane of an element follows
// from its index in the row of n elements.
func (l *nest) tail(p *pointers, at, n int) {
	if l.lanes == 1 {
		return
	}
	for _, s := range l.sums {
		l.splitLanes(s)
	}
	l.vector = false
	for i := n - n%l.lanes; i < n; i++ {
		clear(l.cur)
		for _, m := range l.it.nodes {
			l.instruction(p, m, at, i, 1)
		}
		l.storeUnit(p, at)
		at++
	}
	for _, s := range l.sums {
		l.joinLanes(s)
	}
}

// unit writes a vector (w > 1) or an element (w = 1) at element index at of the row.
func (l *nest) unit(p *pointers, at, w int) {
	clear(l.cur)
	l.vector = w > 1
	for _, n := range l.it.nodes {
		l.instruction(p, n, at, at, w)
	}
	l.storeUnit(p, at)
}

// storeUnit stores the results of a unit, after all its loads: a result may lie where an operand of another instruction
// is read.
func (l *nest) storeUnit(p *pointers, at int) {
	for _, n := range l.it.nodes {
		if s, ok := l.stores[n]; ok {
			l.storeElement(p, s, at, l.cur[n.Results()[0]])
		}
	}
}

// instruction writes n for the unit at index at from the pointers; index is the position in the row modulo the lanes.
func (l *nest) instruction(p *pointers, n *tensor.Node, at, index, w int) {
	a := l.e.a
	if n.Op.IsReduction() {
		l.reduce(p, n, at, index)
		return
	}
	v := n.Results()[0]
	t := typeOf(n.DType)
	if l.vector {
		t = tV128
	}
	switch {
	case isView(n.Op):
		l.pushLeaf(p, l.leaves[v], at)
	case n.Op == tensor.OpTake:
		l.take(p, n, at)
	case l.vector:
		l.vectorElement(n, func(i int) { l.operand(p, n, i, at) })
	default:
		l.e.element(n, func(i int) { l.operand(p, n, i, at) })
	}
	x := a.newLocal(t)
	a.set(x)
	l.cur[v] = x
}

// operand pushes operand i of n.
func (l *nest) operand(p *pointers, n *tensor.Node, i, at int) {
	x := n.In[i]
	if l.e.p.inRegister(l.it, n, i) {
		l.e.a.get(l.cur[l.e.p.views.of(x).root])
		return
	}
	l.pushLeaf(p, l.leaves[x], at)
}

func (l *nest) pushLeaf(p *pointers, f *leaf, at int) {
	a := l.e.a
	last := len(l.dims) - 1
	if f.scalar.IsValid() {
		switch {
		case !l.vector:
			l.e.push(f.scalar)
		case isConstant(f.scalar):
			l.constant(maskOf(f.scalar))
		default:
			a.get(f.splat)
		}
		return
	}
	st := f.acc.strides[last]
	ptr := p.of(f.acc)
	if !l.vector {
		l.loadAt(f.acc.dtype, ptr, f.acc.addr+at*st)
		return
	}
	switch {
	case st == 0 && f.splat != noLocal:
		a.get(f.splat)
	case l.fills(f.acc.dtype) && st == f.acc.dtype.Size():
		a.get(ptr)
		a.simdMem(vLoad, f.acc.addr+at*st)
	case l.lanes == 4:
		l.gather(f.acc.dtype, func(k int) { l.loadAt(f.acc.dtype, ptr, f.acc.addr+(at+k)*st) })
	case wide(f.acc.dtype):
		l.e.loadPair(ptr, f.acc.addr+at*st, ptr, f.acc.addr+(at+1)*st)
	default:
		for k := range 2 {
			l.loadAt(f.acc.dtype, ptr, f.acc.addr+(at+k)*st)
			a.op(opI64ExtI32U)
			l.maskLane(k)
		}
	}
}

// maskOf returns the bits of a constant scalar in a lane; a truth value is a mask.
func maskOf(v tensor.Value) uint64 {
	n := v.Node()
	if n.Op == tensor.OpIota {
		return 0
	}
	if n.DType == tensor.Bool {
		return -n.Attr.Array.Bits[0]
	}
	return n.Attr.Array.Bits[0]
}

// maskLane takes a 0 or 1 (i64) from the stack into half k of a mask; for k = 1 the vector lies below it.
func (l *nest) maskLane(k int) {
	a := l.e.a
	if k == 0 {
		a.simd(vI64Splat)
		return
	}
	a.simd(0x1e) // i64x2.replace_lane
	a.op(1)
	a.simd(vI64Neg)
}

// loadAt pushes one element; a negative static offset, of a reversed view, goes into the index.
func (l *nest) loadAt(d tensor.DType, ptr local, offset int) {
	l.e.addressOf(ptr, &offset)
	l.e.a.load(d, offset)
}

// addressOf pushes an index and moves a negative offset into it.
func (e *emitter) addressOf(ptr local, offset *int) {
	e.a.get(ptr)
	if *offset < 0 {
		e.a.i32c(*offset)
		e.a.op(opI32Add)
		*offset = 0
	}
}

// loadPair pushes a pair of two 64-bit elements. Its instructions write whole registers on amd64: v128.load64_splat and
// load64_lane go through integer registers there, and a splat of a register waits for what its target last held.
func (e *emitter) loadPair(p0 local, off0 int, p1 local, off1 int) {
	e.addressOf(p0, &off0)
	e.a.simdMem(vLoad64Zero, off0)
	e.addressOf(p1, &off1)
	e.a.mem(opF64Load, off1)
	e.a.simd(vF64Replace)
	e.a.op(1)
}

// splatF64 pushes a number in both halves.
func (e *emitter) splatF64(x local) {
	e.v128c(0)
	for lane := range 2 {
		e.a.get(x)
		e.a.simd(vF64Replace)
		e.a.op(byte(lane))
	}
}

// loadSplat pushes a 64-bit element in both halves.
func (e *emitter) loadSplat(p local, off int) { e.loadPair(p, off, p, off) }

// loadSplat pushes an element in all lanes.
func (l *nest) loadSplat(p local, off int) {
	if l.lanes == 2 {
		l.e.splatFrom(doubles, p, off)
	} else {
		l.e.splatFrom(singles, p, off)
	}
}

// gather pushes four words, element k as load(k) pushes it; truth values become masks.
func (l *nest) gather(d tensor.DType, load func(k int)) {
	a := l.e.a
	splat, replace := vI32Splat, vI32Replace
	if d == tensor.F32 {
		splat, replace = vF32Splat, vF32Replace
	}
	load(0)
	a.simd(splat)
	for k := 1; k < 4; k++ {
		load(k)
		a.simd(replace)
		a.op(byte(k))
	}
	if d == tensor.Bool {
		a.simd(vI32Neg)
	}
}

func (l *nest) storeElement(p *pointers, s access, at int, x local) {
	a := l.e.a
	st := s.strides[len(l.dims)-1]
	ptr := p.of(s)
	switch {
	case !l.vector:
		a.get(ptr)
		a.get(x)
		a.store(s.dtype, s.addr+at*st)
	case l.fills(s.dtype):
		a.get(ptr)
		a.get(x)
		a.simdMem(vStore, s.addr+at*st)
	default: // truth values
		for k := range l.lanes {
			a.get(ptr)
			a.get(x)
			if l.lanes == 4 {
				a.simd(vI32Extract)
				a.op(byte(k))
			} else {
				a.simd(vI64Extract)
				a.op(byte(k))
				a.op(opI32WrapI64)
			}
			a.i32c(1)
			a.op(opI32And)
			a.store(tensor.Bool, s.addr+(at+k)*st)
		}
	}
}

// take pushes x[…index…]; the index clamps.
func (l *nest) take(p *pointers, n *tensor.Node, at int) {
	e, a := l.e, l.e.a
	w := e.p.views.of(n.In[0])
	if isScalar(w.root) {
		if l.vector {
			l.pushSplat(w.root)
		} else {
			e.push(w.root)
		}
		return
	}
	size := w.root.DType().Size()
	axis := n.Attr.Axis
	limit := n.In[0].Shape()[axis] - 1
	rest := l.takeRest(p, n)
	static := l.takes[n].addr
	index := func(k int) local {
		vector := l.vector
		l.vector = false
		if idx := l.leaves[n.In[1]]; idx == nil {
			a.get(l.cur[e.p.views.of(n.In[1]).root])
			if vector {
				a.simd(vI32Extract)
				a.op(byte(k))
			}
		} else {
			l.pushLeaf(p, idx, at+k)
		}
		l.vector = vector
		x := a.newLocal(tI32)
		if n.Attr.Index != inBounds {
			a.set(x)
			e.clamped(x, limit)
		}
		e.times(w.strides[axis] * size)
		rest(at + k)
		a.set(x)
		return x
	}
	l.loadIndexed(n.DType, index, static)
}

// loadIndexed pushes elements at offset static from the byte indices that index(k) computes.
func (l *nest) loadIndexed(d tensor.DType, index func(k int) local, static int) {
	var i [4]local
	i[0] = index(0)
	if !l.vector {
		l.loadAt(d, i[0], static)
		return
	}
	for k := 1; k < l.lanes; k++ {
		i[k] = index(k)
	}
	if l.lanes == 2 {
		l.e.loadPair(i[0], static, i[1], static)
		return
	}
	l.gather(d, func(k int) { l.loadAt(d, i[k], static) })
}

// pushSplat pushes a scalar in all lanes.
func (l *nest) pushSplat(v tensor.Value) {
	if isConstant(v) {
		l.constant(maskOf(v))
		return
	}
	l.e.a.get(l.splat(v))
}

// describeTake works out what the axes other than the taken one add to an address.
func (l *nest) describeTake(n *tensor.Node) {
	w := l.e.p.views.of(n.In[0])
	if isScalar(w.root) {
		return
	}
	axis, idxRank := n.Attr.Axis, n.In[1].Rank()
	size := w.root.DType().Size()
	strides := make([]int, len(n.Shape))
	copy(strides, w.strides[:axis])
	copy(strides[axis+idxRank:], w.strides[axis+1:])
	acc := l.e.upward(access{w.root.DType(), l.e.address(w.root) + w.off*size, l.e.dynamic(w), squeezeStrides(n.Shape, strides, size)})
	l.takes[n] = &acc
}

// takeRest returns a function that adds to the byte offset on the stack what the other axes add for element at of the row.
func (l *nest) takeRest(p *pointers, n *tensor.Node) func(at int) {
	a := l.e.a
	acc := *l.takes[n]
	plain := len(l.dims) == 1 && acc.dyn == a.base && acc.strides[0] == 0
	return func(at int) {
		if plain {
			return
		}
		a.get(p.of(acc))
		a.op(opI32Add)
		if st := acc.strides[len(l.dims)-1]; st*at != 0 {
			a.i32c(st * at)
			a.op(opI32Add)
		}
	}
}
