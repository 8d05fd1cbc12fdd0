package wasm

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// itemKind says how an item of a region is emitted.
type itemKind uint8

const (
	itemLoop     itemKind = iota // a fused loop over one domain: elementwise instructions and reductions
	itemTemplate                 // one instruction with a template of its own: dot, cholesky, concat, row update, …
	itemWhile
	itemCond
	itemPipeline // loops and templates over the same rows, run block by block
)

// item is a step of a region. Items run in order; scalars that become available after item i run right after it.
type item struct {
	kind    itemKind
	nodes   []*tensor.Node
	domain  []int // of a loop: the shape without axes of length one
	lanes   int   // of a loop: elements that an instruction computes, 2 of 64 bits, 4 of 32 bits, or 1
	regions []*regionPlan
	after   []*tensor.Node // scalar instructions, in dependency order

	stages []*item // of a pipeline
	rows   int     // of a pipeline
	heavy  bool    // a pipeline that can be suspended
	id     int     // its number
	ids    []int   // numbers of the heavy pipelines in it
}

// regionPlan is the schedule of a region.
type regionPlan struct {
	region *tensor.Region
	parent *regionPlan
	first  []*tensor.Node // scalar instructions before the first item
	items  []*item

	suspends bool // a heavy pipeline is inside
}

// plan is the schedule of a whole Func and what is known of its Values.
type plan struct {
	f      *tensor.Func
	views  *views
	used   map[*tensor.Node]bool
	where  map[*tensor.Node]*item // the loop or template that computes an instruction
	solid  map[tensor.Value]bool  // views that are copied into memory of their own
	backed map[tensor.Value]bool  // scalars that have a place in memory because their region can be suspended
	heavy  int                    // number of heavy pipelines
	words  map[*tensor.Node]bool  // whether integers and truth values belong to F32s
	root   *regionPlan
}

func newPlan(f *tensor.Func) *plan {
	p := &plan{f: f, used: map[*tensor.Node]bool{}, where: map[*tensor.Node]*item{}, solid: map[tensor.Value]bool{}, backed: map[tensor.Value]bool{}, words: map[*tensor.Node]bool{}}
	p.markUsed(f.Body)
	p.views = &views{memo: map[tensor.Value]view{}, solid: p.solid}
	p.chooseSolid(f.Body)
	p.views.memo = map[tensor.Value]view{} // what became solid changes the views built on it
	p.root = p.schedule(f.Body, nil)
	p.pipelines(p.root)
	p.sink(p.root)
	p.markHeavy(p.root)
	p.markBacked(p.root)
	return p
}

// markUsed walks a region backward from its results.
func (p *plan) markUsed(r *tensor.Region) {
	for _, v := range r.Results {
		p.used[v.Node()] = true
	}
	for _, n := range slices.Backward(r.Nodes) {
		if !p.used[n] {
			continue
		}
		for _, v := range n.In {
			p.used[v.Node()] = true
		}
		for _, sub := range n.Regions {
			p.markUsed(sub)
		}
	}
}

func isScalar(v tensor.Value) bool { return v.Size() == 1 }

// isView reports whether n only renames elements of its operand.
func isView(op tensor.Op) bool {
	switch op {
	case tensor.OpBroadcast, tensor.OpReshape, tensor.OpTranspose, tensor.OpSlice, tensor.OpReverse, tensor.OpDynamicSlice:
		return true
	}
	return false
}

// isUpdate reports whether an instruction changes some elements of its first operand.
func isUpdate(op tensor.Op) bool {
	return op == tensor.OpDynamicUpdate || op == tensor.OpScatterAdd || op == tensor.OpScatter
}

// isLoopOp reports whether an instruction with an array result is computed inside a fused loop, element by element.
func isLoopOp(op tensor.Op) bool {
	return op.IsElementwise() || op == tensor.OpTake
}

// isFusedReduction reports whether a reduction is an accumulation inside a loop over its operand.
func isFusedReduction(n *tensor.Node) bool {
	return n.Op.IsReduction() && n.Op != tensor.OpArgMin && n.Op != tensor.OpArgMax
}

