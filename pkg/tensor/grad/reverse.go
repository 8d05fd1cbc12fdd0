package grad

import "github.com/drey-sampler/drey/pkg/tensor"

// reverse is one reverse-mode pass: the forward copy of a program, then its instructions in reverse order.
type reverse struct {
	env   tensor.Env
	act   activity
	tapes map[*tensor.Node]*scanTape
}

// forward copies a region into the current trace, recording what the way back needs.
func (r *reverse) forward(body *tensor.Region, args []tensor.Value) []tensor.Value {
	return r.forwardTaped(body, args, nil)
}

// forwardTaped is forward with the results of some instructions of body known.
func (r *reverse) forwardTaped(body *tensor.Region, args []tensor.Value, taped map[*tensor.Node]tensor.Value) []tensor.Value {
	return tensor.CopyRegion(body, r.env, args, func(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
		if v, ok := taped[n]; ok {
			return []tensor.Value{v}, true
		}
		if n.Op == tensor.OpScan && r.act.any(n.Results()) {
			return r.scanForward(n, in), true
		}
		if n.Op == tensor.OpCall && !custom(n) && r.act.any(n.Results()) {
			return r.forward(n.Regions[0], in), true
		}
		return nil, false
	})
}

// frame holds the cotangents of Values while the instructions of one region are visited in reverse.
type frame struct {
	*reverse
	ct map[tensor.Value]*accum
}

func newReverse() *reverse {
	return &reverse{env: tensor.Env{}, act: activity{}, tapes: map[*tensor.Node]*scanTape{}}
}

func (r *reverse) frame() *frame { return &frame{r, map[tensor.Value]*accum{}} }

// at returns the place that collects the cotangent of v.
func (f *frame) at(v tensor.Value) *accum {
	a := f.ct[v]
	if a == nil {
		a = &accum{dtype: v.DType(), shape: v.Shape()}
		f.ct[v] = a
	}
	return a
}

// add adds to the cotangent of v if v is active and l not a symbolic zero.
func (f *frame) add(v tensor.Value, l lin) {
	if f.act[v] && !l.zero {
		a := f.at(v)
		a.terms = append(a.terms, l)
	}
}

// has reports whether a cotangent of v has arrived.
func (f *frame) has(v tensor.Value) bool {
	a := f.ct[v]
	return a != nil && !a.isZero()
}

// take returns the cotangent of v and forgets it.
func (f *frame) take(v tensor.Value) lin { return f.takeOn(v, tensor.Value{}) }

// takeOn returns base plus the cotangent of v.
func (f *frame) takeOn(v, base tensor.Value) lin {
	l := f.at(v).total(base)
	delete(f.ct, v)
	return l
}

// region visits the instructions of body in reverse order.
func (f *frame) region(body *tensor.Region) {
	for i := len(body.Nodes) - 1; i >= 0; i-- {
		n := body.Nodes[i]
		if n.Op == tensor.OpGet {
			continue
		}
		for _, v := range n.Results() {
			if f.has(v) {
				f.node(n)
				break
			}
		}
	}
}

func (f *frame) node(n *tensor.Node) {
	switch n.Op {
	case tensor.OpWhile:
		tensor.Fail("grad", "reverse mode through a While of unknown length: use Scan, whose length is static, or forward mode")
	case tensor.OpScan:
		f.scan(n)
		return
	case tensor.OpCond:
		f.cond(n)
		return
	case tensor.OpCall:
		f.call(n)
		return
	}
	d, ok := rules[n.Op]
	if !ok {
		tensor.Fail("grad", "%s has no derivative", n.Op)
	}
	y := n.Results()[0]
	ct := f.take(y)
	if ct.zero {
		return
	}
	s := &site{Node: n, y: f.env[y], want: make([]bool, len(n.In))}
	for i, v := range n.In {
		s.x = append(s.x, f.env[v])
		s.want[i] = f.act[v]
	}
	s.push = func(i int, l lin) { f.add(n.In[i], l) }
	s.acc = func(i int) *accum { return f.at(n.In[i]) }
	d.vjp(s, ct)
}
