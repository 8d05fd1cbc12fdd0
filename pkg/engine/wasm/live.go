package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Values that live in memory are numbered; Values that must share one place (a loop's parameters and results) share one
// number. An edge says that two of them may not overlap in memory: hard, always; soft, unless the second lies exactly
// delta bytes after the first.

type memID int

type edge struct {
	hard  bool
	delta int // second minus first, where the first has the smaller number
}

type pair [2]memID

// liveness numbers the Values in memory and finds out which interfere.
type liveness struct {
	p     *plan
	ids   map[tensor.Value]memID
	size  []int // bytes
	names []tensor.Value
	edges map[pair]edge
	near  map[memID][]memID
	outs  []memID // of the Func's results
}

// bitset is a set of memIDs.
type bitset []uint64

func (b *bitset) add(i memID) {
	for int(i)/64 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

func (b bitset) del(i memID) {
	if int(i)/64 < len(b) {
		b[i/64] &^= 1 << (i % 64)
	}
}

func (b *bitset) union(c bitset) {
	for len(*b) < len(c) {
		*b = append(*b, 0)
	}
	for i, w := range c {
		(*b)[i] |= w
	}
}

func (b bitset) each(f func(memID)) {
	for i, w := range b {
		for j := 0; w != 0; j++ {
			if w&1 != 0 {
				f(memID(64*i + j))
			}
			w >>= 1
		}
	}
}

// read is an access of an item to a Value in memory.
type read struct {
	v    tensor.Value
	safe bool // element i is read before element i of any result is written
	// at is the byte offset in the result where the read may already lie in place; -1 if nowhere.
	at int
	by *tensor.Node // the template that reads
}

func newLiveness(p *plan, donated map[int]int) *liveness {
	l := &liveness{p: p, ids: map[tensor.Value]memID{}, edges: map[pair]edge{}, near: map[memID][]memID{}}
	body := p.f.Body
	for _, v := range body.Params {
		l.number(v)
	}
	l.collect(p.root)
	var end bitset
	for i, v := range body.Params {
		for _, w := range body.Params[:i] {
			l.hard(l.ids[v], l.ids[w])
		}
		if _, ok := donated[i]; !ok {
			end.add(l.ids[v])
		}
	}
	l.results(body, donated, end)
	in := l.region(p.root, end)
	for _, v := range body.Params {
		in.each(func(w memID) { l.hard(l.ids[v], w) })
	}
	return l
}

// results numbers the places of the Func's results; a donated parameter's place is that of its result.
func (l *liveness) results(body *tensor.Region, donated map[int]int, end bitset) {
	param := map[int]int{}
	for in, out := range donated {
		param[out] = in
	}
	for i, v := range body.Results {
		if in, ok := param[i]; ok {
			l.outs = append(l.outs, l.ids[body.Params[in]])
			continue
		}
		l.outs = append(l.outs, l.place(v.Size()*v.DType().Size(), v))
	}
	for i, a := range l.outs {
		for _, b := range l.outs[:i] {
			l.hard(a, b)
		}
		for _, v := range body.Params {
			l.hard(a, l.ids[v])
		}
	}
	l.yields(body.Results, l.outs)
}

func (l *liveness) place(bytes int, v tensor.Value) memID {
	l.size = append(l.size, max(8, bytes))
	l.names = append(l.names, v)
	return memID(len(l.size) - 1)
}

func (l *liveness) number(v tensor.Value) memID {
	if id, ok := l.ids[v]; ok {
		return id
	}
	id := l.place(v.Size()*v.DType().Size(), v)
	l.ids[v] = id
	return id
}

// collect numbers what the items of a region keep in memory, and what they read from there.
func (l *liveness) collect(rp *regionPlan) {
	for _, n := range rp.first {
		l.need(l.scalarReads(n))
	}
	for _, it := range rp.items {
		switch it.kind {
		case itemWhile:
			n := it.nodes[0]
			for i, g := range n.Results() {
				id := l.number(g)
				l.ids[n.Regions[0].Params[i]] = id
				l.ids[n.Regions[1].Params[i]] = id
			}
		case itemCond:
			for _, g := range it.nodes[0].Results() {
				l.number(g)
			}
		case itemTemplate:
			l.number(it.nodes[0].Results()[0])
		case itemLoop, itemPipeline:
			for _, n := range it.nodes {
				if n.Op.IsReduction() && !inLocal(n) || !isLoopOp(n.Op) && !isView(n.Op) && !n.Op.IsReduction() || l.p.backed[n.Results()[0]] {
					l.number(n.Results()[0])
				}
			}
		}
		l.need(l.itemReads(it))
		for _, sub := range it.regions {
			l.collect(sub)
		}
		for _, n := range it.after {
			l.need(l.scalarReads(n))
		}
	}
	l.need(l.resultReads(rp.region.Results))
}

// inLocal reports whether a fused reduction ends in a local: a lane sum over everything.
func inLocal(n *tensor.Node) bool {
	return n.Op == tensor.OpReduceSum && n.Attr.Order == tensor.SumLanes && len(squeezed(n.Shape)) == 0
}

func (l *liveness) need(reads []read) {
	for _, r := range reads {
		l.number(r.v)
	}
}

// isConstant reports whether v has its elements in the module from the start.
func isConstant(v tensor.Value) bool {
	op := v.Node().Op
	return op == tensor.OpConst || op == tensor.OpIota
}

// scalarLocal reports whether v is a scalar that is computed into a local.
func (l *liveness) scalarLocal(v tensor.Value) bool {
	if !isScalar(v) || isConstant(v) || l.p.backed[v] {
		return false
	}
	n := v.Node()
	switch {
	case n.Op == tensor.OpParam || n.Op == tensor.OpGet:
		return false
	case n.Op.IsReduction() && l.p.where[n] != nil && l.p.where[n].kind == itemLoop:
		return inLocal(n)
	}
	return l.p.where[n] == nil
}

// memoryReads appends the reads that the view of x makes.
func (l *liveness) memoryReads(out []read, x tensor.Value) []read {
	w := l.p.views.of(x)
	if !isConstant(w.root) && !l.scalarLocal(w.root) {
		out = append(out, read{v: w.root, at: -1})
	}
	for _, t := range w.dyn {
		out = l.memoryReads(out, t.start)
	}
	return out
}

func (l *liveness) scalarReads(n *tensor.Node) []read {
	if isView(n.Op) {
		return l.memoryReads(nil, n.Results()[0])
	}
	var out []read
	for _, x := range n.In {
		out = l.memoryReads(out, x)
	}
	return out
}

func (l *liveness) resultReads(vs []tensor.Value) []read {
	var out []read
	for _, v := range vs {
		out = l.memoryReads(out, v)
	}
	return out
}

func (l *liveness) itemReads(it *item) []read {
	n := it.nodes[0]
	switch it.kind {
	case itemLoop:
		return l.loopReads(it)
	case itemPipeline:
		var out []read
		for _, s := range it.stages {
			for _, r := range l.itemReads(s) {
				r.safe = false // another stage may write on other rows
				out = append(out, r)
			}
		}
		return out
	case itemWhile, itemCond:
		return l.resultReads(n.In)
	}
	var out []read
	for i, x := range n.In {
		if w := l.p.views.of(x); l.scalarLocal(w.root) && !takesLocals(n.Op) {
			out = append(out, read{v: w.root, at: -1}) // templates read operands from memory
		}
		k := len(out)
		out = l.memoryReads(out, x)
		if at := inPlaceAt(n, i); at >= 0 && len(out) == k+1 && out[k].v == x {
			out[k].at, out[k].by = at, n
		}
	}
	return out
}

// takesLocals reports whether a template can take one-element operands from locals.
func takesLocals(op tensor.Op) bool {
	return op == tensor.OpConcat || op == tensor.OpPad || op == tensor.OpDynamicUpdate
}

// inPlaceAt returns the byte offset within the result of template n where operand i may already lie, or -1.
func inPlaceAt(n *tensor.Node, i int) int {
	switch n.Op {
	case tensor.OpDynamicUpdate, tensor.OpScatterAdd, tensor.OpScatter:
		if i == 0 {
			return 0
		}
	case tensor.OpConcat:
		if tensor.NumElements(n.Shape[:n.Attr.Axis]) != 1 {
			return -1
		}
		at := 0
		for _, x := range n.In[:i] {
			at += x.Size()
		}
		return at * n.DType.Size()
	}
	return -1
}

func (l *liveness) loopReads(it *item) []read {
	var out []read
	for _, n := range it.nodes {
		for i, x := range n.In {
			w := l.p.views.of(x)
			if l.p.inRegister(it, n, i) {
				continue
			}
			k := len(out)
			out = l.memoryReads(out, x)
			if len(out) > k && out[k].v == w.root && n.Op.IsElementwise() || isView(n.Op) && len(out) > k {
				out[k].safe = w.identity(x.Shape()) && sameDomain(it, x.Shape()) && n.In[i].DType().Size() == 8
			}
		}
		if isView(n.Op) { // a solid view reads through its own strides
			k := len(out) - 1
			if k >= 0 {
				out[k].safe = false
			}
		}
	}
	return out
}

func sameDomain(it *item, shape []int) bool { return slices.Equal(it.domain, squeezed(shape)) }

// inRegister reports whether operand i of n is made by the same loop and read element for element.
func (p *plan) inRegister(it *item, n *tensor.Node, i int) bool {
	if isView(n.Op) || n.Op == tensor.OpTake && i == 0 || standaloneIn(n) {
		return false
	}
	x := n.In[i]
	w := p.views.of(x)
	m := w.root.Node()
	return p.where[m] == it && m != n && isElementResult(w.root) && w.identity(x.Shape()) && sameDomain(it, x.Shape())
}

func standaloneIn(n *tensor.Node) bool { return n.Op.IsReduction() && standalone(n) }

func (l *liveness) hard(a, b memID) { l.edge(a, b, edge{hard: true}) }

func (l *liveness) edge(a, b memID, e edge) {
	if a == b {
		return
	}
	if a > b {
		a, b = b, a
		e.delta = -e.delta
	}
	old, ok := l.edges[pair{a, b}]
	if !ok {
		l.near[a] = append(l.near[a], b)
		l.near[b] = append(l.near[b], a)
	} else if old.hard || !e.hard && old.delta == e.delta {
		return
	} else if !e.hard {
		e = edge{hard: true} // two different soft offsets
	}
	l.edges[pair{a, b}] = e
}

// region walks a region backward. live holds what is needed after it; the return value what is needed before.
func (l *liveness) region(rp *regionPlan, live bitset) bitset {
	live = slices.Clone(live)
	l.addReads(&live, l.resultReads(rp.region.Results))
	for _, it := range slices.Backward(rp.items) {
		for _, n := range slices.Backward(it.after) {
			l.defineScalar(n, &live)
		}
		live = l.item(it, live)
	}
	for _, n := range slices.Backward(rp.first) {
		l.defineScalar(n, &live)
	}
	return live
}

// defineScalar accounts for scalar instructions: what they read, and the copy in memory of those that have one.
func (l *liveness) defineScalar(n *tensor.Node, live *bitset) {
	defer func() { l.addReads(live, l.scalarReads(n)) }()
	if id, ok := l.ids[n.Results()[0]]; ok {
		live.del(id)
		live.each(func(v memID) { l.hard(id, v) })
	}
}

func (l *liveness) addReads(live *bitset, reads []read) {
	for _, r := range reads {
		live.add(l.ids[r.v])
	}
}

func (l *liveness) item(it *item, live bitset) bitset {
	switch it.kind {
	case itemWhile:
		return l.while(it, live)
	case itemCond:
		return l.cond(it, live)
	}
	var defs []memID
	for _, n := range it.nodes {
		if id, ok := l.ids[n.Results()[0]]; ok {
			defs = append(defs, id)
		}
	}
	l.define(defs, live)
	reads := l.itemReads(it)
	for _, n := range it.nodes {
		d, ok := l.ids[n.Results()[0]]
		if !ok {
			continue
		}
		for _, r := range reads {
			switch {
			case r.at >= 0 && r.by == n:
				l.edge(d, l.ids[r.v], edge{delta: r.at})
			case r.safe && it.kind == itemLoop && !n.Op.IsReduction():
				l.edge(d, l.ids[r.v], edge{})
			default:
				l.hard(d, l.ids[r.v])
			}
		}
	}
	for _, r := range reads {
		if id := l.ids[r.v]; !slices.Contains(defs, id) { // a stage of a pipeline may read what another one makes
			live.add(id)
		}
	}
	return live
}

// define records that defs come to life while live (and each other) are.
func (l *liveness) define(defs []memID, live bitset) {
	for i, d := range defs {
		live.each(func(v memID) { l.hard(d, v) })
		for _, e := range defs[:i] {
			l.hard(d, e)
		}
	}
	for _, d := range defs {
		live.del(d)
	}
}

func (l *liveness) cond(it *item, live bitset) bitset {
	n := it.nodes[0]
	var gets []memID
	for _, g := range n.Results() {
		gets = append(gets, l.ids[g])
	}
	l.define(gets, live)
	if len(it.ids) > 0 { // the way back to a suspended pipeline reads the predicate again
		l.addReads(&live, l.itemReads(it))
	}
	out := slices.Clone(live)
	for _, arm := range it.regions {
		l.yields(arm.region.Results, gets)
		out.union(l.region(arm, live))
	}
	l.addReads(&out, l.itemReads(it))
	return out
}

// yields records the copies from results to their places: a place is written while the other results are still read.
func (l *liveness) yields(results []tensor.Value, places []memID) {
	for i, v := range results {
		w := l.p.views.of(v)
		src, ok := l.ids[w.root]
		if !ok || isConstant(w.root) {
			continue
		}
		for j, d := range places {
			switch {
			case i == j && w.root == v:
				l.edge(d, src, edge{})
			case results[j] != v && l.size[d] == l.size[src]: // copies exchange whole blocks, through scratch memory if need be
				l.edge(d, src, edge{})
			case results[j] != v:
				l.hard(d, src)
			}
		}
	}
}

func (l *liveness) while(it *item, live bitset) bitset {
	n := it.nodes[0]
	condRP, bodyRP := it.regions[0], it.regions[1]
	var carried []memID
	for _, g := range n.Results() {
		carried = append(carried, l.ids[g])
	}
	l.define(carried, live) // live now: after the loop, carried left out
	head := slices.Clone(live)
	l.captured(&head, it)
	for _, c := range carried {
		head.del(c)
	}
	l.yields(n.In, carried)
	l.yields(bodyRP.region.Results, carried)
	in := l.region(bodyRP, head)
	in.union(head)
	for i, c := range carried {
		in.each(func(v memID) {
			if !slices.Contains(carried, v) {
				l.hard(c, v)
			}
		})
		for _, d := range carried[:i] {
			l.hard(c, d)
		}
	}
	for _, c := range carried {
		in.add(c)
	}
	l.region(condRP, in)
	out := head
	l.addReads(&out, l.itemReads(it))
	return out
}

// captured adds what the regions of a loop read and do not define themselves.
func (l *liveness) captured(out *bitset, it *item) {
	inside := map[memID]bool{}
	var reads []read
	var visit func(rp *regionPlan)
	visit = func(rp *regionPlan) {
		for _, v := range rp.region.Params {
			inside[l.ids[v]] = true
		}
		scalars := func(ns []*tensor.Node) {
			for _, n := range ns {
				reads = append(reads, l.scalarReads(n)...)
				l.markInside(inside, n)
			}
		}
		scalars(rp.first)
		for _, sub := range rp.items {
			reads = append(reads, l.itemReads(sub)...)
			for _, n := range sub.nodes {
				l.markInside(inside, n)
			}
			for _, r := range sub.regions {
				visit(r)
			}
			scalars(sub.after)
		}
		reads = append(reads, l.resultReads(rp.region.Results)...)
	}
	for _, r := range it.regions {
		visit(r)
	}
	for _, r := range reads {
		if id := l.ids[r.v]; !inside[id] {
			out.add(id)
		}
	}
}

func (l *liveness) markInside(inside map[memID]bool, n *tensor.Node) {
	for _, v := range n.Results() {
		if id, ok := l.ids[v]; ok {
			inside[id] = true
		}
	}
}
