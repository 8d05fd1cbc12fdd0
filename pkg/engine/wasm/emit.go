package wasm

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// dataSegment is a part of the memory that a session begins with.
type dataSegment struct {
	offset int
	bytes  []byte
}

// emitter writes the code of a plan. Scalars are held in locals, arrays at static addresses.
type emitter struct {
	p       *plan
	l       *liveness
	pl      *placement
	a       *asm
	locals  map[tensor.Value]local // scalars that are in a local here
	scope   []tensor.Value         // what was added to locals, so that leaving a region takes it out again
	consts  map[uint64]int         // the constant pool: bits of a double → address
	arrays  map[*tensor.Node]int   // addresses of constant arrays
	initial []dataSegment
	top     int
	resume  local              // number of the pipeline that was suspended and is being returned to
	runs    map[int]*indexRuns // by parameter of indices
	donated map[int]int        // parameters that a run changes, and the results that they become
}

func newEmitter(p *plan, l *liveness, pl *placement, donated map[int]int) *emitter {
	a := &asm{}
	e := &emitter{p: p, l: l, pl: pl, a: a, donated: donated, locals: map[tensor.Value]local{}, consts: map[uint64]int{}, runs: map[int]*indexRuns{}, arrays: map[*tensor.Node]int{}, top: (pl.top + 15) &^ 15}
	a.base = a.newLocal(tI32)
	return e
}

// alloc reserves static memory, aligned to 16 bytes.
func (e *emitter) alloc(bytes int) int {
	at := e.top
	e.top += (bytes + 15) &^ 15
	return at
}

// pool returns the address of a double in the constant pool.
func (e *emitter) pool(bits uint64) int {
	at, ok := e.consts[bits]
	if !ok {
		at = e.alloc(8)
		e.consts[bits] = at
		e.initial = append(e.initial, dataSegment{at, littleEndian(tensor.F64, []uint64{bits})})
	}
	return at
}

// program writes the whole Func.
func (e *emitter) program() {
	e.a.i32c(0)
	e.a.set(e.a.base)
	if e.p.heavy > 0 {
		e.resume = e.a.newLocal(tI32)
		e.a.get(e.a.base)
		e.a.mem(opI32Load, resumeAt)
		e.a.set(e.resume)
		e.a.get(e.a.base)
		e.a.i32c(0)
		e.a.mem(opI32Store, resumeAt)
	}
	e.region(e.p.root)
	e.copies(e.p.f.Body.Results, e.l.outs)
	e.a.finishProofs(e.top)
}

func (e *emitter) region(rp *regionPlan) {
	if rp.suspends {
		e.suspending(rp)
		return
	}
	for _, n := range rp.first {
		e.scalar(n)
	}
	for _, it := range rp.items {
		e.item(it)
		for _, n := range it.after {
			e.scalar(n)
		}
	}
}

func (e *emitter) item(it *item) {
	switch it.kind {
	case itemLoop:
		e.loop(it)
	case itemTemplate:
		e.template(it.nodes[0])
	case itemWhile:
		e.while(it)
	case itemCond:
		e.cond(it)
	case itemPipeline:
		e.pipeline(it)
	}
}

// remember notes that v is in local x until the current region ends.
func (e *emitter) remember(v tensor.Value, x local) {
	e.locals[v] = x
	e.scope = append(e.scope, v)
}

// scoped runs f; what f puts into locals is forgotten after it.
func (e *emitter) scoped(f func()) {
	mark := len(e.scope)
	f()
	e.forget(mark)
}

// scalar writes a scalar instruction into a local, and into memory where a template wants it there.
func (e *emitter) scalar(n *tensor.Node) {
	v := n.Results()[0]
	if w := e.p.views.of(v); w.root != v && isScalar(w.root) {
		return // another name of a scalar
	}
	switch {
	case isView(n.Op):
		e.loadElement(e.p.views.of(v))
	case n.Op == tensor.OpTake:
		e.takeScalar(n)
	default:
		e.element(n, func(i int) { e.push(n.In[i]) })
	}
	x := e.a.newLocal(typeOf(n.DType))
	e.a.set(x)
	e.remember(v, x)
	e.spill(v, x)
}

func (e *emitter) add(d tensor.DType) {
	switch d {
	case tensor.F64:
		e.a.op(opF64Add)
	case tensor.F32:
		e.a.op(opF64Add - f32Distance)
	case tensor.I64, tensor.U64:
		e.a.op(opI64Add)
	default:
		e.a.op(opI32Add)
	}
}

// spill stores a scalar that also has a place in memory.
func (e *emitter) spill(v tensor.Value, x local) {
	if id, ok := e.l.ids[v]; ok {
		e.a.get(e.a.base)
		e.a.get(x)
		e.a.store(v.DType(), e.pl.addr(id))
	}
}

