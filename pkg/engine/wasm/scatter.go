package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// scatterStage adds updates into a vector, in index order. Where indices come in runs, as they do in data sorted by group,
// a sum in memory would wait for itself at every step (a store, and the load that follows it); then a sum is kept in a
// register while its index lasts. Where they come at random that register's branch would be guessed wrong every other
// time, and memory does not wait. Where runs are short, that branch is guessed wrong at each one's end, and masks take its
// place. Which of the three holds is seen when the indices are put into the session.
type scatterStage struct {
	e             *emitter
	n             *tensor.Node
	out, upd, idx access
	runs          *indexRuns // nil if nothing is known of the indices
	short         bool       // short runs can be summed with masks
	sum           local      // of the run so far, in the lower half
	sums          int        // address of the sums up to each row
}

func (s *scatterStage) open() {
	s.out, s.upd, s.idx = s.e.resultAccess(s.n), s.e.accessOf(s.n.In[2]), s.e.accessOf(s.n.In[1])
	p := indexParam(s.n)
	if _, changes := s.e.donated[p]; p < 0 || changes {
		return
	}
	s.runs = s.e.indexRuns(p, s.n.In[1].Size(), s.n.Shape[0])
	if s.short = s.n.DType == tensor.F64 && isPlusZero(s.n.In[0]); s.short {
		s.runs.reserve(s.e)
		s.sums = s.e.alloc(8 * (s.n.In[1].Size() + 1))
		s.sum = s.e.a.newLocal(tV128)
	}
}

// isPlusZero reports whether all elements of v are the constant +0.
func isPlusZero(v tensor.Value) bool {
	n := v.Node()
	for n.Op == tensor.OpBroadcast || n.Op == tensor.OpReshape {
		n = n.In[0].Node()
	}
	return n.Op == tensor.OpConst && !slices.ContainsFunc(n.Attr.Array.Bits, func(b uint64) bool { return b != 0 })
}

func (s *scatterStage) init() {
	s.e.inPlace(s.n)
	if s.short {
		s.e.v128c(0)
		s.e.a.set(s.sum)
	}
}

func (s *scatterStage) finish() {
	if s.short {
		s.whereShort(s.ends)
		s.e.a.end()
	}
}

func (s *scatterStage) carried() []local {
	if s.short {
		return []local{s.sum}
	}
	return nil
}

func (s *scatterStage) rows(first local, count int) {
	e, a := s.e, s.e.a
	pi, pu := e.affine(s.idx.dyn, []local{first}, s.idx.strides), e.affine(s.upd.dyn, []local{first}, s.upd.strides)
	a.prove(pi)
	a.prove(pu)
	if s.runs == nil {
		s.direct(pi, pu, count)
		return
	}
	if s.short {
		s.whereShort(func() { s.masked(first, pu, count) })
		a.els()
	}
	a.get(a.base)
	a.mem(opI32Load, s.runs.kind)
	a.ifThen()
	s.inRuns(pi, pu, count)
	a.els()
	s.direct(pi, pu, count)
	a.end()
	if s.short {
		a.end()
	}
}

// whereShort runs f where the indices come in short runs. The branch stays open.
func (s *scatterStage) whereShort(f func()) {
	a := s.e.a
	a.get(a.base)
	a.mem(opI32Load, s.runs.kind)
	a.i32c(shortRuns)
	a.op(opI32Eq)
	a.ifThen()
	f()
}

// masked notes the sum of the run up to each row. A mask, all ones but where a run begins, drops the sum of the run before;
// a sum that begins at +0 is never -0, so that adding to the +0 that is left changes no bit.
func (s *scatterStage) masked(first, pu local, count int) {
	e, a := s.e, s.e.a
	at := e.affine(a.base, []local{first}, []int{8})
	a.prove(at)
	for i := range count {
		a.get(at)
		a.get(s.sum)
		a.get(at)
		a.simdMem(vLoad, s.runs.masks+8*i)
		a.simd(vAnd)
		off := s.upd.addr + i*s.upd.strides[0]
		e.addressOf(pu, &off)
		a.simdMem(vLoad64Zero, off)
		a.simd(vF64Add)
		a.tee(s.sum)
		a.simdMem(vStore, s.sums+8*i)
	}
}

// ends brings the sums at the ends of the runs to their places.
func (s *scatterStage) ends() {
	e, a := s.e, s.e.a
	left, at := a.newLocal(tI32), a.newLocal(tI32)
	a.get(a.base)
	a.mem(opI32Load, s.runs.ends)
	a.set(left)
	a.setI32(at, 0)
	a.loop()
	a.prove(at)
	a.get(at)
	a.mem(opI32Load, s.runs.ends+8)
	e.times(s.out.strides[0])
	a.get(at)
	a.mem(opI32Load, s.runs.ends+4)
	a.mem(opF64Load, s.sums)
	a.store(tensor.F64, s.out.addr)
	a.addI32(at, 8)
	a.addI32(left, -1)
	a.get(left)
	a.brIf(0)
	a.end()
}

