package vmap

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func (b *batcher) control(n *tensor.Node) []lanes {
	switch n.Op {
	case tensor.OpWhile:
		if b.differ.on[n.Regions[0].Results[0]] {
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
		if b.differ.on[vs[i]] {
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
		if b.differ.on[vs[i]] {
			out[i].at = last
		}
	}
	return out
}

// leastGated is the number of instructions from which a branch is computed only where a lane takes it. To ask whether one does
// takes a reduction over the lanes.
const leastGated = 3

// branches computes both branches of a Cond for all lanes, each with its own lanes active: the shorter one, then the longer
// one on top of its updates and, where it is long enough, only if some lane takes it.
func (b *batcher) branches(n *tensor.Node, p tensor.Value) []lanes {
	long, short, ofLong, ofShort := n.Regions[0], n.Regions[1], b.among(p), b.among(p.Not())
	if work(long) < work(short) {
		long, short, ofLong, ofShort = short, long, ofShort, ofLong
	}
	var out, y []lanes
	b.under(ofShort, func() { y = b.apply(short, nil) })
	b.continuing(y, ofShort, func() {
		if work(long) >= leastGated {
			for i, v := range short.Results {
				if v != long.Results[i] { // lanes have the array apart from here on
					y[i] = lanes{b.as(y[i], common(y[i:i+1])), common(y[i : i+1])}
				}
			}
			out = b.gated(long, y, ofLong, ofShort)
			return
		}
		out = b.onto(long, y, ofLong, ofShort)
	})
	return out
}

// work counts the instructions of a region.
func work(r *tensor.Region) int {
	count := 0
	for _, n := range r.Nodes {
		if n.Op != tensor.OpGet && n.Op != tensor.OpConst {
			count++
		}
		for _, inner := range n.Regions {
			count += work(inner)
		}
	}
	return count
}

// onto computes a branch and returns its results in the lanes of a mask and y, those of the other branch, elsewhere.
func (b *batcher) onto(r *tensor.Region, y []lanes, of, ofY *mask) []lanes {
	var out []lanes
	b.under(of, func() { out = b.apply(r, nil) })
	for i, x := range out {
		out[i] = b.merge(x, y[i], of, ofY)
	}
	return out
}

// gated is onto where some lane is in the mask, else y. The selects are made where the branch is: what no lane changes is
// not copied.
func (b *batcher) gated(r *tensor.Region, y []lanes, of, ofY *mask) []lanes {
	var merged []lanes
	results := func(f func(i int) tensor.Value) func() []tensor.Value {
		return func() []tensor.Value {
			return b.region(func() []tensor.Value {
				if merged == nil {
					merged = b.onto(r, y, of, ofY)
				}
				out := make([]tensor.Value, len(merged))
				for i := range merged {
					out[i] = f(i)
				}
				return out
			})
		}
	}
	out := tensor.CondN(of.v.Any(),
		results(func(i int) tensor.Value { return merged[i].v }),
		results(func(i int) tensor.Value { return b.as(y[i], merged[i].at) }))
	for i, v := range out {
		if merged[i] == y[i] {
			continue
		}
		merged[i].v = v
		if merged[i].at == y[i].at {
			b.origin[v] = origin{y[i].v, of}
		}
	}
	return merged
}

// cond keeps a Cond whose lanes all take the same branch. What one branch leaves as it was, the other one changes in the
// active lanes only.
func (b *batcher) cond(n *tensor.Node) []lanes {
	results := n.Results()
	var inner [2][]tensor.Value
	branch := func(i int) func() []tensor.Value {
		return func() []tensor.Value {
			inner[i] = b.region(func() []tensor.Value {
				out := b.settle(b.apply(n.Regions[i], nil), results)
				for k, old := range n.Regions[1-i].Results {
					if b.active != nil && b.differ.on[results[k]] && isOutside(old, n.Regions[1-i]) {
						out[k] = b.frozenAt(out[k], b.as(b.get(old), last))
					}
				}
				return out
			})
			return inner[i]
		}
	}
	out := tensor.CondN(b.get(n.In[0]).v, branch(0), branch(1))
	if b.active != nil {
		for i, v := range out {
			if from, ok := b.ancestor(inner[0][i], inner[1][i], b.active); ok {
				b.changed(v, from)
			}
		}
	}
	return b.settled(out, results)
}

// isOutside reports whether a result of a region is a Value from around it.
func isOutside(v tensor.Value, r *tensor.Region) bool {
	return !slices.Contains(r.Nodes, v.Node())
}

// frozenAt returns v in the active lanes and old in the others.
func (b *batcher) frozenAt(v, old tensor.Value) tensor.Value {
	if v == old || b.derives(v, old, b.active) {
		return v
	}
	out := b.choose(b.active.v, lanes{v, last}, lanes{old, last}).v
	b.changed(out, old)
	return out
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
	for i, v := range out[1:] {
		if b.differ.on[body.Params[i]] { // lanes that are not active have not moved
			b.changed(v, init[i])
		}
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
		if b.differ.on[of[i]] {
			out[i] = b.frozenAt(v, c[i])
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
