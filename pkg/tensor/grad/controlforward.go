package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// control copies a While, Cond, Scan or Call together with the tangents of its results, which it records.
func (f *forward) control(n *tensor.Node, in []tensor.Value) []tensor.Value {
	switch n.Op {
	case tensor.OpWhile:
		return f.while(n, in)
	case tensor.OpScan:
		return f.scan(n, in)
	case tensor.OpCond:
		return f.cond(n, in)
	}
	if !custom(n) {
		f.flow(n.In, n.Regions[0].Params)
		out := f.region(n.Regions[0], in)
		f.flow(n.Regions[0].Results, n.Results())
		return out
	}
	out := tensor.CallN(n.Attr.Name, n.Attr.Custom, in, func(args []tensor.Value) []tensor.Value {
		return tensor.CopyRegion(n.Regions[0], f.env, args, nil)
	})
	f.callTangents(n, in, out)
	return out
}

// callTangents applies a Call's own JVP, or its own VJP transposed: the VJP is linear in the cotangents.
func (f *forward) callTangents(n *tensor.Node, in, out []tensor.Value) {
	args := slices.Concat(in, out)
	var ts []tensor.Value
	for _, v := range n.In {
		if v.DType().IsFloat() {
			ts = append(ts, f.tangent(v).value())
		}
	}
	var got []tensor.Value
	if c := n.Attr.Custom; c.JVP != nil {
		got = c.JVP.ApplyWith(nil, append(args, ts...)...)
	} else {
		got = transpose(c.VJP, args, ts)
	}
	i := 0
	for _, v := range n.Results() {
		if v.DType().IsFloat() {
			f.set([]tensor.Value{v}, []lin{linOf(got[i])})
			i++
		}
	}
}

// split records the tangents ts of the active ones of vs.
func (f *forward) split(vs, ts []tensor.Value) {
	i := 0
	for _, v := range vs {
		if f.act[v] {
			f.tan[v] = fullLin(ts[i])
			i++
		}
	}
}

// carried writes out the tangents of vs, which enter or leave a loop body, where the parameter they become is active.
func (f *forward) carried(params, vs []tensor.Value) []tensor.Value {
	var out []tensor.Value
	for i, p := range params {
		if f.act[p] {
			out = append(out, f.tangent(vs[i]).value())
		}
	}
	return out
}

// while carries the tangents of the active carries; the condition sees the primal Values alone.
func (f *forward) while(n *tensor.Node, in []tensor.Value) []tensor.Value {
	cond, body, nc := n.Regions[0], n.Regions[1], len(n.In)
	out := tensor.WhileN(slices.Concat(in, f.carried(body.Params, n.In)),
		func(c []tensor.Value) tensor.Value { return tensor.CopyRegion(cond, f.env, c[:nc:nc], nil)[0] },
		func(c []tensor.Value) []tensor.Value {
			f.split(body.Params, c[nc:])
			next := f.region(body, c[:nc:nc])
			return slices.Concat(next, f.carried(body.Params, body.Results))
		})
	f.split(n.Results(), out[nc:])
	return out[:nc:nc]
}

// scan carries the tangents of the active carries and stacks those of the active results.
func (f *forward) scan(n *tensor.Node, in []tensor.Value) []tensor.Value {
	body, nc := n.Regions[0], n.Attr.Index
	params := body.Params
	init := slices.Concat(in[:nc], f.carried(params[:nc], n.In[:nc]))
	xs := slices.Concat(in[nc:], f.carried(params[nc:], n.In[nc:]))
	nx := len(in) - nc
	c, y := tensor.ScanN(init, xs, n.Attr.Length, n.Attr.Reverse, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		f.split(params[:nc], c[nc:])
		f.split(params[nc:], x[nx:])
		out := f.region(body, slices.Concat(c[:nc], x[:nx]))
		return slices.Concat(out[:nc], f.carried(params[:nc], body.Results[:nc])), slices.Concat(out[nc:], f.values(body.Results[nc:]))
	})
	ny := len(body.Results) - nc
	f.split(n.Results()[:nc], c[nc:])
	f.split(n.Results()[nc:], y[ny:])
	return slices.Concat(c[:nc], y[:ny])
}

// cond returns the tangents of the active results from both branches.
func (f *forward) cond(n *tensor.Node, in []tensor.Value) []tensor.Value {
	results := n.Results()
	branch := func(b *tensor.Region) func() []tensor.Value {
		return func() []tensor.Value {
			out := slices.Clone(f.region(b, nil))
			for i, v := range results {
				if f.act[v] {
					out = append(out, f.tangent(b.Results[i]).value())
				}
			}
			return out
		}
	}
	out := tensor.CondN(in[0], branch(n.Regions[0]), branch(n.Regions[1]))
	f.split(results, out[len(results):])
	return out[:len(results):len(results)]
}
