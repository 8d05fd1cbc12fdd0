package wasm

import (
	"github.com/drey-sampler/drey/pkg/tensor"
)

// while writes a loop: the carried Values lie in memory, so that a turn which leaves one alone costs nothing for it.
func (e *emitter) while(it *item) {
	n := it.nodes[0]
	places := e.pl.ids(n.Results())
	cond, body := it.regions[0], it.regions[1]
	if body.suspends {
		e.unlessResuming(func() { e.copies(n.In, places) })
	} else {
		e.copies(n.In, places)
	}
	e.scoped(func() {
		e.a.block()
		e.a.loop()
		if body.suspends {
			e.a.get(e.resume)
			e.a.op(opI32Eqz)
			e.a.ifThen()
			e.scoped(func() { e.exit(cond, 2) })
			e.a.end()
		} else {
			e.exit(cond, 1)
		}
		e.region(body)
		e.copies(body.region.Results, places)
		e.a.br(0)
		e.a.end()
		e.a.end()
	})
}

// exit leaves the loop, depth blocks up, unless its condition holds.
func (e *emitter) exit(cond *regionPlan, depth int) {
	e.region(cond)
	e.push(cond.region.Results[0])
	e.a.op(opI32Eqz)
	e.a.brIf(depth)
}

// unlessResuming runs f where the program is not on its way back to a suspended pipeline.
func (e *emitter) unlessResuming(f func()) {
	e.a.get(e.resume)
	e.a.op(opI32Eqz)
	e.a.ifThen()
	e.scoped(f)
	e.a.end()
}

// cond writes a branch.
func (e *emitter) cond(it *item) {
	n := it.nodes[0]
	places := e.pl.ids(n.Results())
	then, els := it.regions[0], it.regions[1]
	e.push(n.In[0])
	e.a.ifThen()
	e.scoped(func() {
		e.region(then)
		e.copies(then.region.Results, places)
	})
	e.a.els()
	e.scoped(func() {
		e.region(els)
		e.copies(els.region.Results, places)
	})
	e.a.end()
}

// blockCopy is a pending copy of bytes between static addresses.
type blockCopy struct{ dst, src, size int }

// copies brings values to their places, as if all at once.
func (e *emitter) copies(values []tensor.Value, places []memID) {
	var blocks []blockCopy
	type scalarCopy struct {
		x   local
		v   tensor.Value
		dst int
	}
	var scalars []scalarCopy
	for i, v := range values {
		dst := e.pl.addr(places[i])
		w := e.p.views.of(v)
		if isScalar(v) {
			if id, ok := e.l.ids[w.root]; ok && isScalar(w.root) && !e.l.scalarLocal(w.root) && e.pl.addr(id) == dst {
				continue
			}
			x := noLocal
			if !isConstant(w.root) {
				x = e.asLocal(v)
			}
			scalars = append(scalars, scalarCopy{x, v, dst})
			continue
		}
		size := v.DType().Size()
		if b := (blockCopy{dst, e.address(w.root) + w.off*size, v.Size() * size}); b.dst != b.src {
			blocks = append(blocks, b)
		}
	}
	e.blockCopies(blocks)
	for _, s := range scalars {
		e.a.get(e.a.base)
		if s.x == noLocal {
			e.push(s.v)
		} else {
			e.a.get(s.x)
		}
		e.a.store(s.v.DType(), s.dst)
	}
}

// blockCopies orders copies so that nothing is overwritten before it is read; a cycle goes through scratch memory.
func (e *emitter) blockCopies(pending []blockCopy) {
	for len(pending) > 0 {
		ready := -1
		for i, b := range pending {
			free := true
			for j, o := range pending {
				if i != j && b.dst < o.src+o.size && o.src < b.dst+b.size {
					free = false
				}
			}
			if free {
				ready = i
				break
			}
		}
		if ready < 0 { // every place is still read: move one source away
			tmp := e.alloc(pending[0].size)
			e.copyBlock(blockCopy{tmp, pending[0].src, pending[0].size})
			pending[0].src = tmp
			continue
		}
		e.copyBlock(pending[ready])
		pending = append(pending[:ready], pending[ready+1:]...)
	}
}

// inlineCopy is the number of bytes up to which a copy is written out: beyond it memory.copy is quicker.
const inlineCopy = 24 * 8

func (e *emitter) copyBlock(b blockCopy) {
	overlap := b.dst < b.src+b.size && b.src < b.dst+b.size
	if b.size > inlineCopy || overlap {
		e.a.i32c(b.dst)
		e.a.i32c(b.src)
		e.a.i32c(b.size)
		e.a.memoryCopy()
		return
	}
	e.copyInline(e.a.base, b.dst, e.a.base, b.src, b.size)
}

// copyInline writes loads and stores for a short copy between addresses relative to two locals.
func (e *emitter) copyInline(dstBase local, dst int, srcBase local, src, size int) {
	at := 0
	for ; at+16 <= size; at += 16 {
		e.a.get(dstBase)
		e.a.get(srcBase)
		e.a.simdMem(vLoad, src+at)
		e.a.simdMem(vStore, dst+at)
	}
	for _, step := range []struct {
		n  int
		ld byte
		st byte
	}{{8, opI64Load, opI64Store}, {4, opI32Load, opI32Store}, {1, opI32Load8U, opI32Store8}} {
		for ; at+step.n <= size; at += step.n {
			e.a.get(dstBase)
			e.a.get(srcBase)
			e.a.mem(step.ld, src+at)
			e.a.mem(step.st, dst+at)
		}
	}
}
