package vmap

import "github.com/drey-sampler/drey/pkg/tensor"

// mask says in which lanes the results of a branch or of a turn of a loop count; what the others hold there is no matter.
type mask struct {
	v     tensor.Value // bool[width]
	outer *mask        // the mask that it is part of; nil: all lanes
}

// isPartOf reports whether m is q or a part of it.
func (m *mask) isPartOf(q *mask) bool {
	for m != nil && m != q {
		m = m.outer
	}
	return m != nil
}

// origin says that a Value equals another one in the lanes outside a mask.
type origin struct {
	from tensor.Value
	mask *mask
}

// masks knows which lanes are active, and what became of arrays under masks.
type masks struct {
	active *mask
	origin map[tensor.Value]origin
	newest map[tensor.Value]tensor.Value // see current
}

func newMasks() masks {
	return masks{origin: map[tensor.Value]origin{}, newest: map[tensor.Value]tensor.Value{}}
}

// among returns the mask of the active lanes in which p is true.
func (m *masks) among(p tensor.Value) *mask {
	if m.active != nil {
		p = m.active.v.And(p)
	}
	return &mask{p, m.active}
}

// under calls f while the lanes of a mask are the active ones.
func (m *masks) under(active *mask, f func()) {
	before := m.active
	m.active = active
	f()
	m.active = before
}

// changed records that v equals from outside the active lanes.
func (m *masks) changed(v, from tensor.Value) {
	if m.active != nil && v != from {
		m.origin[v] = origin{from, m.active}
	}
}

// source returns the Value that v equals but for lanes of a mask and that nothing under the mask made.
func (m *masks) source(v tensor.Value, within *mask) tensor.Value {
	for {
		o, ok := m.origin[v]
		if !ok || !o.mask.isPartOf(within) {
			return v
		}
		v = o.from
	}
}

// derives reports whether v equals from but for lanes of a mask.
func (m *masks) derives(v, from tensor.Value, within *mask) bool {
	for v != from {
		o, ok := m.origin[v]
		if !ok || !o.mask.isPartOf(within) {
			return false
		}
		v = o.from
	}
	return true
}

// ancestor returns the nearest Value that both v and w equal but for lanes of a mask.
func (m *masks) ancestor(v, w tensor.Value, within *mask) (from tensor.Value, ok bool) {
	for !m.derives(w, v, within) {
		o, ok := m.origin[v]
		if !ok || !o.mask.isPartOf(within) {
			return v, false
		}
		v = o.from
	}
	return v, true
}

// current returns the Value to use for v. In the second branch of a Cond an array that the first branch has updated, in
// lanes that do not count there, is the updated one: so the updates of both branches are a chain, and no array is needed
// once more after it was changed.
func (m *masks) current(v tensor.Value) tensor.Value {
	for {
		w, ok := m.newest[v]
		if !ok {
			return v
		}
		v = w
	}
}

// continuing calls f with vs in the place of the Values that they were updated from under a mask.
func (m *masks) continuing(vs []lanes, within *mask, f func()) {
	var replaced []tensor.Value
	for _, l := range vs {
		from := m.source(l.v, within)
		if _, ok := m.newest[from]; !ok && from != l.v {
			m.newest[from] = l.v
			replaced = append(replaced, from)
		}
	}
	f()
	for _, v := range replaced {
		delete(m.newest, v)
	}
}

// merge returns x in the lanes of a mask and y, which was made before it under the mask ofY, in the others.
func (b *batcher) merge(x, y lanes, of, ofY *mask) lanes {
	if x == y {
		return x
	}
	at := common([]lanes{x, y})
	v, w := b.as(x, at), b.as(y, at)
	switch {
	case b.derives(v, w, of):
		return lanes{v, at}
	case b.derives(w, v, ofY):
		return lanes{w, at}
	}
	out := b.choose(of.v, lanes{v, at}, lanes{w, at})
	b.origin[out.v] = origin{w, of}
	return out
}
