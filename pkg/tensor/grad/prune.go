package grad

import (
	"github.com/drey-sampler/drey/pkg/tensor"
)

// pruned returns f without what no result needs: instructions, carries and stacked results of loops, results of
// branches. A reverse pass repeats loop bodies and saves every carry; which of that the derivative uses is known only
// when it has been written down.
func pruned(f *tensor.Func, err error) (*tensor.Func, error) {
	if err != nil {
		return nil, err
	}
	live := liveness{}
	live.all(f.Body.Results)
	live.region(f.Body)
	return tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value {
		p := &pruner{live, tensor.Env{}}
		return tensor.CopyRegion(f.Body, p.env, args, p.rule)
	})
}

// liveness marks the Values that results depend on.
type liveness map[tensor.Value]bool

func (l liveness) all(vs []tensor.Value) {
	for _, v := range vs {
		l[v] = true
	}
}

func (l liveness) any(vs []tensor.Value) bool {
	for _, v := range vs {
		if l[v] {
			return true
		}
	}
	return false
}

// flow marks to[i] where from[i] is live and returns whether a mark is new.
func (l liveness) flow(from, to []tensor.Value) bool {
	news := false
	for i, v := range from {
		if l[v] && !l[to[i]] {
			l[to[i]], news = true, true
		}
	}
	return news
}

// region marks what the live Values of r need, last instruction first.
func (l liveness) region(r *tensor.Region) {
	for i := len(r.Nodes) - 1; i >= 0; i-- {
		if n := r.Nodes[i]; n.Op != tensor.OpGet && l.any(n.Results()) {
			l.node(n)
		}
	}
}

func (l liveness) node(n *tensor.Node) {
	switch n.Op {
	case tensor.OpWhile:
		l.all(n.Regions[0].Results)
		l.loop(n.Regions[1], n.Results(), len(n.In), func() {
			l.region(n.Regions[0])
			l.flow(n.Regions[0].Params, n.Regions[1].Params)
		})
		l.flow(n.Regions[1].Params, n.In)
	case tensor.OpScan:
		body := n.Regions[0]
		l.loop(body, n.Results(), n.Attr.Index, func() {})
		if !l.any(body.Params) { // a Scan needs an operand
			l[body.Params[0]] = true
			l.loop(body, n.Results(), n.Attr.Index, func() {})
		}
		l.flow(body.Params, n.In)
	case tensor.OpCond:
		l[n.In[0]] = true
		for _, r := range n.Regions {
			l.flow(n.Results(), r.Results)
			l.region(r)
		}
	case tensor.OpCall:
		l.all(n.In)
		l.all(n.Regions[0].Results)
		l.region(n.Regions[0])
	default:
		l.all(n.In)
	}
}

// loop marks a body with nc carries until the marks are stable. extra marks what else reads the carries.
func (l liveness) loop(body *tensor.Region, results []tensor.Value, nc int, extra func()) {
	l.flow(results, body.Results)
	l.flow(results[:nc], body.Params[:nc])
	for again := true; again; {
		extra()
		l.flow(body.Params[:nc], body.Results[:nc])
		l.region(body)
		again = l.flow(body.Params[:nc], body.Results[:nc])
	}
}

// pruner copies a program without its dead parts, which map to absent Values.
type pruner struct {
	live liveness
	env  tensor.Env
}

func (p *pruner) rule(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	results := n.Results()
	if !p.live.any(results) {
		return make([]tensor.Value, max(1, len(results))), true
	}
	switch n.Op {
	case tensor.OpWhile:
		return p.while(n, in), true
	case tensor.OpScan:
		return p.scan(n, in), true
	case tensor.OpCond:
		return p.cond(n, in), true
	}
	return nil, false
}

// keep returns those of vals whose like in decide is live.
func (p *pruner) keep(decide, vals []tensor.Value) []tensor.Value {
	var out []tensor.Value
	for i, v := range decide {
		if p.live[v] {
			out = append(out, vals[i])
		}
	}
	return out
}

// spread is the inverse of keep: absent Values stand where decide is dead.
func (p *pruner) spread(decide, kept []tensor.Value) []tensor.Value {
	out := make([]tensor.Value, len(decide))
	k := 0
	for i, v := range decide {
		if p.live[v] {
			out[i] = kept[k]
			k++
		}
	}
	return out
}

func (p *pruner) while(n *tensor.Node, in []tensor.Value) []tensor.Value {
	cond, body := n.Regions[0], n.Regions[1]
	out := tensor.WhileN(p.keep(body.Params, in),
		func(c []tensor.Value) tensor.Value {
			return tensor.CopyRegion(cond, p.env, p.spread(body.Params, c), p.rule)[0]
		},
		func(c []tensor.Value) []tensor.Value {
			return p.keep(body.Params, tensor.CopyRegion(body, p.env, p.spread(body.Params, c), p.rule))
		})
	return p.spread(body.Params, out)
}

func (p *pruner) scan(n *tensor.Node, in []tensor.Value) []tensor.Value {
	body, nc := n.Regions[0], n.Attr.Index
	carried, fed, stacked := body.Params[:nc], body.Params[nc:], n.Results()[nc:]
	c, y := tensor.ScanN(p.keep(carried, in[:nc]), p.keep(fed, in[nc:]), n.Attr.Length, n.Attr.Reverse,
		func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
			out := tensor.CopyRegion(body, p.env, append(p.spread(carried, c), p.spread(fed, x)...), p.rule)
			return p.keep(carried, out[:nc]), p.keep(stacked, out[nc:])
		})
	return append(p.spread(carried, c), p.spread(stacked, y)...)
}

func (p *pruner) cond(n *tensor.Node, in []tensor.Value) []tensor.Value {
	branch := func(r *tensor.Region) func() []tensor.Value {
		return func() []tensor.Value { return p.keep(n.Results(), tensor.CopyRegion(r, p.env, nil, p.rule)) }
	}
	return p.spread(n.Results(), tensor.CondN(in[0], branch(n.Regions[0]), branch(n.Regions[1])))
}
