package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// A call into WebAssembly can not be preempted and holds up Go's garbage collector with every goroutine that waits for it.
// A program therefore returns to the host in the middle of long work: a heavy pipeline counts down fuel, and when that is
// spent it stores its running sums and the row it has come to, notes its number in memory and returns. Called again, the
// program finds its way back: regions skip what they have done, loops skip their condition, branches read their
// predicate from memory, until the pipeline with that number goes on where it was. All of it is in memory but scalars in
// locals, so in regions on such a way scalars have places in memory too. No sum is reordered: pauses change no bit.

// markHeavy numbers the pipelines that can be suspended and the items and regions on the way to them. Conditions of loops
// are not suspended.
func (p *plan) markHeavy(rp *regionPlan) (ids []int) {
	for _, it := range rp.items {
		switch it.kind {
		case itemPipeline:
			if it.heavy {
				p.heavy++
				it.id = p.heavy
				it.ids = []int{it.id}
			}
		case itemWhile:
			it.ids = p.markHeavy(it.regions[1])
		case itemCond:
			it.ids = append(p.markHeavy(it.regions[0]), p.markHeavy(it.regions[1])...)
		}
		ids = append(ids, it.ids...)
	}
	rp.suspends = len(ids) > 0
	return ids
}

// backed lists the scalars of regions that can be suspended: they have places in memory.
func (p *plan) markBacked(rp *regionPlan) {
	mark := func(ns []*tensor.Node) {
		for _, n := range ns {
			v := n.Results()[0]
			if w := p.views.of(v); rp.suspends && isScalar(v) && (w.root == v || !isScalar(w.root)) {
				p.backed[v] = true
			}
		}
	}
	mark(rp.first)
	for _, it := range rp.items {
		if it.kind == itemLoop || it.kind == itemPipeline {
			mark(it.nodes)
		}
		mark(it.after)
		for _, sub := range it.regions {
			p.markBacked(sub)
		}
	}
}

// control is the part of memory through which host and program speak about pauses.
const (
	resumeAt = 16 // i32: number of the suspended pipeline, 0 if none
	fuelAt   = 24 // i64: work that may still be done in this call
)

// suspending writes a region on the way to a heavy pipeline.
func (e *emitter) suspending(rp *regionPlan) {
	open := false
	begin := func() {
		if !open {
			e.a.get(e.resume)
			e.a.op(opI32Eqz)
			e.a.ifThen()
			open = true
		}
	}
	mark := len(e.scope)
	finish := func() {
		if open {
			e.forget(mark)
			e.a.end()
			open = false
		}
	}
	for _, n := range rp.first {
		begin()
		e.scalar(n)
	}
	for _, it := range rp.items {
		if len(it.ids) == 0 {
			begin()
			e.item(it)
		} else {
			finish()
			e.goesThrough(it)
			e.a.ifThen()
			e.item(it)
			e.forget(mark)
			e.a.end()
		}
		for _, n := range it.after {
			begin()
			e.scalar(n)
		}
	}
	finish()
}

// goesThrough pushes whether an item is on the way: nothing is suspended, or something inside it is.
func (e *emitter) goesThrough(it *item) {
	e.a.get(e.resume)
	e.a.op(opI32Eqz)
	for _, id := range it.ids {
		e.a.get(e.resume)
		e.a.i32c(id)
		e.a.op(opI32Eq)
		e.a.op(opI32Or)
	}
}

// pause is what a heavy pipeline keeps while it is suspended.
type pause struct {
	e     *emitter
	it    *item
	row   local
	sums  []local
	types []valType
	at    int // of the row, then of the sums, 16 bytes each
	cost  int // of a block
}

func (e *emitter) newPause(it *item, stages []stage, row local) *pause {
	p := &pause{e: e, it: it, row: row}
	for _, s := range stages {
		p.sums = append(p.sums, s.carried()...)
	}
	for _, x := range p.sums {
		p.types = append(p.types, e.a.typeOf(x))
	}
	p.at = e.alloc(16 * (1 + len(p.sums)))
	r := run{stages: it.stages}
	p.cost = max(1, r.work()/max(1, it.rows/blockRows))
	return p
}

// enter starts the pipeline, or takes up its sums and row where it was suspended.
func (p *pause) enter(start func()) {
	a := p.e.a
	a.get(p.e.resume)
	a.op(opI32Eqz)
	a.ifThen()
	start()
	a.els()
	for i, x := range p.sums {
		a.get(a.base)
		if p.types[i] == tV128 {
			a.simdMem(vLoad, p.at+16*(i+1))
		} else {
			a.mem(map[valType]byte{tI32: opI32Load, tI64: opI64Load, tF32: opF32Load, tF64: opF64Load}[p.types[i]], p.at+16*(i+1))
		}
		a.set(x)
	}
	a.get(a.base)
	a.mem(opI32Load, p.at)
	a.set(p.row)
	a.setI32(p.e.resume, 0)
	a.end()
}

// check suspends the pipeline after a block if the fuel is spent.
func (p *pause) check() {
	a := p.e.a
	fuel := a.newLocal(tI64)
	a.get(a.base)
	a.get(a.base)
	a.mem(opI64Load, fuelAt)
	a.i64c(int64(p.cost))
	a.op(opI64Sub)
	a.tee(fuel)
	a.mem(opI64Store, fuelAt)
	a.get(fuel)
	a.i64c(0)
	a.op(opI64LtS)
	a.ifThen()
	for i, x := range p.sums {
		a.get(a.base)
		a.get(x)
		if p.types[i] == tV128 {
			a.simdMem(vStore, p.at+16*(i+1))
		} else {
			a.mem(map[valType]byte{tI32: opI32Store, tI64: opI64Store, tF32: opF32Store, tF64: opF64Store}[p.types[i]], p.at+16*(i+1))
		}
	}
	for _, w := range []struct{ at, value int }{{p.at, -1}, {resumeAt, p.it.id}} {
		a.get(a.base)
		if w.value < 0 {
			a.get(p.row)
		} else {
			a.i32c(w.value)
		}
		a.mem(opI32Store, w.at)
	}
	a.ret()
	a.end()
}

// forget drops the locals that were learnt since mark.
func (e *emitter) forget(mark int) {
	for _, v := range e.scope[mark:] {
		delete(e.locals, v)
	}
	e.scope = slices.Clip(e.scope[:mark])
}
