package grad

import "github.com/drey-sampler/drey/pkg/tensor"

// forward is one forward-mode pass: the copy of a program together with the tangents of its active Values.
type forward struct {
	env tensor.Env
	act activity
	tan map[tensor.Value]lin
}

// startForward prepares a forward pass over f with respect to the listed parameters.
func startForward(f *tensor.Func, wrt []int) *forward {
	p := &forward{env: tensor.Env{}, act: activity{}, tan: map[tensor.Value]lin{}}
	for _, i := range wrt {
		p.act.mark(f.Body.Params[i])
	}
	p.act.region(f.Body)
	return p
}

func (f *forward) tangent(v tensor.Value) lin {
	if t, ok := f.tan[v]; ok {
		return t
	}
	return zeroLike(v)
}

// set records tangents of those of vs that are active.
func (f *forward) set(vs []tensor.Value, ts []lin) {
	for i, v := range vs {
		if f.act[v] {
			f.tan[v] = ts[i]
		}
	}
}

// values writes out the tangents of the active Values among vs.
func (f *forward) values(vs []tensor.Value) []tensor.Value {
	var out []tensor.Value
	for _, v := range vs {
		if f.act[v] {
			out = append(out, f.tangent(v).value())
		}
	}
	return out
}

// region copies body and computes the tangents of its active Values beside it.
func (f *forward) region(body *tensor.Region, args []tensor.Value) []tensor.Value {
	return tensor.CopyRegion(body, f.env, args, func(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
		switch {
		case !f.act.any(n.Results()):
			return nil, false
		case n.Op.HasRegions():
			return f.control(n, in), true
		}
		y := tensor.Emit(n.Op, n.Attr, in...)
		f.step(n, in, y)
		return []tensor.Value{y}, true
	})
}

// primal copies body without tangents; linear computes them afterwards.
func (f *forward) primal(body *tensor.Region, args []tensor.Value) []tensor.Value {
	return tensor.CopyRegion(body, f.env, args, func(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
		if n.Op == tensor.OpCall && !custom(n) && f.act.any(n.Results()) {
			return f.primal(n.Regions[0], in), true
		}
		return nil, false
	})
}

// linear computes the tangents of the Values in reach for a body that primal has copied. It may run in a region inside
// that of the copy, many times. While, Cond and Scan are repeated with their tangents.
func (f *forward) linear(body *tensor.Region, reach map[tensor.Value]bool) {
	for _, n := range body.Nodes {
		if n.Op == tensor.OpGet {
			continue
		}
		results := n.Results()
		used := false
		for _, v := range results {
			used = used || f.act[v] && (reach == nil || reach[v])
		}
		switch {
		case !used:
		case n.Op == tensor.OpCall && custom(n):
			f.callTangents(n, f.mapped(n.In), f.mapped(results))
		case n.Op == tensor.OpCall:
			f.flow(n.In, n.Regions[0].Params)
			f.linear(n.Regions[0], nil)
			f.flow(n.Regions[0].Results, results)
		case n.Op.HasRegions():
			f.control(n, f.mapped(n.In))
		default:
			f.step(n, f.mapped(n.In), f.env[results[0]])
		}
	}
}

func (f *forward) mapped(vs []tensor.Value) []tensor.Value {
	out := make([]tensor.Value, len(vs))
	for i, v := range vs {
		out[i] = f.env[v]
	}
	return out
}

// flow hands tangents on from Values to Values.
func (f *forward) flow(from, to []tensor.Value) {
	for i, v := range from {
		if f.act[to[i]] {
			f.tan[to[i]] = f.tangent(v)
		}
	}
}

// step computes the tangent of an instruction with one result.
func (f *forward) step(n *tensor.Node, x []tensor.Value, y tensor.Value) {
	d, ok := rules[n.Op]
	if !ok {
		tensor.Fail("grad", "%s has no derivative", n.Op)
	}
	s := &site{Node: n, x: x, y: y, t: make([]lin, len(n.In))}
	zero := true
	for i, v := range n.In {
		s.t[i] = f.tangent(v)
		zero = zero && s.t[i].zero
	}
	if !zero {
		f.tan[n.Results()[0]] = d.jvp(s)
	}
}
