package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// A pipeline runs several items over the same rows block by block: X·beta, the link function and Xᵀ·residual visit a
// block of rows while it is in the cache, and what passes between them stays small. Sums go on from block to block in
// the same order, so blocks change no bit.

// blockRows is a multiple of the four lanes of a sum.
const blockRows = 8

// Limits that tests lower.
var (
	// minRows is the number of rows from which on a pipeline is worth its bookkeeping.
	minRows = 64
	// heavyWork is the work, in operations on one element, from which on a pipeline can be suspended between blocks: some
	// 100 µs.
	heavyWork = 300_000
	// firstFuel is the work of a session's first call, in the same unit.
	firstFuel = 200_000.0
)

// pipelines joins runs of items of a region, and of the regions inside, into pipelines.
func (p *plan) pipelines(rp *regionPlan) {
	for _, it := range rp.items {
		for _, sub := range it.regions {
			p.pipelines(sub)
		}
	}
	for i := 0; i < len(rp.items); i++ {
		if n := p.stageRows(rp.items[i]); n >= minRows {
			i += p.join(rp, i, n)
		}
	}
}

// join makes a pipeline of item i and what can follow it over the same n rows. Items between that need nothing of it move
// before it; their number is returned.
func (p *plan) join(rp *regionPlan, i, n int) int {
	r := &run{p: p, n: n, made: map[*tensor.Node]bool{}}
	r.add(rp.items[i])
	var before []*item
	end := i + 1
	for ; end < len(rp.items); end++ {
		it := rp.items[end]
		switch {
		case p.stageRows(it) == n && r.fits(it):
			r.add(it)
			continue
		case !r.needs(it):
			before = append(before, it)
			continue
		}
		break
	}
	// Only what lies before the last stage has to move.
	for len(before) > 0 && before[len(before)-1] == rp.items[end-1] {
		before = before[:len(before)-1]
		end--
	}
	if len(r.stages) < 2 && r.work() < heavyWork {
		rp.items[i].after = r.after
		return 0
	}
	pl := &item{kind: itemPipeline, stages: r.stages, rows: n, after: r.after, heavy: r.work() >= heavyWork}
	for _, s := range r.stages {
		pl.nodes = append(pl.nodes, s.nodes...)
	}
	rp.items = slices.Concat(rp.items[:i], before, []*item{pl}, rp.items[end:])
	return len(before)
}

// run is a pipeline that is being put together.
type run struct {
	p      *plan
	n      int
	stages []*item
	after  []*tensor.Node
	made   map[*tensor.Node]bool // what the stages and the scalars after them compute
}

func (r *run) add(it *item) {
	r.stages = append(r.stages, it)
	r.after = append(r.after, it.after...)
	it.after = nil
	for _, n := range slices.Concat(it.nodes, r.after) {
		r.made[n] = true
	}
}

// work estimates the operations of all rows.
func (r *run) work() int {
	w := 0
	for _, it := range r.stages {
		k := tensor.NumElements(it.domain)
		if it.kind == itemTemplate {
			k = 0
			for _, x := range it.nodes[0].In {
				k = max(k, x.Size())
			}
		}
		w += k * len(it.nodes)
	}
	return w
}

// needs reports whether an item uses anything that the run computes.
func (r *run) needs(it *item) bool {
	return slices.ContainsFunc(it.nodes, r.uses) || slices.ContainsFunc(it.after, r.uses)
}

func (r *run) uses(n *tensor.Node) bool {
	if slices.ContainsFunc(n.In, r.isMade) {
		return true
	}
	for _, reg := range n.Regions {
		if slices.ContainsFunc(reg.Results, r.isMade) || slices.ContainsFunc(reg.Nodes, r.uses) {
			return true
		}
	}
	return false
}

// isMade reports whether v, or what it is a view of, comes from the run.
func (r *run) isMade(v tensor.Value) bool {
	w := r.p.views.of(v)
	return r.made[v.Node()] || r.made[w.root.Node()] || slices.ContainsFunc(w.dyn, func(t dynTerm) bool { return r.isMade(t.start) })
}

