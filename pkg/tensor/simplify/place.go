package simplify

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// place decides which regions compute each live node. A node goes to the region that uses it and out of the loops whose
// parameters it does not depend on (no operation fails, so running one that a loop of no steps would not have run is
// safe), but never out of a branch. A copy is dropped where a region around it computes the node anyway. Nodes are
// taken from the last to the first, so that all users of a node have been placed before it.
func (g *graph) place() {
	for _, r := range g.root.results {
		r.use(g.root)
	}
	for i := len(g.nodes) - 1; i >= 0; i-- {
		n := g.nodes[i]
		if !n.live || n.op == tensor.OpParam || n.op == tensor.OpGet {
			continue
		}
		n.settle()
		for _, p := range n.places {
			n.demandOperands(p.region)
		}
	}
	for _, n := range g.nodes {
		for _, p := range n.places {
			p.region.order = append(p.region.order, n)
		}
	}
	for i := 0; i < maxRenumber && g.renumber(); i++ {
	}
}

// maxRenumber bounds the rounds of renumber. One or two are the rule: a round only moves what a region shares with an
// earlier one.
const maxRenumber = 16

// renumber numbers the placed nodes as a reader of the program meets them and orders each region by that; it reports
// whether an order changed. So the order does not depend on nodes that are gone, and a second run of the pass finds it
// as it is.
func (g *graph) renumber() bool {
	seen, changed, next := make([]bool, len(g.nodes)), false, 0
	rank := make([]int, len(g.nodes))
	var walk func(r *region)
	walk = func(r *region) {
		for i, n := range r.order {
			for _, b := range n.regions {
				walk(b)
			}
			if !seen[n.seq] {
				seen[n.seq] = true
				rank[n.seq] = next
				next++
			}
			changed = changed || i > 0 && rank[r.order[i-1].seq] > rank[n.seq]
		}
		slices.SortStableFunc(r.order, func(a, b *node) int { return rank[a.seq] - rank[b.seq] })
	}
	walk(g.root)
	return changed
}

// use notes that region r uses n.
func (n *node) use(r *region) {
	if n.op == tensor.OpGet {
		n = n.in[0]
	}
	if !slices.Contains(n.demand, r) {
		n.demand = append(n.demand, r)
	}
}

// settle chooses the places of n from the regions that use it.
func (n *node) settle() {
	if n.regions != nil { // it stands where its results are used from, and has a state: it stays
		n.places = []placed{{region: n.home}}
		return
	}
	for i, r := range n.demand {
		n.demand[i] = n.hoist(r)
	}
	for i, r := range n.demand {
		if !n.isView() && slices.ContainsFunc(n.demand, r.isInside) || slices.Contains(n.demand[:i], r) {
			continue
		}
		n.places = append(n.places, placed{region: r})
	}
}

// hoist returns the outermost region to which n may move from r.
func (n *node) hoist(r *region) *region {
	for !n.isView() && r.loop && r.depth > n.home.depth {
		r = r.parent
	}
	return r
}

// isInside reports whether r is a region within outer, at any depth.
func (r *region) isInside(outer *region) bool {
	for r = r.parent; r != nil; r = r.parent {
		if r == outer {
			return true
		}
	}
	return false
}

// isView reports whether n costs nothing where it is used: engines read its operand, or no memory at all. Such nodes
// are repeated in each region instead of being stored for inner ones.
func (n *node) isView() bool {
	switch n.op {
	case tensor.OpConst, tensor.OpIota, tensor.OpBroadcast, tensor.OpReshape:
		return true
	}
	return false
}

func (n *node) demandOperands(r *region) {
	for _, i := range n.liveInputs() {
		n.in[i].use(r)
	}
	if n.regions == nil {
		return
	}
	for _, i := range n.liveResults() {
		switch n.op {
		case tensor.OpWhile:
			n.regions[1].results[i].use(n.regions[1])
		default:
			for _, b := range n.regions {
				b.results[i].use(b)
			}
		}
	}
	if n.op == tensor.OpWhile {
		n.regions[0].results[0].use(n.regions[0])
	}
}
