package vmap

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Of returns the program that computes f for width ≥ 1 lanes. batched says of each parameter of f whether it has a value for
// each lane; its last axis is then that of the lanes. So is the last axis of every result, whether it differs between
// lanes or not: a result can take the place of any batched parameter of the same shape. Lane b of the results is what f
// returns for lane b of the batched parameters and the others, bit for bit.
func Of(f *tensor.Func, width int, batched []bool) (*tensor.Func, error) {
	switch {
	case width < 1:
		return nil, fmt.Errorf("vmap: %s over %d lanes, want at least 1", f.Name, width)
	case len(batched) != len(f.In):
		return nil, fmt.Errorf("vmap: %s has %d parameters, and %d are said to be batched or not", f.Name, len(f.In), len(batched))
	case len(f.In) == 0:
		return nil, fmt.Errorf("vmap: %s has no parameters", f.Name)
	}
	params := make([]tensor.Param, len(f.In))
	for i, p := range f.In {
		params[i] = laneParam(p, width, batched[i])
	}
	g, err := tensor.Trace(f.Name+".vmap", f.Float, params, func(args []tensor.Value) []tensor.Value {
		b := newBatcher(f, width, batched, args[0])
		out := b.apply(f.Body, lanesOf(args, batched))
		results := make([]tensor.Value, len(out))
		for i, l := range out {
			results[i] = b.as(l, last)
		}
		return results
	})
	if err != nil {
		return nil, fmt.Errorf("vmap: %w", err)
	}
	for i, p := range f.Out {
		g.Out[i].Name = p.Name
	}
	return g, nil
}

// laneParam returns p with an axis of lanes, if it is batched.
func laneParam(p tensor.Param, width int, batched bool) tensor.Param {
	if batched {
		p.Shape = append(slices.Clone(p.Shape), width)
	}
	return p
}

// lanesOf returns arguments of which some are batched.
func lanesOf(args []tensor.Value, batched []bool) []lanes {
	out := make([]lanes, len(args))
	for i, v := range args {
		out[i] = lanes{v: v}
		if batched[i] {
			out[i].at = last
		}
	}
	return out
}

// batcher is one pass over a program.
type batcher struct {
	width  int
	differ dependence
	anchor tensor.Value // of the trace, for instructions without operands
	env    map[tensor.Value]lanes
	scope  *scope
	masks
}

func newBatcher(f *tensor.Func, width int, batched []bool, anchor tensor.Value) *batcher {
	d := dependence{on: map[tensor.Value]bool{}, read: map[tensor.Value]bool{}}
	reads(f.Body, d.read)
	for i, p := range f.Body.Params {
		if batched[i] {
			d.on[p] = true
		}
	}
	d.region(f.Body)
	return &batcher{width: width, differ: d, anchor: anchor, env: map[tensor.Value]lanes{}, scope: newScope(nil), masks: newMasks()}
}

// apply computes a region in the current one.
func (b *batcher) apply(r *tensor.Region, args []lanes) []lanes {
	for i, p := range r.Params {
		b.env[p] = args[i]
	}
	for _, n := range r.Nodes {
		switch {
		case n.Op == tensor.OpGet: // bound with its instruction
		case n.Op.HasRegions():
			for i, l := range b.control(n) {
				b.env[n.Results()[i]] = l
			}
		default:
			b.env[n.Results()[0]] = b.instruction(n)
		}
	}
	return b.all(r.Results)
}

// region calls f while it makes a region of the new program, of which nothing can be used outside but what f returns.
func (b *batcher) region(f func() []tensor.Value) []tensor.Value {
	b.scope = newScope(b.scope)
	defer func() { b.scope = b.scope.outer }()
	return f()
}

// get returns what stands for a Value of the program.
func (b *batcher) get(v tensor.Value) lanes {
	l := b.env[v]
	l.v = b.current(l.v)
	return l
}

func (b *batcher) all(vs []tensor.Value) []lanes {
	out := make([]lanes, len(vs))
	for i, v := range vs {
		out[i] = b.get(v)
	}
	return out
}

func (b *batcher) instruction(n *tensor.Node) lanes {
	in := b.all(n.In)
	if len(in) == 0 {
		return lanes{v: tensor.In(b.anchor, tensor.Emit(n.Op, n.Attr))}
	}
	if !slices.ContainsFunc(in, lanes.batched) {
		vs := make([]tensor.Value, len(in))
		for i, l := range in {
			vs[i] = l.v
		}
		return lanes{v: tensor.Emit(n.Op, n.Attr, vs...)}
	}
	return rules[n.Op](&site{b, n, in})
}