// fits reports whether an item can be the next stage: what it takes from the run it reads row for row, and no stage before
// it collects that over rows.
func (r *run) fits(it *item) bool {
	for _, n := range it.nodes {
		for i, x := range n.In {
			if !r.isMade(x) || r.p.inRegister(it, n, i) {
				continue
			}
			w := r.p.views.of(x)
			byRow := n.Op == tensor.OpTake && i == 1 || n.Op.IsElementwise() || n.Op.IsReduction() ||
				n.Op == tensor.OpDot && n.Attr.Dot.Order == tensor.SumIndex && x.Rank() == 1 || n.Op == tensor.OpScatterAdd && i > 0
			if !byRow || !perRow(w.root.Node(), r.n) || !w.identity(x.Shape()) || firstLong(x.Shape()) != r.n {
				return false
			}
		}
	}
	return true
}

// firstLong returns the first dimension that is not one.
func firstLong(shape []int) int {
	if s := squeezed(shape); len(s) > 0 {
		return s[0]
	}
	return 1
}

// perRow reports whether a stage computes one block of n's result per block of rows.
func perRow(n *tensor.Node, rows int) bool {
	if n.Op == tensor.OpScatterAdd || n.Op == tensor.OpDot && n.Attr.Dot.Order == tensor.SumIndex || isScalar(n.Results()[0]) {
		return false
	}
	if n.Op.IsReduction() {
		return n.Op == tensor.OpReduceSum && n.Attr.Order == tensor.SumLanes && firstLong(n.Shape) == rows && firstLong(n.In[0].Shape()) == rows
	}
	return firstLong(n.Shape) == rows
}

// stageRows returns the rows over which an item can run block by block, 0 if it can't.
func (p *plan) stageRows(it *item) int {
	n := it.nodes[0]
	switch {
	case it.kind == itemLoop && len(it.domain) > 0:
		if slices.ContainsFunc(it.nodes, standaloneIn) {
			return 0
		}
		return it.domain[0]
	case it.kind != itemTemplate:
		return 0
	case n.Op == tensor.OpScatterAdd:
		if n.Attr.Axis == 0 && n.In[2].Rank() == 1 {
			return n.In[1].Shape()[0]
		}
	case n.Op == tensor.OpDot:
		return p.dotRows(n)
	}
	return 0
}

// dotRows returns the rows of a matrix-vector product of floats that can run block by block: along the rows of the
// matrix for lane sums, over them for sums in index order.
func (p *plan) dotRows(n *tensor.Node) int {
	d := n.Attr.Dot
	m, v := n.In[0], n.In[1]
	cm := d.ContractA
	if m.Rank() == 1 {
		m, v, cm = v, m, d.ContractB
	}
	if floatsOf(n.DType) == nil || len(d.BatchA) > 0 || m.Rank() != 2 || v.Rank() != 1 || len(cm) != 1 {
		return 0
	}
	w := p.views.of(m)
	if isScalar(w.root) || isScalar(p.views.of(v).root) || w.strides[1] != 1 || m.Shape()[1] < 2 {
		return 0
	}
	lanes := d.Order == tensor.SumLanes
	if lanes && cm[0] == 1 && p.views.of(v).strides[0] == 1 || !lanes && cm[0] == 0 {
		return m.Shape()[0]
	}
	return 0
}

// stage is an item of a pipeline that is being written.
type stage interface {
	open()                       // before everything, also where a suspended pipeline goes on
	init()                       // before the first block
	rows(first local, count int) // count rows from row first on
	finish()                     // after the last block
	carried() []local            // vectors that hold running sums between blocks
}

// pipeline writes all stages, block by block.
func (e *emitter) pipeline(it *item) {
	var stages []stage
	for _, s := range it.stages {
		stages = append(stages, e.stageOf(s))
	}
	for _, s := range stages {
		s.open()
	}
	a := e.a
	row := a.newLocal(tI32)
	start := func() {
		for _, s := range stages {
			s.init()
		}
		a.setI32(row, 0)
	}
	var pause *pause
	if it.heavy && it.id > 0 {
		pause = e.newPause(it, stages, row)
		pause.enter(start)
	} else {
		start()
	}
	whole := it.rows / blockRows * blockRows
	if pause != nil { // it may go on after the last whole block
		a.get(row)
		a.i32c(whole)
		a.op(opI32LtU)
		a.ifThen()
	}
	a.loop()
	for _, s := range stages {
		s.rows(row, blockRows)
	}
	a.addI32(row, blockRows)
	if pause != nil {
		pause.check()
	}
	a.get(row)
	a.i32c(whole)
	a.op(opI32LtU)
	a.brIf(0)
	a.end()
	if pause != nil {
		a.end()
	}
	if rest := it.rows - whole; rest > 0 {
		for _, s := range stages {
			s.rows(row, rest)
		}
	}
	for _, s := range stages {
		s.finish()
	}
}