// push pushes a scalar.
func (e *emitter) push(v tensor.Value) {
	w := e.p.views.of(v)
	if isScalar(w.root) {
		v = w.root
	}
	if x, ok := e.locals[v]; ok {
		e.a.get(x)
		return
	}
	n := v.Node()
	switch {
	case n.Op == tensor.OpConst:
		e.constant(n.DType, n.Attr.Array.Bits[0])
		return
	case n.Op == tensor.OpIota:
		e.constant(n.DType, 0)
		return
	case w.root != v && !isScalar(w.root):
		e.loadElement(w)
	default:
		id, ok := e.l.ids[v]
		if !ok {
			panic(fmt.Sprintf("wasm: %s of %s is not computed where it is used", n.Op, v))
		}
		e.a.get(e.a.base)
		e.a.load(n.DType, e.pl.addr(id))
	}
	x := e.a.newLocal(typeOf(v.DType()))
	e.a.tee(x)
	e.remember(v, x)
}

// asLocal returns a local that holds scalar v.
func (e *emitter) asLocal(v tensor.Value) local {
	w := e.p.views.of(v)
	if isScalar(w.root) {
		v = w.root
	}
	if x, ok := e.locals[v]; ok {
		return x
	}
	e.push(v)
	if x, ok := e.locals[v]; ok {
		e.a.drop()
		return x
	}
	x := e.a.newLocal(typeOf(v.DType()))
	e.a.set(x)
	e.remember(v, x)
	return x
}

// loadElement pushes the first element of a view of an array.
func (e *emitter) loadElement(w view) {
	size := w.root.DType().Size()
	e.a.get(e.dynamic(w))
	e.a.load(w.root.DType(), e.address(w.root)+w.off*size)
}

// dynamic returns a local with the byte offset that the dynamic starts of a view add, or the base.
func (e *emitter) dynamic(w view) local {
	if len(w.dyn) == 0 {
		return e.a.base
	}
	size := w.root.DType().Size()
	for i, t := range w.dyn {
		e.clamped(e.asLocal(t.start), t.limit)
		e.a.i32c(t.stride * size)
		e.a.op(opI32Mul)
		if i > 0 {
			e.a.op(opI32Add)
		}
	}
	x := e.a.newLocal(tI32)
	e.a.set(x)
	return x
}

// times multiplies the i32 on the stack by a constant: by a shift where it is a power of two.
func (e *emitter) times(k int) {
	if k > 0 && k&(k-1) == 0 {
		e.a.i32c(bits.TrailingZeros(uint(k)))
		e.a.op(opI32Shl)
		return
	}
	e.a.i32c(k)
	e.a.op(opI32Mul)
}

// clamped pushes an i32 local limited to 0 … limit.
func (e *emitter) clamped(x local, limit int) {
	e.a.get(x)
	e.a.i32c(0)
	e.a.get(x)
	e.a.i32c(0)
	e.a.op(opI32GtS)
	e.a.sel()
	y := e.a.newLocal(tI32)
	e.a.tee(y)
	e.a.i32c(limit)
	e.a.get(y)
	e.a.i32c(limit)
	e.a.op(opI32LtS)
	e.a.sel()
}

// address returns the static address of an array (or of a scalar that is kept in memory).
func (e *emitter) address(v tensor.Value) int {
	n := v.Node()
	switch n.Op {
	case tensor.OpConst, tensor.OpIota:
		return e.constantArray(n)
	}
	id, ok := e.l.ids[v]
	if !ok {
		panic(fmt.Sprintf("wasm: %s of %s has no place in memory", n.Op, v))
	}
	return e.pl.addr(id)
}

func (e *emitter) constantArray(n *tensor.Node) int {
	if at, ok := e.arrays[n]; ok {
		return at
	}
	bits := []uint64(nil)
	if n.Op == tensor.OpConst {
		bits = n.Attr.Array.Bits
	} else {
		bits = iotaBits(n)
	}
	at := e.alloc(len(bits) * n.DType.Size())
	e.arrays[n] = at
	e.initial = append(e.initial, dataSegment{at, littleEndian(n.DType, bits)})
	return at
}

func iotaBits(n *tensor.Node) []uint64 {
	out := make([]uint64, tensor.NumElements(n.Shape))
	stride := tensor.Strides(n.Shape)[n.Attr.Axis]
	for i := range out {
		out[i] = tensor.EncodeFloat(n.DType, float64(i/stride%n.Shape[n.Attr.Axis]))
	}
	return out
}

func littleEndian(d tensor.DType, bits []uint64) []byte {
	size := d.Size()
	out := make([]byte, 0, len(bits)*size)
	for _, b := range bits {
		for k := range size {
			out = append(out, byte(b>>(8*k)))
		}
	}
	return out
}

// takeScalar pushes x[i] for a scalar index; the index clamps.
func (e *emitter) takeScalar(n *tensor.Node) {
	w := e.p.views.of(n.In[0])
	if isScalar(w.root) {
		e.push(w.root)
		return
	}
	axis := n.Attr.Axis
	size := w.root.DType().Size()
	dyn := e.dynamic(w)
	e.clamped(e.asLocal(n.In[1]), n.In[0].Shape()[axis]-1)
	e.a.i32c(w.strides[axis] * size)
	e.a.op(opI32Mul)
	e.a.get(dyn)
	e.a.op(opI32Add)
	e.a.load(n.DType, e.address(w.root)+w.off*size)
}

var posInf = math.Inf(1)
