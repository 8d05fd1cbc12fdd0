package wasm

import "github.com/drey-sampler/drey/pkg/tensor"

// sort writes a stable bottom-up merge sort of every line: the line is copied out, indices are merged between two
// buffers in runs of doubling length, and values or indices are written back.
func (e *emitter) sort(n *tensor.Node) {
	a := e.a
	x, out := e.accessOf(n.In[0]), e.resultAccess(n)
	d := n.In[0].DType()
	axis := n.Attr.Axis
	length := n.Shape[axis]
	if n.In[0].Size() == 0 {
		return
	}
	s := &sorter{e: e, d: d, size: d.Size(), n: length, keys: e.alloc(length * d.Size()), buf: [2]int{e.alloc(4 * length), e.alloc(4 * length)}}
	e.lines(n.Shape, axis, x, out, func(px, pout local) {
		e.counted(length, func(i local) {
			a.get(e.affine(a.base, []local{i}, []int{s.size}))
			a.get(e.affine(px, []local{i}, x.strides[axis:]))
			a.load(d, x.addr)
			a.store(d, s.keys)
			a.get(e.affine(a.base, []local{i}, []int{4}))
			a.get(i)
			a.store(tensor.I32, s.buf[0])
		})
		from := s.merge()
		e.counted(length, func(i local) {
			a.get(e.affine(pout, []local{i}, out.strides[axis:]))
			a.get(e.affine(a.base, []local{i}, []int{4}))
			a.load(tensor.I32, s.buf[from])
			if n.Op == tensor.OpSort {
				a.i32c(s.size)
				a.op(opI32Mul)
				a.load(d, s.keys)
			}
			a.store(n.DType, out.addr)
		})
	})
}

type sorter struct {
	e    *emitter
	d    tensor.DType
	size int
	n    int
	keys int
	buf  [2]int
}

// merge writes the passes and returns which buffer holds the result.
func (s *sorter) merge() int {
	from := 0
	for width := 1; width < s.n; width *= 2 {
		s.pass(width, from)
		from = 1 - from
	}
	return from
}

// pass merges neighbouring runs of the given width from one buffer into the other.
func (s *sorter) pass(width, from int) {
	a, e := s.e.a, s.e
	zero, end := a.newLocal(tI32), a.newLocal(tI32)
	a.setI32(zero, 0)
	a.setI32(end, s.n)
	i, j, mid, hi, k := a.newLocal(tI32), a.newLocal(tI32), a.newLocal(tI32), a.newLocal(tI32), a.newLocal(tI32)
	limit := func(x local, from local, add int) {
		a.get(from)
		a.i32c(add)
		a.op(opI32Add)
		a.tee(x)
		a.i32c(s.n)
		a.get(x)
		a.i32c(s.n)
		a.op(opI32LtS)
		a.sel()
		a.set(x)
	}
	e.until(zero, end, 2*width, func(lo local) {
		limit(mid, lo, width)
		limit(hi, lo, 2*width)
		a.get(lo)
		a.set(i)
		a.get(mid)
		a.set(j)
		e.until(lo, hi, 1, func(at local) {
			a.get(at)
			a.set(k)
			s.step(i, j, mid, hi, k, from)
		})
	})
}

// step moves the smaller head of two runs to place k; of equals the left one.
func (s *sorter) step(i, j, mid, hi, k local, from int) {
	a := s.e.a
	take := func(x local) {
		a.get(s.e.affine(a.base, []local{k}, []int{4}))
		a.get(s.e.affine(a.base, []local{x}, []int{4}))
		a.load(tensor.I32, s.buf[from])
		a.store(tensor.I32, s.buf[1-from])
		a.addI32(x, 1)
	}
	right := a.newLocal(tI32)
	// right run if the left one is used up, or it has something strictly before the left head
	a.get(i)
	a.get(mid)
	a.op(opI32GeS)
	a.set(right)
	a.get(i)
	a.get(mid)
	a.op(opI32LtS)
	a.get(j)
	a.get(hi)
	a.op(opI32LtS)
	a.op(opI32And)
	a.ifThen()
	kl, kr := a.newLocal(typeOf(s.d)), a.newLocal(typeOf(s.d))
	for _, h := range []struct{ at, key local }{{i, kl}, {j, kr}} {
		a.get(s.e.affine(a.base, []local{h.at}, []int{4}))
		a.load(tensor.I32, s.buf[from])
		a.i32c(s.size)
		a.op(opI32Mul)
		a.load(s.d, s.keys)
		a.set(h.key)
	}
	s.e.before(s.d, tensor.OpLt, kr, kl, false)
	a.set(right)
	a.end()
	a.get(right)
	a.ifThen()
	take(j)
	a.els()
	take(i)
	a.end()
}
