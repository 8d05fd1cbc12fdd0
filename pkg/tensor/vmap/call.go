package vmap

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// call keeps a call, with batched derivatives. Its body may use nothing from around it, so that where a loop inside has to
// know the active lanes, their mask is an argument more, the last one.
func (b *batcher) call(n *tensor.Node) []lanes {
	c := &called{n, b.width, b.differAll(n.In), b.differ.any(n.In), b.active != nil && hasLoop(n)}
	args := b.settle(b.all(n.In), n.Regions[0].Params)
	if c.masked {
		args = append(args, b.active.v)
	}
	results := n.Results()
	out := tensor.CallN(n.Attr.Name, c.custom(), args, func(p []tensor.Value) []tensor.Value {
		inner := &batcher{width: b.width, differ: b.differ, anchor: p[0], env: map[tensor.Value]lanes{}, scope: newScope(nil), masks: newMasks()}
		if c.masked {
			k := len(p) - 1
			inner.active, p = &mask{v: p[k]}, p[:k:k]
		}
		return inner.settle(inner.apply(n.Regions[0], inner.settled(p, n.Regions[0].Params)), results)
	})
	return b.settled(out, results)
}

func (b *batcher) differAll(vs []tensor.Value) []bool {
	out := make([]bool, len(vs))
	for i, v := range vs {
		out[i] = b.differ.on[v]
	}
	return out
}

// hasLoop reports whether a While is in a call or in its derivatives.
func hasLoop(n *tensor.Node) bool {
	if n.Op == tensor.OpWhile {
		return true
	}
	regions := n.Regions
	if c := n.Attr.Custom; c != nil {
		for _, f := range []*tensor.Func{c.VJP, c.JVP} {
			if f != nil {
				regions = append(slices.Clone(regions), f.Body)
			}
		}
	}
	return slices.ContainsFunc(regions, func(r *tensor.Region) bool { return slices.ContainsFunc(r.Nodes, hasLoop) })
}

// called is a call that becomes one over lanes.
type called struct {
	*tensor.Node
	width   int
	batched []bool // arguments
	results bool   // whether the results are batched
	masked  bool
}

// custom returns the derivatives over lanes. VJP sums the cotangents of arguments that the lanes share.
func (c *called) custom() *tensor.Custom {
	out := &tensor.Custom{}
	if f := c.Attr.Custom.VJP; f != nil {
		out.VJP = c.derivative(f, func(int) bool { return c.results }, c.argument)
	}
	if f := c.Attr.Custom.JVP; f != nil {
		out.JVP = c.derivative(f, c.argument, func(int) bool { return c.results })
	}
	return out
}

// argument reports whether float argument i is batched.
func (c *called) argument(i int) bool {
	var floats []bool
	for k, v := range c.In {
		if v.DType().IsFloat() {
			floats = append(floats, c.batched[k])
		}
	}
	return floats[i]
}

// derivative returns f, of (arguments, results, cotangents or tangents), over lanes. The functions say which of the last and
// which of its results are batched.
func (c *called) derivative(f *tensor.Func, given, wanted func(i int) bool) *tensor.Func {
	args, results := len(c.In), len(c.Node.Results())
	batched := make([]bool, len(f.In))
	var params []tensor.Param
	for i, p := range f.In {
		switch k := i - args - results; {
		case k >= 0:
			batched[i] = given(k)
		case i >= args:
			batched[i] = c.results
		default:
			batched[i] = c.batched[i]
		}
		if i == args && c.masked {
			params = append(params, tensor.Param{Name: "active", DType: tensor.Bool, Shape: []int{c.width}})
		}
		params = append(params, laneParam(p, c.width, batched[i]))
	}
	g, err := tensor.Trace(f.Name, f.Float, params, func(p []tensor.Value) []tensor.Value {
		b := newBatcher(f, c.width, batched, p[0])
		if c.masked {
			b.active = &mask{v: p[args]}
			p = slices.Delete(slices.Clone(p), args, args+1)
		}
		var out []tensor.Value
		for i, l := range b.apply(f.Body, lanesOf(p, batched)) {
			switch {
			case wanted(i):
				l.v = b.as(l, last)
			case l.batched():
				l.v = b.as(l, last).Sum(-1)
			}
			out = append(out, l.v)
		}
		return out
	})
	if err != nil {
		panic(err) // recovered by the trace around this one
	}
	return g
}
