package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// scatterStage adds updates into a vector, in index order. Where indices come in runs, as they do in data sorted by group,
// a sum in memory would wait for itself at every step (a store, and the load that follows it); then a sum is kept in a
// register while its index lasts. Where they come at random that register's branch would be guessed wrong every other
// time, and memory does not wait. Which of the two holds is seen when the indices are put into the session.
type scatterStage struct {
	e             *emitter
	n             *tensor.Node
	out, upd, idx access
	runs          int // address of the flag that says indices come in runs, 0 if that is not known
}

func (s *scatterStage) open() {
	s.out, s.upd, s.idx = s.e.resultAccess(s.n), s.e.accessOf(s.n.In[2]), s.e.accessOf(s.n.In[1])
	if p := indexParam(s.n); p >= 0 {
		s.runs = s.e.runFlag(p)
	}
}

func (s *scatterStage) init()            { s.e.inPlace(s.n) }
func (s *scatterStage) finish()          {}
func (s *scatterStage) carried() []local { return nil }

func (s *scatterStage) rows(first local, count int) {
	e, a := s.e, s.e.a
	pi, pu := e.affine(s.idx.dyn, []local{first}, s.idx.strides), e.affine(s.upd.dyn, []local{first}, s.upd.strides)
	a.prove(pi)
	a.prove(pu)
	if s.runs == 0 {
		s.direct(pi, pu, count)
		return
	}
	a.get(a.base)
	a.mem(opI32Load, s.runs)
	a.ifThen()
	s.inRuns(pi, pu, count)
	a.els()
	s.direct(pi, pu, count)
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

// runFlag returns the address of the word that says whether the indices in a parameter come in runs.
func (e *emitter) runFlag(param int) int {
	at, ok := e.runFlags[param]
	if !ok {
		at = e.alloc(4)
		e.runFlags[param] = at
	}
	return at
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

// inRuns reports whether little-endian i32 indices change at less than every third step.
func inRuns(data []byte) bool {
	changes, n := 0, len(data)/4
	for i := 4; i+4 <= len(data); i += 4 {
		if data[i] != data[i-4] || data[i+1] != data[i-3] || data[i+2] != data[i-2] || data[i+3] != data[i-1] {
			changes++
		}
	}
	return 3*changes < n
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
