package wasm

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// class is a set of Values that share one buffer, each at its own offset.
type class struct {
	members []memID
	size    int
	addr    int
}

// placement gives every Value in memory its address.
type placement struct {
	l     *liveness
	class []*class
	off   []int
	top   int // end of static memory
}

func newPlacement(l *liveness, start int) *placement {
	pl := &placement{l: l}
	for i, n := range l.size {
		pl.class = append(pl.class, &class{members: []memID{memID(i)}, size: n})
		pl.off = append(pl.off, 0)
	}
	pl.mergeYields(l.p.f.Body.Results, l.outs)
	pl.mergeControl(l.p.root)
	pl.mergeInPlace(l.p.root)
	pl.mergeInits(l.p.root)
	pl.assign(start)
	return pl
}

func (pl *placement) addr(id memID) int { return pl.class[id].addr + pl.off[id] }

// merge tries to put b at delta bytes after a; it reports whether they are there now.
func (pl *placement) merge(a, b memID, delta int) bool {
	ca, cb := pl.class[a], pl.class[b]
	if ca == cb {
		return pl.off[b] == pl.off[a]+delta
	}
	shift := pl.off[a] + delta - pl.off[b] // of b's class within a's
	if shift < 0 {
		return pl.merge(b, a, -delta)
	}
	for _, m := range cb.members {
		for _, n := range pl.l.near[m] {
			if pl.class[n] == ca && pl.conflict(n, m, pl.off[m]+shift-pl.off[n]) {
				return false
			}
		}
	}
	for _, m := range cb.members {
		pl.off[m] += shift
		pl.class[m] = ca
	}
	ca.members = append(ca.members, cb.members...)
	ca.size = max(ca.size, cb.size+shift)
	return true
}

// conflict reports whether m may not lie delta bytes after n.
func (pl *placement) conflict(n, m memID, delta int) bool {
	if delta >= pl.l.size[n] || -delta >= pl.l.size[m] {
		return false
	}
	e := pl.l.edges[pair{min(n, m), max(n, m)}]
	if n > m {
		delta = -delta
	}
	return e.hard || e.delta != delta
}

func (pl *placement) mergeYields(results []tensor.Value, places []memID) {
	for i, v := range results {
		if id, ok := pl.l.ids[v]; ok && !pl.l.scalarLocal(v) {
			pl.merge(places[i], id, 0)
		}
	}
}

func (pl *placement) ids(vs []tensor.Value) []memID {
	out := make([]memID, len(vs))
	for i, v := range vs {
		out[i] = pl.l.ids[v]
	}
	return out
}

// mergeControl lets loop bodies and branches compute their results where they belong, outer instructions first.
func (pl *placement) mergeControl(rp *regionPlan) {
	for _, it := range rp.items {
		switch it.kind {
		case itemWhile:
			pl.mergeYields(it.regions[1].region.Results, pl.ids(it.nodes[0].Results()))
		case itemCond:
			for _, arm := range it.regions {
				pl.mergeYields(arm.region.Results, pl.ids(it.nodes[0].Results()))
			}
		}
		for _, sub := range it.regions {
			pl.mergeControl(sub)
		}
	}
}

// mergeInPlace lets updates change their operand and parts of a concatenation be computed in their place.
func (pl *placement) mergeInPlace(rp *regionPlan) {
	for _, it := range rp.items {
		if it.kind == itemTemplate {
			n := it.nodes[0]
			for i, x := range n.In {
				if at := inPlaceAt(n, i); at >= 0 && pl.l.p.views.of(x).root == x {
					if id, ok := pl.l.ids[x]; ok {
						pl.merge(pl.l.ids[n.Results()[0]], id, at)
					}
				}
			}
		}
		for _, sub := range it.regions {
			pl.mergeInPlace(sub)
		}
	}
}

func (pl *placement) mergeInits(rp *regionPlan) {
	for _, it := range rp.items {
		if it.kind == itemWhile {
			pl.mergeYields(it.nodes[0].In, pl.ids(it.nodes[0].Results()))
		}
		for _, sub := range it.regions {
			pl.mergeInits(sub)
		}
	}
}

// assign gives each class the lowest address where it meets no class it interferes with.
func (pl *placement) assign(start int) {
	pl.top = start
	done := map[*class]bool{}
	for _, c := range pl.class {
		if done[c] {
			continue
		}
		done[c] = true
		c.addr = pl.lowest(c, start, done)
		pl.top = max(pl.top, c.addr+c.size)
	}
}

func (pl *placement) lowest(c *class, start int, done map[*class]bool) int {
	var taken [][2]int
	seen := map[*class]bool{c: true}
	for _, m := range c.members {
		for _, n := range pl.l.near[m] {
			if o := pl.class[n]; done[o] && !seen[o] {
				seen[o] = true
				taken = append(taken, [2]int{o.addr, o.addr + o.size})
			}
		}
	}
	slices.SortFunc(taken, func(a, b [2]int) int { return a[0] - b[0] })
	at := start
	for _, t := range taken {
		if at+c.size <= t[0] {
			break
		}
		at = max(at, (t[1]+15)&^15)
	}
	return at
}

// checkUpdates refuses programs that copy a large buffer in a loop because an update could not be made in place.
func (pl *placement) checkUpdates(rp *regionPlan, inLoop bool) error {
	const limit = 1 << 16
	for _, it := range rp.items {
		n := it.nodes[0]
		if it.kind == itemTemplate && isUpdate(n.Op) && inLoop {
			v := n.Results()[0]
			src, ok := pl.l.ids[n.In[0]]
			if bytes := v.Size() * v.DType().Size(); bytes > limit && (!ok || pl.addr(src) != pl.addr(pl.l.ids[v])) {
				return fmt.Errorf("wasm: %s of %s inside a loop needs a copy of %d bytes a turn, because the old value is still used after it; use the old value before the update", n.Op, v, bytes)
			}
		}
		for _, sub := range it.regions {
			if err := pl.checkUpdates(sub, inLoop || it.kind == itemWhile); err != nil {
				return err
			}
		}
	}
	return nil
}
