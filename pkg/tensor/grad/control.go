package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// scanTape is what the forward copy of a Scan saves for the way back, stacked over the steps: the carries before each
// step, all that is needed to repeat it, and the results of instructions that cost more than a load.
type scanTape struct {
	before []tensor.Value
	costly []*tensor.Node
	values []tensor.Value
}

// scanForward copies an active Scan and tapes it. What the derivative turns out not to need is pruned later.
func (r *reverse) scanForward(n *tensor.Node, in []tensor.Value) []tensor.Value {
	nc, body := n.Attr.Index, n.Regions[0]
	tape := &scanTape{}
	for _, m := range body.Nodes {
		if isCostly(m.Op) {
			tape.costly = append(tape.costly, m)
		}
	}
	c, y := tensor.ScanN(in[:nc], in[nc:], n.Attr.Length, n.Attr.Reverse, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		out := tensor.CopyRegion(body, r.env, slices.Concat(c, x), nil)
		y := slices.Concat(out[nc:], c)
		for _, m := range tape.costly {
			y = append(y, r.env[m.Results()[0]])
		}
		return out[:nc:nc], y
	})
	ny := len(body.Results) - nc
	tape.before, tape.values = y[ny:ny+nc], y[ny+nc:]
	r.tapes[n] = tape
	return append(c, y[:ny:ny]...)
}

// isCostly reports whether repeating an instruction costs more than saving its result.
func isCostly(op tensor.Op) bool {
	switch op {
	case tensor.OpPow, tensor.OpAtan2, tensor.OpLogAddExp, tensor.OpSort, tensor.OpArgsort, tensor.OpDot, tensor.OpCholesky, tensor.OpCholeskyVJP, tensor.OpTriangularSolve:
		return true
	}
	return op >= tensor.OpExp && op <= tensor.OpSoftplus
}

// scanReverse is one Scan on the way back.
type scanReverse struct {
	*frame
	n        *tensor.Node
	body     *tensor.Region
	nc       int
	constant map[int]lin    // carries whose cotangent is the same at every step
	carries  []int          // other carries with a cotangent
	stacked  []tensor.Value // body results whose stack has a cotangent
	captured []tensor.Value // Values from around that get cotangents
	cut      []int          // operands cut into steps that get cotangents
}

// scan is the reverse of a Scan: a Scan in the other direction that repeats each step from its tape and carries the
// cotangents of the carry and of the captured Values.
func (f *frame) scan(n *tensor.Node) {
	s := &scanReverse{frame: f, n: n, body: n.Regions[0], nc: n.Attr.Index, constant: map[int]lin{}}
	results, xs := n.Results(), f.mapped(n.In[s.nc:])
	live := f.liveCarries(n)
	wanted := f.scanWanted(n, live)
	reach := f.act.reaching(s.body, wanted)
	var init []tensor.Value
	for _, k := range live {
		if s.accumulates(k) {
			s.constant[k] = f.take(results[k])
			continue
		}
		s.carries = append(s.carries, k)
		init = append(init, f.take(results[k]).value())
	}
	for _, v := range f.act.captured(n) {
		if reach[v] {
			s.captured = append(s.captured, v)
			init = append(init, tensor.Zeros(v.DType(), v.Shape()...))
		}
	}
	tape := f.tapes[n]
	xs = slices.Concat(tape.before, xs, tape.values)
	for i, v := range results[s.nc:] {
		if f.has(v) {
			s.stacked = append(s.stacked, s.body.Results[s.nc+i])
			xs = append(xs, f.take(v).value())
		}
	}
	for i, v := range n.In[s.nc:] {
		if p := s.body.Params[s.nc+i]; f.act[v] && reach[p] {
			s.cut = append(s.cut, i)
		}
	}
	c, y := tensor.ScanN(init, xs, n.Attr.Length, !n.Attr.Reverse, s.step)
	for k := range s.nc {
		if l, ok := s.constant[k]; ok {
			f.add(n.In[k], l)
		}
	}
	for i, k := range s.carries {
		f.add(n.In[k], fullLin(c[i]))
	}
	for i, v := range s.captured {
		f.add(v, fullLin(c[len(s.carries)+i]))
	}
	for j, i := range s.cut {
		f.add(n.In[s.nc+i], fullLin(y[j]))
	}
}

// step repeats one step of the Scan and goes back through it. x holds the carry before the step, its slices, what was
// taped, and cotangents of the stacked results.
func (s *scanReverse) step(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
	tape, np := s.tapes[s.n], len(s.n.In)
	taped := map[*tensor.Node]tensor.Value{}
	for i, m := range tape.costly {
		taped[m] = x[np+i]
	}
	s.forwardTaped(s.body, x[:np:np], taped)
	cts := x[np+len(tape.costly):]
	g := s.frame.reverse.frame()
	for k := range s.nc {
		if l, ok := s.constant[k]; ok {
			g.add(s.body.Results[k], l)
		}
	}
	for i, k := range s.carries {
		g.add(s.body.Results[k], linOf(c[i]))
	}
	for i, v := range s.stacked {
		g.add(v, linOf(cts[i]))
	}
	g.region(s.body)
	var out, cuts []tensor.Value
	for _, k := range s.carries {
		out = append(out, g.take(s.body.Params[k]).value())
	}
	for i, v := range s.captured {
		out = append(out, g.takeOn(v, c[len(s.carries)+i]).value())
	}
	for _, i := range s.cut {
		cuts = append(cuts, g.take(s.body.Params[s.nc+i]).value())
	}
	return out, cuts
}

// accumulates reports whether a step only adds to carry k, which nothing else reads, as a running log density does. Its
// cotangent then is the same at every step and need not be carried.
func (s *scanReverse) accumulates(k int) bool {
	uses := map[tensor.Value]int{}
	countUses(s.body, uses)
	p := s.body.Params[k]
	var adds func(v tensor.Value) bool
	adds = func(v tensor.Value) bool {
		if uses[v] != 1 {
			return false
		}
		if v == p {
			return true
		}
		switch n := v.Node(); n.Op {
		case tensor.OpAdd:
			return adds(n.In[0]) || adds(n.In[1])
		case tensor.OpSub:
			return adds(n.In[0])
		}
		return false
	}
	return adds(s.body.Results[k])
}

// countUses counts how often instructions and results in r, nested regions included, use each Value.
func countUses(r *tensor.Region, uses map[tensor.Value]int) {
	for _, n := range r.Nodes {
		for _, v := range n.In {
			uses[v]++
		}
		for _, g := range n.Regions {
			countUses(g, uses)
		}
	}
	for _, v := range r.Results {
		uses[v]++
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
