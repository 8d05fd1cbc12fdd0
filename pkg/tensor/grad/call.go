package grad

import "github.com/drey-sampler/drey/pkg/tensor"

// custom reports whether a Call has a derivative of its own.
func custom(n *tensor.Node) bool {
	c := n.Attr.Custom
	return c != nil && (c.VJP != nil || c.JVP != nil)
}

// call is the reverse of a Call: its own VJP, or its own JVP transposed, or its body differentiated in place.
func (f *frame) call(n *tensor.Node) {
	results := n.Results()
	if !custom(n) {
		body := n.Regions[0]
		for i, v := range results {
			if f.has(v) {
				f.add(body.Results[i], f.take(v))
			}
		}
		f.region(body)
		for i, p := range body.Params {
			if f.has(p) {
				f.add(n.In[i], f.take(p))
			}
		}
		return
	}
	args := f.mapped(n.In)
	args = append(args, f.mapped(results)...)
	var cts []tensor.Value
	for _, v := range results {
		if v.DType().IsFloat() {
			cts = append(cts, f.take(v).value())
		}
	}
	var got []tensor.Value
	if c := n.Attr.Custom; c.VJP != nil {
		got = c.VJP.ApplyWith(nil, append(args, cts...)...)
	} else {
		got = transpose(c.JVP, args, cts)
	}
	i := 0
	for _, v := range n.In {
		if v.DType().IsFloat() {
			f.add(v, linOf(got[i]))
			i++
		}
	}
}

func (f *frame) mapped(vs []tensor.Value) []tensor.Value {
	out := make([]tensor.Value, len(vs))
	for i, v := range vs {
		out[i] = f.env[v]
	}
	return out
}

// transpose applies the transpose of the map from the parameters of f behind fixed, in which f is linear, to its
// results: the reverse mode of a linear function does not depend on where it is taken, so zeros will do.
func transpose(f *tensor.Func, fixed, cts []tensor.Value) []tensor.Value {
	args := append([]tensor.Value(nil), fixed...)
	var wrt []int
	for i := len(fixed); i < len(f.In); i++ {
		wrt = append(wrt, i)
		args = append(args, tensor.Zeros(f.In[i].DType, f.In[i].Shape...))
	}
	_, back := pullback(f, args, wrt)
	return back(cts)
}
