package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Of returns fn(x), a float scalar, and its gradient with respect to x, for use in traced code. Values that fn captures
// count as constants, even those computed from x before.
func Of(fn func(x tensor.Value) tensor.Value, x tensor.Value) (value, gradient tensor.Value) {
	if !x.DType().IsFloat() {
		tensor.Fail("grad", "with respect to %s", x)
	}
	start := tensor.Emit(tensor.OpStopGradient, tensor.Attr{}, x) // what depends on it depends on x through fn
	y := tensor.In(x, fn(start))
	if !y.DType().IsFloat() || y.Rank() > 0 {
		tensor.Fail("grad", "of a function that returns %s, want a float scalar", y)
	}
	r := newReverse()
	body := &tensor.Region{Params: []tensor.Value{start}, Nodes: r.record(y, start), Results: []tensor.Value{y}}
	r.act.mark(start)
	r.act.region(body)
	if slices.ContainsFunc(body.Nodes, r.needsCopy) {
		y = r.forward(body, body.Params)[0]
	}
	f := r.frame()
	f.add(body.Results[0], constantLin(y.DType(), nil, 1))
	f.region(body)
	return y, tensor.In(x, f.take(start).value())
}

// needsCopy reports whether the way back through n needs more than the Values that exist.
func (r *reverse) needsCopy(n *tensor.Node) bool {
	if n.Op != tensor.OpScan && (n.Op != tensor.OpCall || custom(n)) {
		return false
	}
	return r.act.any(n.Results())
}

// record returns the instructions that y depends on and that are not older than start, in order, and lets every Value
// they use stand for itself.
func (r *reverse) record(y, start tensor.Value) []*tensor.Node {
	var nodes []*tensor.Node
	seen := map[*tensor.Node]bool{start.Node(): true}
	var visit func(v tensor.Value)
	var inside func(g *tensor.Region)
	inside = func(g *tensor.Region) {
		for _, p := range g.Params {
			seen[p.Node()] = true
		}
		for _, n := range g.Nodes {
			seen[n] = true
			for _, v := range n.In {
				visit(v)
			}
			for _, s := range n.Regions {
				inside(s)
			}
		}
		for _, v := range g.Results {
			visit(v)
		}
	}
	visit = func(v tensor.Value) {
		r.env[v] = v
		n := v.Node()
		if n.Op == tensor.OpGet {
			n = n.In[0].Node()
		}
		if seen[n] {
			return
		}
		seen[n] = true
		if n.ID < start.Node().ID {
			return
		}
		for _, in := range n.In {
			visit(in)
		}
		for _, g := range n.Regions {
			inside(g)
		}
		for _, res := range n.Results() {
			r.env[res] = res
		}
		nodes = append(nodes, n)
	}
	visit(y)
	r.env[start] = start
	slices.SortFunc(nodes, func(a, b *tensor.Node) int { return a.ID - b.ID })
	return nodes
}
