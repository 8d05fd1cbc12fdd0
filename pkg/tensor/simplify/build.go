package simplify

import "github.com/drey-sampler/drey/pkg/tensor"

// inline reads the instructions of r into the current region, with nodes for its parameters, and returns its results.
func (g *graph) inline(r *tensor.Region, params []*node) []*node {
	for i, p := range r.Params {
		g.set(p.Node(), params[i])
	}
	for _, n := range r.Nodes {
		g.read(n)
	}
	return g.getAll(r.Results)
}

func (g *graph) set(n *tensor.Node, x *node) {
	for n.ID >= len(g.env) {
		g.env = append(g.env, make([]*node, 1+n.ID/2)...)
	}
	g.env[n.ID] = x
}

func (g *graph) getAll(vs []tensor.Value) []*node {
	out := make([]*node, len(vs))
	for i, v := range vs {
		out[i] = g.env[v.Node().ID]
	}
	return out
}

// read makes the node of an instruction and binds its results.
func (g *graph) read(n *tensor.Node) {
	var out []*node
	switch n.Op {
	case tensor.OpGet: // bound with its instruction
		return
	case tensor.OpConst:
		out = []*node{g.constant(n.Attr.Array)}
	case tensor.OpWhile:
		out = g.while(n)
	case tensor.OpCond:
		out = g.cond(n)
	case tensor.OpScan:
		out = g.scan(n)
	case tensor.OpCall:
		out = g.inline(n.Regions[0], g.getAll(n.In))
	default:
		out = []*node{g.make(n.Op, &n.Attr, n.DType, n.Shape, g.getAll(n.In)...)}
	}
	for i, v := range n.Results() {
		g.set(v.Node(), out[i])
	}
}

// body reads a region of control flow. Parameters that fixed gives a node for are replaced by it.
func (g *graph) body(r *tensor.Region, loop bool, fixed []*node) *region {
	b := &region{parent: g.cur, depth: g.cur.depth + 1, loop: loop}
	args := make([]*node, len(r.Params))
	for i, p := range r.Params {
		n := g.param(b, i, p.Node())
		b.params = append(b.params, n)
		args[i] = n
		if i < len(fixed) && fixed[i] != nil {
			args[i] = fixed[i]
		}
	}
	outer := g.cur
	g.cur = b
	b.results = g.inline(r, args)
	g.cur = outer
	return b
}

// control makes an instruction with regions, which stays in the current region.
func (g *graph) control(n *tensor.Node, in []*node, regions ...*region) *node {
	c := g.add(node{op: n.Op, attr: &n.Attr, in: in, home: g.cur, regions: regions})
	for _, r := range regions {
		r.owner = c
	}
	for i := range n.NumResults() {
		d, shape := n.ResultSpec(i)
		c.results = append(c.results, g.add(node{op: tensor.OpGet, attr: &tensor.Attr{Index: i}, dtype: d, shape: shape, in: []*node{c}, home: g.cur}))
	}
	return c
}

// loopBody reads the body of a loop whose first parameters are carries. A carry that the body returns as it got it, or
// as it was at the start, is not one: its initial value takes its place, until no more are found.
func (g *graph) loopBody(r *tensor.Region, init []*node) (b *region, fixed []*node) {
	fixed = make([]*node, len(init))
	for i := range init {
		if r.Results[i] == r.Params[i] {
			fixed[i] = init[i]
		}
	}
	for {
		b = g.body(r, true, fixed)
		again := false
		for i := range init {
			if fixed[i] == nil && (b.results[i] == b.params[i] || b.results[i] == init[i]) {
				fixed[i] = init[i]
				again = true
			}
		}
		if !again {
			return b, fixed
		}
	}
}

func (g *graph) while(n *tensor.Node) []*node {
	init := g.getAll(n.In)
	body, fixed := g.loopBody(n.Regions[1], init)
	cond := g.body(n.Regions[0], true, fixed)
	if b, ok := splat(cond.results[0]); ok && b == 0 {
		return init
	}
	return replaceFixed(g.control(n, init, cond, body).results, fixed)
}

// replaceFixed returns results with those of loop-invariant carries replaced by their initial values.
func replaceFixed(results, fixed []*node) []*node {
	out := append([]*node(nil), results...)
	for i, f := range fixed {
		if f != nil {
			out[i] = f
		}
	}
	return out
}

func (g *graph) scan(n *tensor.Node) []*node {
	in := g.getAll(n.In)
	nc, length := n.Attr.Index, n.Attr.Length
	body, fixed := g.loopBody(n.Regions[0], in[:nc])
	s := g.control(n, in, body)
	out := replaceFixed(s.results, fixed)
	for i, y := range body.results[nc:] {
		if y.home.depth >= body.depth {
			continue
		}
		axes := make([]int, len(y.shape)) // the same in every step
		for k := range axes {
			axes[k] = k + 1
		}
		out[nc+i] = g.broadcast(y, append([]int{length}, y.shape...), axes)
	}
	return out
}

func (g *graph) cond(n *tensor.Node) []*node {
	pred := g.env[n.In[0].Node().ID]
	if b, ok := splat(pred); ok {
		return g.inline(n.Regions[1-b], nil)
	}
	then, els := g.body(n.Regions[0], false, nil), g.body(n.Regions[1], false, nil)
	out := append([]*node(nil), g.control(n, []*node{pred}, then, els).results...)
	for i, t := range then.results {
		if t == els.results[i] && t.home.depth < then.depth {
			out[i] = t
		}
	}
	return out
}