// chooseSolid decides which views are copied: those a region returns or a control instruction starts from, unless they
// are plain blocks of memory, and dynamic slices whose source is updated before their last use.
func (p *plan) chooseSolid(r *tensor.Region) {
	p.solidUnlessBlock(r.Results)
	for i, n := range r.Nodes {
		if !p.used[n] {
			continue
		}
		switch n.Op {
		case tensor.OpWhile:
			p.solidUnlessBlock(n.In)
		case tensor.OpDynamicSlice:
			if p.updatedLater(r.Nodes[i+1:], n) {
				p.solid[n.Results()[0]] = true
			}
		case tensor.OpReshape:
			x := p.views.of(n.In[0])
			if _, ok := reshapeStrides(n.In[0].Shape(), x.strides, n.Shape); !ok {
				p.solid[n.Results()[0]] = true
				p.solidOperand(n.In[0])
			}
		case tensor.OpCholesky, tensor.OpCholeskyVJP, tensor.OpTriangularSolve, tensor.OpSort, tensor.OpArgsort, tensor.OpCumsum, tensor.OpArgMin, tensor.OpArgMax:
			for _, v := range n.In {
				p.solidOperand(v)
			}
		case tensor.OpDynamicUpdate, tensor.OpScatterAdd, tensor.OpScatter:
			p.solidOperand(n.In[0])
		case tensor.OpReduceSum:
			if standalone(n) {
				p.solidOperand(n.In[0])
			}
		}
		for _, sub := range n.Regions {
			p.chooseSolid(sub)
		}
	}
}

func (p *plan) solidUnlessBlock(vs []tensor.Value) {
	for _, v := range vs {
		if isScalar(v) || !isView(v.Node().Op) {
			continue
		}
		w := p.views.of(v)
		if len(w.dyn) > 0 || !w.dense(v.Shape()) || isScalar(w.root) {
			p.solid[v] = true
		}
	}
}

// solidOperand makes the operand of a template that wants row-major memory such.
func (p *plan) solidOperand(v tensor.Value) {
	if isView(v.Node().Op) && !isScalar(v) {
		if w := p.views.of(v); len(w.dyn) > 0 || !w.dense(v.Shape()) || isScalar(w.root) {
			p.solid[v] = true
		}
	}
}

// updatedLater reports whether, before the last use of dynamic slice n in nodes, its source is the operand of an update.
func (p *plan) updatedLater(nodes []*tensor.Node, n *tensor.Node) bool {
	src := p.views.of(n.In[0]).root
	v := n.Results()[0]
	updated := false
	for _, m := range nodes {
		if updated && p.mentions(m, v) {
			return true
		}
		updated = updated || p.updates(m, src)
	}
	return updated && slices.ContainsFunc(n.Results(), func(r tensor.Value) bool { return p.used[r.Node()] }) && p.escapes(nodes, v)
}

func (p *plan) escapes(nodes []*tensor.Node, v tensor.Value) bool {
	return !slices.ContainsFunc(nodes, func(m *tensor.Node) bool { return p.mentions(m, v) })
}

// mentions reports whether m, or an instruction in its regions, uses v or a view of it.
func (p *plan) mentions(m *tensor.Node, v tensor.Value) bool {
	uses := func(w tensor.Value) bool {
		for w != v {
			if n := w.Node(); isView(n.Op) {
				w = n.In[0]
				continue
			}
			return false
		}
		return true
	}
	if slices.ContainsFunc(m.In, uses) {
		return true
	}
	for _, r := range m.Regions {
		if slices.ContainsFunc(r.Results, uses) || slices.ContainsFunc(r.Nodes, func(k *tensor.Node) bool { return p.mentions(k, v) }) {
			return true
		}
	}
	return false
}