func (e *emitter) stageOf(it *item) stage {
	n := it.nodes[0]
	switch {
	case it.kind == itemLoop:
		return &loopStage{e: e, l: e.newNest(it)}
	case n.Op == tensor.OpScatterAdd:
		return &scatterStage{e: e, n: n}
	}
	return &dotStage{e: e, n: n}
}

// loopStage is a fused loop.
type loopStage struct {
	e *emitter
	l *nest
}

func (s *loopStage) open() {
	s.l.describe()
	s.l.collapse(true)
	s.l.splats()
	for _, x := range s.l.sums {
		s.l.lanesOf(x)
	}
}

func (s *loopStage) init()   { s.l.clearAll() }
func (s *loopStage) finish() { s.l.finish() }

func (s *loopStage) carried() []local {
	var out []local
	for _, x := range s.l.sums {
		if x.full {
			out = append(out, x.lanes[:s.l.sumLocals()]...)
		}
	}
	return out
}

// rows runs the nest over a block: every access starts at the block's first row.
func (s *loopStage) rows(first local, count int) {
	l, a := s.l, s.e.a
	type key struct {
		dyn    local
		stride int
	}
	starts := map[key]local{}
	saved := map[*access]local{}
	l.each(func(x *access) { saved[x] = x.dyn })
	l.each(func(x *access) {
		k := key{saved[x], x.strides[0]}
		if k.stride == 0 {
			return
		}
		p, ok := starts[k]
		if !ok {
			p = a.newLocal(tI32)
			a.get(first)
			s.e.times(k.stride)
			if k.dyn != a.base {
				a.get(k.dyn)
				a.op(opI32Add)
			}
			a.tee(p)
			a.drop()
			s.e.a.prove(p)
			starts[k] = p
		}
		x.dyn = p
	})
	dims := l.dims
	l.dims = slices.Clone(dims)
	l.dims[0] = count
	clear(l.ptrs)
	l.level(0)
	l.dims = dims
	clear(l.ptrs)
	l.each(func(x *access) { x.dyn = saved[x] })
}

// dotStage is a matrix-vector product: rows of lane sums, or a running sum of scaled rows.
type dotStage struct {
	e *emitter
	n *tensor.Node
	p *dotPlan
}

func (s *dotStage) open() {
	s.p = s.e.planDot(s.n)
	if s.n.Attr.Dot.Order == tensor.SumIndex {
		s.p.preferColumns()
	} else if len(s.p.rows.dims) == 0 {
		s.p.swap()
	}
}

func (s *dotStage) init() {
	if s.n.Attr.Dot.Order == tensor.SumIndex {
		s.e.zeroRow(s.p, s.p.out.dyn, s.p.cols.dims[0])
	}
}

func (s *dotStage) finish()          {}
func (s *dotStage) carried() []local { return nil }

func (s *dotStage) rows(first local, count int) {
	e, p := s.e, s.p
	if s.n.Attr.Dot.Order == tensor.SumIndex {
		pa, pb := e.affine(p.a.dyn, []local{first}, p.inner.a), e.affine(p.b.dyn, []local{first}, p.inner.b)
		e.indexTile(p, pa, pb, p.out.dyn, count, p.cols.dims[0])
		return
	}
	sa, so := p.rows.a[0], p.rows.out[0]
	pa, po := e.affine(p.a.dyn, []local{first}, p.rows.a), e.affine(p.out.dyn, []local{first}, p.rows.out)
	for done := 0; done < count; {
		r := min(p.v.rows, count-done)
		if r < p.v.rows {
			r = 1
		}
		e.lanesTile(p, pa, p.b.dyn, po, r, sa, so)
		done += r
		if done < count {
			e.a.addI32(pa, r*sa)
			e.a.addI32(po, r*so)
		}
	}
}
