package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// sink moves the scalars of a region, and of the regions inside, to right before their first use. A processor looks only
// some hundred instructions ahead: a long chain of operations on one number, the logarithm of a density for example, is
// waited for where it stands, unless what does not need it comes first.
func (p *plan) sink(rp *regionPlan) {
	s := &sinker{p: p, rp: rp, slots: map[tensor.Value]int{}}
	lists := s.lists()
	for slot, ns := range lists {
		for _, n := range ns {
			s.slots[n.Results()[0]] = slot
		}
	}
	first := map[tensor.Value]int{} // slot before the first use
	use := func(v tensor.Value, slot int) {
		if _, ours := s.slots[v]; ours {
			if at, ok := first[v]; !ok || slot < at {
				first[v] = slot
			}
		}
	}
	for i, it := range rp.items {
		s.reads(it.nodes, func(v tensor.Value) { use(v, i) })
		for _, sub := range it.regions {
			p.sink(sub)
		}
	}
	for _, v := range rp.region.Results {
		s.read(v, func(v tensor.Value) { use(v, len(rp.items)) })
	}
	sunk := make([][]*tensor.Node, len(lists))
	for slot, ns := range slices.Backward(lists) {
		for _, n := range slices.Backward(ns) {
			to := slot
			if at, ok := first[n.Results()[0]]; ok {
				to = max(slot, at)
			}
			sunk[to] = append(sunk[to], n)
			s.reads([]*tensor.Node{n}, func(v tensor.Value) { use(v, to) })
		}
	}
	for slot, ns := range sunk {
		slices.Reverse(ns)
		if slot == 0 {
			rp.first = ns
		} else {
			rp.items[slot-1].after = ns
		}
	}
}

type sinker struct {
	p     *plan
	rp    *regionPlan
	slots map[tensor.Value]int // of the region's scalars: 0 before all items, i+1 after item i
}

// lists returns the scalars of each slot.
func (s *sinker) lists() [][]*tensor.Node {
	out := [][]*tensor.Node{s.rp.first}
	for _, it := range s.rp.items {
		out = append(out, it.after)
	}
	return out
}

// reads calls f with every Value that instructions, or those in their regions, read.
func (s *sinker) reads(ns []*tensor.Node, f func(tensor.Value)) {
	for _, n := range ns {
		for _, x := range n.In {
			s.read(x, f)
		}
		if isView(n.Op) {
			s.read(n.Results()[0], f)
		}
		for _, r := range n.Regions {
			s.reads(r.Nodes, f)
			for _, x := range r.Results {
				s.read(x, f)
			}
		}
	}
}

// read calls f with v, what it is a view of, and the starts of that view.
func (s *sinker) read(v tensor.Value, f func(tensor.Value)) {
	f(v)
	w := s.p.views.of(v)
	if w.root != v {
		f(w.root)
	}
	for _, t := range w.dyn {
		s.read(t.start, f)
	}
}