func (p *plan) updates(m *tensor.Node, src tensor.Value) bool {
	if isUpdate(m.Op) && m.In[0] == src {
		return true
	}
	for _, r := range m.Regions {
		if slices.ContainsFunc(r.Nodes, func(k *tensor.Node) bool { return p.updates(k, src) }) {
			return true
		}
	}
	return (m.Op == tensor.OpWhile) && slices.Contains(m.In, src)
}

// scheduler places the instructions of one region. Position 2i is item i, 2i+1 what follows it, -1 the region's start.
type scheduler struct {
	p     *plan
	rp    *regionPlan
	avail map[tensor.Value]int // from which position on a Value of this region can be read
	loops map[string][]int     // items of a domain and class, ascending
}

func (p *plan) schedule(r *tensor.Region, parent *regionPlan) *regionPlan {
	rp := &regionPlan{region: r, parent: parent}
	s := &scheduler{p: p, rp: rp, avail: map[tensor.Value]int{}, loops: map[string][]int{}}
	for _, n := range r.Nodes {
		if p.used[n] && n.Op != tensor.OpGet {
			s.place(n)
		}
	}
	return rp
}

func (s *scheduler) place(n *tensor.Node) {
	v := n.Results()[0]
	switch {
	case n.Op == tensor.OpConst || n.Op == tensor.OpIota:
		s.avail[v] = -1
	case n.Op == tensor.OpWhile || n.Op == tensor.OpCond:
		it := &item{kind: itemWhile, nodes: []*tensor.Node{n}}
		if n.Op == tensor.OpCond {
			it.kind = itemCond
		}
		for _, r := range n.Regions {
			it.regions = append(it.regions, s.p.schedule(r, s.rp))
		}
		s.appendItem(it, n)
	case isView(n.Op) && !s.p.solid[v] && !isScalar(v):
		s.avail[v] = s.availOfView(v)
	case isScalar(v) && isScalarOp(n.Op):
		s.placeScalar(n, v)
	case isLoopOp(n.Op) || isView(n.Op):
		s.placeLoop(n, v, n.Shape, n.In)
	case isFusedReduction(n):
		s.placeReduction(n, v)
	default:
		s.appendItem(&item{kind: itemTemplate, nodes: []*tensor.Node{n}}, n)
	}
}

// isScalarOp reports whether a one-element result is computed in a local, outside loops and templates.
func isScalarOp(op tensor.Op) bool { return op.IsElementwise() || isView(op) || op == tensor.OpTake }

func (s *scheduler) appendItem(it *item, n *tensor.Node) {
	s.rp.items = append(s.rp.items, it)
	s.p.where[n] = it
	for _, v := range n.Results() {
		s.avail[v] = 2 * len(s.rp.items)
		s.avail[v]-- // after the item
	}
}

// ready returns the position from which on v, or what it is a view of, can be read.
func (s *scheduler) ready(v tensor.Value) int {
	if a, ok := s.avail[v]; ok {
		return a
	}
	return -1 // from around the region
}

func (s *scheduler) availOfView(v tensor.Value) int {
	w := s.p.views.of(v)
	a := s.ready(w.root)
	for _, t := range w.dyn {
		a = max(a, s.ready(t.start))
	}
	return a
}

func (s *scheduler) placeScalar(n *tensor.Node, v tensor.Value) {
	pos := -1
	for _, x := range n.In {
		pos = max(pos, s.availOfView(x))
	}
	if isView(n.Op) {
		pos = max(pos, s.availOfView(v))
	}
	if pos >= 0 && pos%2 == 0 {
		pos++
	}
	s.avail[v] = pos
	if pos < 0 {
		s.rp.first = append(s.rp.first, n)
		return
	}
	it := s.rp.items[pos/2]
	it.after = append(it.after, n)
}

func squeezed(shape []int) []int {
	var out []int
	for _, n := range shape {
		if n != 1 {
			out = append(out, n)
		}
	}
	return out
}

// placeLoop puts an elementwise instruction into the earliest loop over its domain that comes after its operands.
func (s *scheduler) placeLoop(n *tensor.Node, v tensor.Value, shape []int, in []tensor.Value) {
	lanes := s.p.lanesOf(n)
	i := s.join(s.loopPosition(n, shape, in, lanes), n, squeezed(shape), lanes)
	s.avail[v] = 2 * i
}

