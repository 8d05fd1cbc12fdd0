package wasm

import (
	"fmt"
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// A fused loop visits its domain once. Every array lies at its static address; an element is loaded where it is first
// needed and stored when it is computed. Rows of 64-bit elements go in pairs, rows of F32s in fours, four such units a turn;
// short rows have no loop at all.

// access is a strided access of a loop to memory: element (i0, i1, …) lies at addr + dyn + Σ strides[k]·ik bytes.
type access struct {
	dtype   tensor.DType
	addr    int
	dyn     local
	strides []int // bytes, one per dimension of the nest
}

// leaf is an operand that a loop does not compute itself.
type leaf struct {
	acc    access
	scalar tensor.Value // set where the operand is one scalar
	splat  local        // SIMD: the scalar, or the element that the row has everywhere, in all lanes
	fixed  bool         // splat holds for the whole loop
}

// nest is the state of a loop that is being written.
type nest struct {
	e      *emitter
	it     *item
	dims   []int
	lanes  int                    // elements of a vector, 1 without vectors
	leaves map[tensor.Value]*leaf // by operand Value
	stores map[*tensor.Node]access
	takes  map[*tensor.Node]*access // what the axes other than the taken one add to an address
	sums   []*laneSum
	accs   []*memoryFold
	ptrs   map[string]local // per pattern of dyn and outer strides: the byte index in the current row
	cur    map[tensor.Value]local
	split  map[*laneSum][4]local // the vectors of sums that are in scalars
	vector bool                  // the units being written are vectors
}

// laneSum adds up in four lanes: two vectors of pairs, one of four words, or four scalars.
type laneSum struct {
	n     *tensor.Node
	lanes [4]local
	full  bool // over the whole domain, not per row
	store access
}

// memoryFold is a reduction that accumulates in memory.
type memoryFold struct {
	n   *tensor.Node
	acc access
}

func (e *emitter) newNest(it *item) *nest {
	l := &nest{e: e, it: it, lanes: max(1, it.lanes), leaves: map[tensor.Value]*leaf{}, stores: map[*tensor.Node]access{}, takes: map[*tensor.Node]*access{}, ptrs: map[string]local{}, cur: map[tensor.Value]local{}}
	l.dims = slices.Clone(it.domain)
	if len(l.dims) == 0 {
		l.dims = []int{1}
	}
	return l
}

func (e *emitter) loop(it *item) {
	l := e.newNest(it)
	l.describe()
	l.collapse(false)
	l.splats()
	l.clearAll()
	if tensor.NumElements(l.dims) > 0 {
		l.level(0)
	}
	l.finish()
}

// strides returns byte strides of a view in the loop's domain, for the axes of shape that are not of length one.
func squeezeStrides(shape, strides []int, size int) []int {
	var out []int
	for i, n := range shape {
		if n != 1 {
			out = append(out, strides[i]*size)
		}
	}
	if len(out) == 0 {
		out = []int{0}
	}
	return out
}

// describe lists what the loop reads and writes.
func (l *nest) describe() {
	e := l.e
	for _, n := range l.it.nodes {
		v := n.Results()[0]
		if isView(n.Op) {
			e.p.solid[v] = false // look through it this once
			delete(e.p.views.memo, v)
			w := e.p.views.of(v)
			if w.root == v { // a reshape that no strides express: its operand is a block
				x := e.p.views.of(n.In[0])
				w = view{root: x.root, off: x.off, strides: tensor.Strides(n.Shape)}
			}
			e.p.solid[v] = true
			delete(e.p.views.memo, v)
			l.addLeaf(v, w, n.Shape)
		}
		for i, x := range n.In {
			l.describeOperand(n, i, x)
		}
		if n.Op == tensor.OpTake {
			l.describeTake(n)
		}
		if n.Op.IsReduction() {
			l.describeReduction(n)
			continue
		}
		if id, ok := e.l.ids[v]; ok {
			l.stores[n] = access{n.DType, e.pl.addr(id), e.a.base, squeezeStrides(n.Shape, tensor.Strides(n.Shape), n.DType.Size())}
		}
	}
}

func (l *nest) describeOperand(n *tensor.Node, i int, x tensor.Value) {
	e := l.e
	switch {
	case isView(n.Op), n.Op == tensor.OpTake && i == 0, e.p.inRegister(l.it, n, i):
		return
	case standaloneIn(n):
		shape := x.Shape()
		w := e.p.views.of(x)
		flat := append(slices.Clone(shape[:n.Attr.Axis]), tensor.NumElements(shape[n.Attr.Axis:n.Attr.Axis2]))
		l.addLeaf(x, view{root: w.root, off: w.off, strides: tensor.Strides(flat)}, flat)
	case n.Op == tensor.OpTake:
		w := e.p.views.of(x) // the index, seen in the shape of the result
		b := view{root: w.root, off: w.off, dyn: w.dyn, strides: make([]int, len(n.Shape))}
		copy(b.strides[n.Attr.Axis:], w.strides)
		l.addLeaf(x, b, n.Shape)
	default:
		l.addLeaf(x, e.p.views.of(x), x.Shape())
	}
}

func (l *nest) addLeaf(x tensor.Value, w view, shape []int) {
	if l.leaves[x] != nil {
		return
	}
	f := &leaf{splat: noLocal}
	l.leaves[x] = f
	if isScalar(w.root) {
		f.scalar = w.root
		l.e.asLocalUnlessConstant(w.root)
		return
	}
	size := w.root.DType().Size()
	f.acc = l.e.upward(access{w.root.DType(), l.e.address(w.root) + w.off*size, l.e.dynamic(w), squeezeStrides(shape, w.strides, size)})
}

// upward moves the address of an access with a negative stride into its index, which then never falls below zero.
func (e *emitter) upward(a access) access {
	if slices.ContainsFunc(a.strides, func(s int) bool { return s < 0 }) {
		x := e.a.newLocal(tI32)
		e.a.get(a.dyn)
		e.a.i32c(a.addr)
		e.a.op(opI32Add)
		e.a.set(x)
		a.addr, a.dyn = 0, x
	}
	return a
}

func (e *emitter) asLocalUnlessConstant(v tensor.Value) {
	if !isConstant(v) {
		e.asLocal(v)
	}
}

func (l *nest) describeReduction(n *tensor.Node) {
	e := l.e
	if n.Op == tensor.OpReduceSum && n.Attr.Order == tensor.SumLanes {
		s := &laneSum{n: n, full: len(squeezed(n.Shape)) == 0}
		if !inLocal(n) {
			kept := squeezeStrides(n.Shape, tensor.Strides(n.Shape), n.DType.Size())
			s.store = access{n.DType, e.address(n.Results()[0]), e.a.base, append(kept, 0)}
		}
		l.sums = append(l.sums, s)
		return
	}
	in := n.In[0].Shape()
	st := tensor.Strides(n.Shape)
	full := slices.Concat(st[:n.Attr.Axis], make([]int, n.Attr.Axis2-n.Attr.Axis), st[n.Attr.Axis:])
	l.accs = append(l.accs, &memoryFold{n, access{n.DType, e.address(n.Results()[0]), e.a.base, squeezeStrides(in, full, n.DType.Size())}})
}

// each calls f with every access of the loop.
func (l *nest) each(f func(a *access)) {
	for _, n := range l.it.nodes { // in a fixed order
		for _, x := range append([]tensor.Value{n.Results()[0]}, n.In...) {
			if lf := l.leaves[x]; lf != nil && !lf.scalar.IsValid() {
				f(&lf.acc)
			}
		}
		if t := l.takes[n]; t != nil {
			f(t)
		}
		if s, ok := l.stores[n]; ok {
			f(&s)
			l.stores[n] = s
		}
	}
	for _, s := range l.sums {
		if !s.full {
			f(&s.store)
		}
	}
	for _, m := range l.accs {
		f(&m.acc)
	}
}

// collapse joins neighbouring dimensions that every access walks as one. Rows that are summed stay apart, and so does the
// first dimension where keepFirst is set.
func (l *nest) collapse(keepFirst bool) {
	rows := false
	for _, s := range l.sums {
		rows = rows || !s.full
	}
	for k := len(l.dims) - 2; k >= 0; k-- {
		if rows && k == len(l.dims)-2 || keepFirst && k == 0 {
			continue
		}
		ok := true
		l.each(func(a *access) { ok = ok && a.strides[k] == a.strides[k+1]*l.dims[k+1] })
		if !ok {
			continue
		}
		done := map[*int]bool{} // an access that two operands share is cut once
		l.each(func(a *access) {
			if len(a.strides) == len(l.dims) && !done[&a.strides[0]] {
				a.strides = slices.Delete(slices.Clone(a.strides), k, k+1)
			}
		})
		l.dims[k] *= l.dims[k+1]
		l.dims = slices.Delete(l.dims, k+1, k+2)
	}
}

// splats puts scalars into vectors.
func (l *nest) splats() {
	if l.lanes > 1 {
		for _, n := range l.it.nodes {
			for _, x := range append([]tensor.Value{n.Results()[0]}, n.In...) {
				f := l.leaves[x]
				if f == nil || f.splat != noLocal {
					continue
				}
				switch {
				case f.scalar.IsValid() && !isConstant(f.scalar):
					f.splat = l.splat(f.scalar)
				case !f.scalar.IsValid() && l.fills(f.acc.dtype) && !slices.ContainsFunc(f.acc.strides, func(st int) bool { return st != 0 }):
					f.splat, f.fixed = l.e.a.newLocal(tV128), true
					l.loadSplat(f.acc.dyn, f.acc.addr)
					l.e.a.set(f.splat)
				}
			}
		}
	}
}

// clearAll clears accumulators and fills accumulated results with their identity.
func (l *nest) clearAll() {
	for _, s := range l.sums {
		l.clear(s)
	}
	for _, m := range l.accs {
		l.e.fill(m.n)
	}
}

// sumLocals returns how many locals hold the lanes of a sum.
func (l *nest) sumLocals() int { return 4 / l.lanes }

// fills reports whether elements of dtype d fill the lanes of a vector; truth values do not.
func (l *nest) fills(d tensor.DType) bool {
	if l.lanes == 4 {
		return word(d)
	}
	return wide(d)
}

// lanesOf makes the locals of a sum.
func (l *nest) lanesOf(s *laneSum) {
	t := typeOf(s.n.DType)
	if l.lanes > 1 {
		t = tV128
	}
	for i := range l.sumLocals() {
		if s.lanes[i] == 0 {
			s.lanes[i] = l.e.a.newLocal(t)
		}
	}
}

func (l *nest) splat(v tensor.Value) local {
	a := l.e.a
	x := a.newLocal(tV128)
	switch d := v.DType(); {
	case l.lanes == 4 && d == tensor.F32:
		l.e.push(v)
		a.simd(vF32Splat)
	case l.lanes == 4 && d == tensor.Bool: // as a mask
		a.i32c(0)
		l.e.push(v)
		a.op(opI32Sub)
		a.simd(vI32Splat)
	case l.lanes == 4:
		l.e.push(v)
		a.simd(vI32Splat)
	case d == tensor.F64:
		l.e.splatF64(l.e.asLocal(v))
	case wide(d):
		l.e.push(v)
		a.simd(vI64Splat)
	default: // truth value or 32-bit: as a mask
		a.i64c(0)
		l.e.push(v)
		a.op(opI64ExtI32U)
		a.op(opI64Sub)
		a.simd(vI64Splat)
	}
	a.set(x)
	return x
}

func (l *nest) clear(s *laneSum) {
	a := l.e.a
	l.lanesOf(s)
	for i := range l.sumLocals() {
		if l.lanes > 1 {
			a.simd(vConst)
			a.op(make([]byte, 16)...)
		} else {
			l.e.constant(s.n.DType, 0)
		}
		a.set(s.lanes[i])
	}
}

// identityOf returns the value a reduction starts from.
func identityOf(n *tensor.Node) uint64 {
	d := n.DType
	switch n.Op {
	case tensor.OpReduceProd:
		return tensor.EncodeFloat(d, 1)
	case tensor.OpReduceAll:
		return 1
	case tensor.OpReduceMin, tensor.OpReduceMax:
		sign := 1.0
		if n.Op == tensor.OpReduceMax {
			sign = -1
		}
		switch d {
		case tensor.F32, tensor.F64:
			return tensor.EncodeFloat(d, math.Inf(int(sign)))
		case tensor.I32:
			return map[float64]uint64{1: math.MaxInt32, -1: 1 << 31}[sign]
		case tensor.I64:
			return map[float64]uint64{1: math.MaxInt64, -1: 1 << 63}[sign]
		case tensor.U32:
			return map[float64]uint64{1: math.MaxUint32, -1: 0}[sign]
		case tensor.U64:
			return map[float64]uint64{1: math.MaxUint64, -1: 0}[sign]
		}
	}
	return 0
}

// fill stores the identity of a reduction into its result.
func (e *emitter) fill(n *tensor.Node) {
	v := n.Results()[0]
	at, id := e.address(v), identityOf(n)
	size := n.DType.Size()
	if id == 0 && v.Size() > 4 {
		e.a.i32c(at)
		e.a.i32c(0)
		e.a.i32c(v.Size() * size)
		e.a.memoryFill()
		return
	}
	e.fillStores(n.DType, at, v.Size(), id)
}

// fillStores stores one element n times.
func (e *emitter) fillStores(d tensor.DType, at, n int, bits uint64) {
	size := d.Size()
	if n <= 8 {
		for i := range n {
			e.a.get(e.a.base)
			e.constant(d, bits)
			e.a.store(d, at+i*size)
		}
		return
	}
	i := e.a.newLocal(tI32)
	e.a.setI32(i, 0)
	e.a.loop()
	e.a.prove(i)
	e.a.get(i)
	e.constant(d, bits)
	e.a.store(d, at)
	e.a.addI32(i, size)
	e.a.get(i)
	e.a.i32c(n * size)
	e.a.op(opI32LtU)
	e.a.brIf(0)
	e.a.end()
}

// level writes dimension k of the nest.
func (l *nest) level(k int) {
	if k == len(l.dims)-1 {
		l.row()
		return
	}
	a := l.e.a
	l.patterns() // before the loop: pointers start at the dynamic offsets
	i := a.newLocal(tI32)
	a.setI32(i, 0)
	a.block()
	a.loop()
	l.level(k + 1)
	l.advance(k)
	a.addI32(i, 1)
	a.get(i)
	a.i32c(l.dims[k])
	a.op(opI32LtU)
	a.brIf(0)
	a.end()
	a.end()
}

func (a access) pattern() string { return fmt.Sprint(a.dyn, a.strides) }

// outer returns the pattern of an access in a nest of several dimensions: accesses with equal strides share a pointer.
func (l *nest) patterns() {
	if len(l.ptrs) > 0 || len(l.dims) == 1 {
		return
	}
	l.each(func(a *access) {
		key := a.pattern()
		if _, ok := l.ptrs[key]; !ok {
			p := l.e.a.newLocal(tI32)
			l.e.a.get(a.dyn)
			l.e.a.set(p)
			l.ptrs[key] = p
		}
	})
}

// advance moves the pointers to the next index of dimension k, the inner dimensions back to their start.
func (l *nest) advance(k int) {
	done := map[string]bool{}
	l.each(func(a *access) {
		key := a.pattern()
		if done[key] {
			return
		}
		done[key] = true
		step := a.strides[k]
		if k+1 < len(l.dims)-1 { // dimension k+1 ran to its end and moved the pointer
			step -= a.strides[k+1] * l.dims[k+1]
		}
		if step != 0 {
			l.e.a.addI32(l.ptrs[key], step)
		}
	})
}
