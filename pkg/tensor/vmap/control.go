package vmap

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func (b *batcher) control(n *tensor.Node) []lanes {
	switch n.Op {
	case tensor.OpWhile:
		if b.differ[n.Regions[0].Results[0]] {
			return b.whileAny(n)
		}
		return b.while(n)
	case tensor.OpCond:
		if p := b.get(n.In[0]); p.batched() {
			return b.branches(n, p.v)
		}
		return b.cond(n)
	case tensor.OpScan:
		return b.scan(n)
	}
	return b.call(n)
}

// settle returns values with the lanes last where the program's Values vs may differ between lanes.
func (b *batcher) settle(in []lanes, vs []tensor.Value) []tensor.Value {
	out := make([]tensor.Value, len(in))
	for i, l := range in {
		out[i] = l.v
		if b.differ[vs[i]] {
			out[i] = b.as(l, last)
		}
	}
	return out
}

// settled is what settle returned.
func (b *batcher) settled(in, vs []tensor.Value) []lanes {
	out := make([]lanes, len(in))
	for i, v := range in {
		out[i] = lanes{v: v}
		if b.differ[vs[i]] {
			out[i].at = last
		}
	}
	return out
}

// branches computes both branches of a Cond for all lanes, each with its own lanes active, the second one on top of the
// updates of the first.
func (b *batcher) branches(n *tensor.Node, p tensor.Value) []lanes {
	then, els := b.among(p), b.among(p.Not())
	var x, y []lanes
	b.under(then, func() { x = b.apply(n.Regions[0], nil) })
	b.continuing(x, then, func() {
		b.under(els, func() { y = b.apply(n.Regions[1], nil) })
	})
	out := make([]lanes, len(x))
	for i := range x {
		out[i] = b.merge(p, x[i], y[i], then, els)
	}
	return out
}

// cond keeps a Cond whose lanes all take the same branch.
func (b *batcher) cond(n *tensor.Node) []lanes {
	results := n.Results()
	var inner [2][]tensor.Value
	branch := func(i int) func() []tensor.Value {
		return func() []tensor.Value {
			inner[i] = b.region(func() []tensor.Value { return b.settle(b.apply(n.Regions[i], nil), results) })
			return inner[i]
		}
	}
	out := tensor.CondN(b.get(n.In[0]).v, branch(0), branch(1))
	if b.active != nil {
		for i, v := range out {
			if from := b.source(inner[0][i], b.active); from == b.source(inner[1][i], b.active) {
				b.changed(v, from)
			}
		}
	}
	return b.settled(out, results)
}

// while keeps a While whose lanes all stop at the same turn. It does not begin where no lane is active: there it need not end.
func (b *batcher) while(n *tensor.Node) []lanes {
	cond, body := n.Regions[0], n.Regions[1]
	init := b.settle(b.all(n.In), body.Params)
	var guard tensor.Value
	if b.active != nil {
		guard = b.active.v.Any()
	}
	var updates []int
	out := tensor.WhileN(init,
		func(c []tensor.Value) tensor.Value {
			more := b.region(func() []tensor.Value { return b.turn(cond, c, body.Params, cond.Results) })[0]
			if guard.IsValid() {
				more = more.And(guard)
			}
			return more
		},
		func(c []tensor.Value) []tensor.Value {
			next := b.region(func() []tensor.Value { return b.turn(body, c, body.Params, body.Params) })
			updates = b.updated(next, c)
			return next
		})
	b.changedAll(updates, out, init)
	return b.settled(out, body.Params)
}

// updated returns which of the values were updated in active lanes at most.
func (b *batcher) updated(vs, from []tensor.Value) []int {
	var out []int
	for i, v := range from {
		if b.active != nil && b.derives(vs[i], v, b.active) {
			out = append(out, i)
		}
	}
	return out
}

func (b *batcher) changedAll(which []int, vs, from []tensor.Value) {
	for _, i := range which {
		b.changed(vs[i], from[i])
	}
}

// whileAny turns until the last active lane is done. The carry begins with the mask of the lanes that go on.
func (b *batcher) whileAny(n *tensor.Node) []lanes {
	cond, body := n.Regions[0], n.Regions[1]
	init := b.settle(b.all(n.In), body.Params)
	goOn := func(c []tensor.Value) tensor.Value {
		return b.among(b.turn(cond, c, body.Params, cond.Results)[0]).v
	}
	out := tensor.WhileN(append([]tensor.Value{goOn(init)}, init...),
		func(c []tensor.Value) tensor.Value { return c[0].Any() },
		func(c []tensor.Value) []tensor.Value {
			return b.region(func() (next []tensor.Value) {
				b.under(&mask{c[0], b.active}, func() {
					next = b.frozen(b.turn(body, c[1:], body.Params, body.Params), c[1:], body.Params)
					next = append([]tensor.Value{goOn(next)}, next...)
				})
				return next
			})
		})
	for i, v := range out[1:] { // lanes that are not active have not moved
		b.changed(v, init[i])
	}
	return b.settled(out[1:], body.Params)
}

// turn computes a region of a loop from a carry; the program's Values of and to say what differs in the carry and in what
// is returned.
func (b *batcher) turn(r *tensor.Region, c, of, to []tensor.Value) []tensor.Value {
	return b.settle(b.apply(r, b.settled(c, of)), to)
}

// frozen returns the next carry in the active lanes and the carry in the others.
func (b *batcher) frozen(next, c, of []tensor.Value) []tensor.Value {
	out := slices.Clone(next)
	for i, v := range next {
		if b.differ[of[i]] && !b.derives(v, c[i], b.active) {
			out[i] = b.choose(b.active.v, lanes{v, last}, lanes{c[i], last}).v
		}
	}
	return out
}

func (b *batcher) scan(n *tensor.Node) []lanes {
	body, nc, results := n.Regions[0], n.Attr.Index, n.Results()
	in := b.settle(b.all(n.In), body.Params)
	var updates []int
	c, y := tensor.ScanN(in[:nc:nc], in[nc:], n.Attr.Length, n.Attr.Reverse, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		args := append(append([]tensor.Value(nil), c...), x...)
		next := b.region(func() []tensor.Value { return b.turn(body, args, body.Params, results) })
		updates = b.updated(next, c)
		return next[:nc:nc], next[nc:]
	})
	b.changedAll(updates, c, in)
	return b.settled(append(c, y...), results)
}
