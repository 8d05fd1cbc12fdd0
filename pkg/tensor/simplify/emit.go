package simplify

import "github.com/drey-sampler/drey/pkg/tensor"

// emit traces the placed nodes as a Func like f.
func (g *graph) emit(f *tensor.Func) *tensor.Func {
	out, err := tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value {
		e := &emitter{}
		if len(args) > 0 {
			e.anchor = args[0]
		}
		return e.region(g.root, args)
	})
	if err != nil {
		panic("simplify: " + f.Name + ": " + err.Error())
	}
	return out
}

type emitter struct{ anchor tensor.Value }

// region emits the nodes of r with values for its parameters and returns its results.
func (e *emitter) region(r *region, args []tensor.Value) []tensor.Value {
	for i, p := range r.params {
		if i < len(args) {
			p.places = append(p.places, placed{r, args[i]})
		}
	}
	for _, n := range r.order {
		e.node(n, r)
	}
	out := make([]tensor.Value, len(r.results))
	for i, n := range r.results {
		if n.live {
			out[i] = n.valueIn(r)
		}
	}
	return out
}

// valueIn returns the copy of n that region r sees.
func (n *node) valueIn(r *region) tensor.Value {
	for at := r; at != nil; at = at.parent {
		for _, p := range n.places {
			if p.region == at && p.value.IsValid() {
				return p.value
			}
		}
	}
	return tensor.Value{}
}

func (n *node) setValue(r *region, v tensor.Value) {
	for i := range n.places {
		if n.places[i].region == r {
			n.places[i].value = v
			return
		}
	}
	n.places = append(n.places, placed{r, v})
}

func (e *emitter) operands(n *node, which []int, r *region) []tensor.Value {
	out := make([]tensor.Value, len(which))
	for k, i := range which {
		out[k] = n.in[i].valueIn(r)
	}
	return out
}

func (e *emitter) node(n *node, r *region) {
	switch n.op {
	case tensor.OpConst:
		n.setValue(r, e.own(tensor.Lift(n.attr.Array)))
		return
	case tensor.OpIota:
		n.setValue(r, e.own(tensor.Emit(n.op, *n.attr)))
		return
	case tensor.OpWhile, tensor.OpCond, tensor.OpScan:
		e.control(n, r)
		return
	}
	in := make([]tensor.Value, len(n.in))
	for i, x := range n.in {
		in[i] = x.valueIn(r)
	}
	n.setValue(r, tensor.Emit(n.op, *n.attr, in...))
}

// own brings a value without operands into the trace; a program without parameters has none to bring it into.
func (e *emitter) own(v tensor.Value) tensor.Value {
	if !e.anchor.IsValid() {
		return v
	}
	return tensor.In(e.anchor, v)
}

// control emits an instruction with regions, without the operands and results that nothing needs.
func (e *emitter) control(n *node, r *region) {
	keep, ins := n.liveResults(), n.liveInputs()
	in := e.operands(n, ins, r)
	var out []tensor.Value
	switch n.op {
	case tensor.OpWhile:
		out = tensor.WhileN(in,
			func(c []tensor.Value) tensor.Value { return e.body(n.regions[0], ins, c, []int{0})[0] },
			func(c []tensor.Value) []tensor.Value { return e.body(n.regions[1], ins, c, keep) })
	case tensor.OpCond:
		out = tensor.CondN(in[0],
			func() []tensor.Value { return e.body(n.regions[0], nil, nil, keep) },
			func() []tensor.Value { return e.body(n.regions[1], nil, nil, keep) })
	case tensor.OpScan:
		nc := 0
		for nc < len(keep) && keep[nc] < n.attr.Index {
			nc++
		}
		c, ys := tensor.ScanN(in[:nc], in[nc:], n.attr.Length, n.attr.Reverse, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
			res := e.body(n.regions[0], ins, append(append([]tensor.Value(nil), c...), x...), keep)
			return res[:nc:nc], res[nc:]
		})
		out = append(c, ys...)
	}
	for k, i := range keep {
		n.results[i].setValue(r, out[k])
	}
}

// body emits a region whose parameters which have values and returns the results that are kept.
func (e *emitter) body(b *region, which []int, values []tensor.Value, keep []int) []tensor.Value {
	args := make([]tensor.Value, len(b.params))
	for k, i := range which {
		args[i] = values[k]
	}
	all := e.region(b, args)
	out := make([]tensor.Value, len(keep))
	for k, i := range keep {
		out[k] = all[i]
	}
	return out
}
