package grad

import (
	"github.com/drey-sampler/drey/pkg/tensor"
)

// scanForward copies an active Scan that also returns the carries before each step: all that the way back needs to
// repeat a step.
func (r *reverse) scanForward(n *tensor.Node, in []tensor.Value) []tensor.Value {
	nc := n.Attr.Index
	body := n.Regions[0]
	c, y := tensor.ScanN(in[:nc], in[nc:], n.Attr.Length, n.Attr.Reverse, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		before := append([]tensor.Value(nil), c...)
		out := tensor.CopyRegion(body, r.env, append(append([]tensor.Value(nil), c...), x...), nil)
		return out[:nc:nc], append(out[nc:len(out):len(out)], before...)
	})
	ny := len(y) - nc
	r.saved[n] = y[ny:]
	return append(c, y[:ny:ny]...)
}

// scan is the reverse of a Scan: a Scan in the other direction that repeats each step from its saved carry and carries
// the cotangents of the carry and of the captured Values.
func (f *frame) scan(n *tensor.Node) {
	nc, body, results := n.Attr.Index, n.Regions[0], n.Results()
	carries := f.liveCarries(n)
	wanted := f.scanWanted(n, carries)
	reach := f.act.reaching(body, wanted)
	var captured []tensor.Value
	for _, v := range f.act.captured(n) {
		if reach[v] {
			captured = append(captured, v)
		}
	}
	var init, xs []tensor.Value
	for _, k := range carries {
		init = append(init, f.take(results[k]).value())
	}
	for _, v := range captured {
		init = append(init, tensor.Zeros(v.DType(), v.Shape()...))
	}
	for _, v := range n.In[nc:] {
		xs = append(xs, f.env[v])
	}
	xs = append(append([]tensor.Value(nil), f.saved[n]...), xs...)
	np := len(xs)
	var stacked []tensor.Value // body results whose stack has a cotangent
	for i, v := range results[nc:] {
		if f.has(v) {
			stacked = append(stacked, body.Results[nc+i])
			xs = append(xs, f.take(v).value())
		}
	}
	var cutX []int // operands that get a cotangent a step
	for i := range n.In[nc:] {
		if p := body.Params[nc+i]; f.act[p] && f.act[n.In[nc+i]] && reach[p] {
			cutX = append(cutX, i)
		}
	}
	c, y := tensor.ScanN(init, xs, n.Attr.Length, !n.Attr.Reverse, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		f.forward(body, x[:np:np])
		g := f.frame()
		for i, k := range carries {
			g.add(body.Results[k], linOf(c[i]))
		}
		for i, v := range stacked {
			g.add(v, linOf(x[np+i]))
		}
		g.region(body)
		var out, cuts []tensor.Value
		for _, k := range carries {
			out = append(out, g.take(body.Params[k]).value())
		}
		for i, v := range captured {
			out = append(out, g.takeOn(v, c[len(carries)+i]).value())
		}
		for _, i := range cutX {
			cuts = append(cuts, g.take(body.Params[nc+i]).value())
		}
		return out, cuts
	})
	for i, k := range carries {
		f.add(n.In[k], fullLin(c[i]))
	}
	for i, v := range captured {
		f.add(v, fullLin(c[len(carries)+i]))
	}
	for j, i := range cutX {
		f.add(n.In[nc+i], fullLin(y[j]))
	}
}

// scanWanted returns the body results of a Scan that receive cotangents.
func (f *frame) scanWanted(n *tensor.Node, carries []int) []tensor.Value {
	body, nc := n.Regions[0], n.Attr.Index
	var out []tensor.Value
	for _, k := range carries {
		out = append(out, body.Results[k])
	}
	for i, v := range n.Results()[nc:] {
		if f.has(v) {
			out = append(out, body.Results[nc+i])
		}
	}
	return out
}

// liveCarries returns the carries of a Scan whose cotangent is not zero at every step: those whose final value has one,
// and those that lead to them.
func (f *frame) liveCarries(n *tensor.Node) []int {
	nc, body := n.Attr.Index, n.Regions[0]
	live := make([]bool, nc)
	for k, v := range n.Results()[:nc] {
		live[k] = f.has(v)
	}
	for {
		var carries []int
		for k, is := range live {
			if is {
				carries = append(carries, k)
			}
		}
		reach := f.act.reaching(body, f.scanWanted(n, carries))
		news := false
		for k, p := range body.Params[:nc] {
			if f.act[p] && reach[p] && !live[k] {
				live[k], news = true, true
			}
		}
		if !news {
			return carries
		}
	}
}

// cond is the reverse of a Cond: a Cond on the same predicate whose branches repeat the branch taken and return the
// cotangents of the Values it captures.
func (f *frame) cond(n *tensor.Node) {
	results := n.Results()
	cts := make([]lin, len(results))
	for i, v := range results {
		cts[i] = lin{zero: true}
		if f.has(v) {
			cts[i] = f.take(v)
		}
	}
	captured := f.condCaptured(n, cts)
	if len(captured) == 0 {
		return
	}
	branch := func(b *tensor.Region) func() []tensor.Value {
		return func() []tensor.Value {
			f.forward(b, nil)
			g := f.frame()
			for i, v := range b.Results {
				g.add(v, cts[i])
			}
			g.region(b)
			out := make([]tensor.Value, len(captured))
			for i, v := range captured {
				out[i] = g.take(v).value()
			}
			return out
		}
	}
	got := tensor.CondN(f.env[n.In[0]], branch(n.Regions[0]), branch(n.Regions[1]))
	for i, v := range captured {
		f.add(v, fullLin(got[i]))
	}
}

// condCaptured returns the captured Values that a branch result with a cotangent depends on.
func (f *frame) condCaptured(n *tensor.Node, cts []lin) []tensor.Value {
	reach := map[tensor.Value]bool{}
	for _, b := range n.Regions {
		var wanted []tensor.Value
		for i, v := range b.Results {
			if !cts[i].zero {
				wanted = append(wanted, v)
			}
		}
		for v := range f.act.reaching(b, wanted) {
			reach[v] = true
		}
	}
	var out []tensor.Value
	for _, v := range f.act.captured(n) {
		if reach[v] {
			out = append(out, v)
		}
	}
	return out
}