// direct adds every update in memory; indices out of range are dropped.
func (s *scatterStage) direct(pi, pu local, count int) {
	e, a, d := s.e, s.e.a, s.n.DType
	k := a.newLocal(tI32)
	for i := range count {
		e.loadFrom(tensor.I32, pi, s.idx.addr+i*s.idx.strides[0])
		a.tee(k)
		a.i32c(s.n.Shape[0])
		a.op(opI32LtU)
		a.ifThen()
		a.get(k)
		e.times(s.out.strides[0])
		a.tee(k)
		a.get(k)
		a.load(d, s.out.addr)
		e.loadFrom(d, pu, s.upd.addr+i*s.upd.strides[0])
		e.add(d)
		a.store(d, s.out.addr)
		a.end()
	}
}

// inRuns keeps the sum of the current index in a local; all indices are in range.
func (s *scatterStage) inRuns(pi, pu local, count int) {
	e, a, d := s.e, s.e.a, s.n.DType
	k, next, sum := a.newLocal(tI32), a.newLocal(tI32), a.newLocal(typeOf(d))
	begin := func(x local) {
		a.get(x)
		e.times(s.out.strides[0])
		a.load(d, s.out.addr)
		a.set(sum)
	}
	finish := func() {
		a.get(k)
		e.times(s.out.strides[0])
		a.get(sum)
		a.store(d, s.out.addr)
	}
	for i := range count {
		e.loadFrom(tensor.I32, pi, s.idx.addr+i*s.idx.strides[0])
		if i == 0 {
			a.set(k)
			begin(k)
		} else {
			a.tee(next)
			a.get(k)
			a.op(opI32Ne)
			a.ifThen()
			finish()
			begin(next)
			a.get(next)
			a.set(k)
			a.end()
		}
		a.get(sum)
		e.loadFrom(d, pu, s.upd.addr+i*s.upd.strides[0])
		e.add(d)
		a.set(sum)
	}
	finish()
}

// indexParam returns the parameter whose elements, clamped to the axis, are the indices of scatter n; -1 if they are not
// of that form. The clamp is what the gradient of a gather has.
func indexParam(n *tensor.Node) int {
	v := n.In[1]
	bounds := map[tensor.Op]float64{tensor.OpMin: float64(n.Shape[0] - 1), tensor.OpMax: 0}
	for v.Node().Op == tensor.OpMin || v.Node().Op == tensor.OpMax {
		m := v.Node()
		limit, ok := tensor.Static(m.In[1])
		if want, open := bounds[m.Op]; !ok || !open || limit[0] != want {
			return -1
		}
		delete(bounds, m.Op)
		v = m.In[0]
	}
	if m := v.Node(); m.Op == tensor.OpParam && m.Attr.Name != "" && len(bounds) == 0 {
		return m.Attr.Index
	}
	return -1
}

// scatter writes the updates of one index after the other into their rows, lane by lane; indices out of range are dropped.
func (e *emitter) scatter(n *tensor.Node) {
	e.inPlace(n)
	a, axis := e.a, n.Attr.Axis
	out, upd, idx := e.resultAccess(n), e.accessOf(n.In[2]), e.accessOf(n.In[1])
	lanes := len(n.Shape) - (n.In[1].Rank() - 1)
	row := slices.Delete(slices.Clone(n.Shape[:lanes]), axis, axis+1)
	ofRow := func(st []int) []int { return slices.Delete(slices.Clone(st[:lanes]), axis, axis+1) }
	ofIndex := func(st []int) []int { return append([]int{st[axis]}, st[lanes:]...) }
	e.nested(n.In[1].Shape(), func(is []local) {
		k := a.newLocal(tI32)
		a.get(e.affine(idx.dyn, is, idx.strides))
		a.load(tensor.I32, idx.addr)
		a.tee(k)
		a.i32c(n.Shape[axis])
		a.op(opI32LtU)
		a.ifThen()
		from := e.affine(upd.dyn, is, ofIndex(upd.strides))
		to := e.affine(out.dyn, append([]local{k}, is[1:]...), ofIndex(out.strides))
		e.nested(row, func(js []local) {
			a.get(e.affine(to, js, ofRow(out.strides)))
			a.get(e.affine(from, js, ofRow(upd.strides)))
			a.load(n.DType, upd.addr)
			a.store(n.DType, out.addr)
		})
		a.end()
	})
}