// placeReduction puts a reduction into a loop over its operand; what the loop cannot add up in the prescribed order on
// the way is read back from memory by a loop of its own.
func (s *scheduler) placeReduction(n *tensor.Node, v tensor.Value) {
	x := n.In[0]
	lanes := s.p.lanesOf(n)
	if standalone(n) {
		// It reads its operand from memory, so it can stand at the end.
		s.rp.items = append(s.rp.items, &item{kind: itemLoop, nodes: []*tensor.Node{n}, domain: reductionDomain(n), lanes: lanes})
		i := len(s.rp.items) - 1
		s.p.where[n] = s.rp.items[i]
		s.avail[v] = 2*i + 1
		return
	}
	i := s.join(s.loopPosition(n, x.Shape(), n.In, lanes), n, squeezed(x.Shape()), lanes)
	s.avail[v] = 2*i + 1
}

// standalone reports whether a lane sum does not fit into a loop nest over its operand: lanes follow the flat index of
// the reduced axes, which a nest keeps only where one axis is reduced or rows are whole groups of lanes.
func standalone(n *tensor.Node) bool {
	if n.Op != tensor.OpReduceSum || n.Attr.Order != tensor.SumLanes {
		return false
	}
	shape := n.In[0].Shape()
	reduced := squeezed(shape[n.Attr.Axis:n.Attr.Axis2])
	if len(reduced) <= 1 {
		return false
	}
	return len(squeezed(shape)) > len(reduced) || reduced[len(reduced)-1]%4 != 0
}

// reductionDomain is the domain of a standalone reduction: its kept axes and one axis for all that are reduced.
func reductionDomain(n *tensor.Node) []int {
	shape := n.In[0].Shape()
	return append(squeezed(shape[:n.Attr.Axis]), tensor.NumElements(shape[n.Attr.Axis:n.Attr.Axis2]))
}

// loopPosition returns the first item index at which n may run: the loop that makes an operand where it is read
// element for element, else after it.
func (s *scheduler) loopPosition(n *tensor.Node, shape []int, in []tensor.Value, lanes int) int {
	at := 0
	for i, x := range in {
		w := s.p.views.of(x)
		a := s.ready(w.root)
		for _, t := range w.dyn {
			a = max(a, s.ready(t.start))
		}
		it := s.p.where[w.root.Node()]
		same := it != nil && it.kind == itemLoop && a >= 0 && a%2 == 0 && it.lanes == lanes && slices.Equal(it.domain, squeezed(shape)) &&
			w.identity(x.Shape()) && sameSqueezed(x.Shape(), shape) && !(n.Op == tensor.OpTake && i == 0) && !isView(n.Op) && isElementResult(w.root)
		switch {
		case same:
			at = max(at, a/2)
		case a >= 0:
			at = max(at, a/2+1)
		}
	}
	return at
}

// isElementResult reports whether v is an element result of a loop, not a reduction.
func isElementResult(v tensor.Value) bool { return !v.Node().Op.IsReduction() }

func sameSqueezed(a, b []int) bool { return slices.Equal(squeezed(a), squeezed(b)) }

// join adds n to the first loop of the domain and class at or after item at, or to a new one at the end. It returns the
// item's index through where.
func (s *scheduler) join(at int, n *tensor.Node, domain []int, lanes int) int {
	key := fmt.Sprint(domain, lanes)
	for _, i := range s.loops[key] {
		if i >= at {
			s.rp.items[i].nodes = append(s.rp.items[i].nodes, n)
			s.p.where[n] = s.rp.items[i]
			return i
		}
	}
	it := &item{kind: itemLoop, nodes: []*tensor.Node{n}, domain: domain, lanes: lanes}
	s.rp.items = append(s.rp.items, it)
	s.p.where[n] = it
	i := len(s.rp.items) - 1
	s.loops[key] = append(s.loops[key], i)
	return i
}
