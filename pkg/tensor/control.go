package tensor

// While repeats body while cond holds. The carry is a struct (or Value, or array of them) whose exported Values are
// carried; body must return the dtypes and shapes of init. At least one Value of init must belong to the trace.
func While[C any](init C, cond func(C) Value, body func(C) C) C {
	s := layoutOf(OpWhile, init)
	out := WhileN(s.values(init),
		func(v []Value) Value { return cond(build(s, init, v)) },
		func(v []Value) []Value {
			c := body(build(s, init, v))
			return s.sameAs(OpWhile, c, "body")
		})
	return build(s, init, out)
}

// Cond returns then() where pred, a Bool scalar, is true, else els(). Both return the same structure.
func Cond[R any](pred Value, then, els func() R) R {
	var s *layout
	var proto R
	out := CondN(pred,
		func() []Value {
			proto = then()
			s = layoutOf(OpCond, proto)
			return s.values(proto)
		},
		func() []Value { return s.sameAs(OpCond, els(), "else branch") })
	return build(s, proto, out)
}

// Scan runs f over the leading axis of the Values of xs, carrying c, and stacks the Values of the results y along a new
// leading axis. xs must hold at least one Value.
func Scan[C, X, Y any](init C, xs X, f func(C, X) (C, Y)) (C, Y) {
	sx := layoutOf(OpScan, xs)
	vx := sx.values(xs)
	if len(vx) == 0 || vx[0].Rank() == 0 {
		fail(OpScan, "over nothing: xs needs a Value with a leading axis (or use ScanN with a length)")
	}
	sc := layoutOf(OpScan, init)
	var sy *layout
	var proto Y
	carry, ys := ScanN(sc.values(init), vx, vx[0].Dim(0), false, func(c, x []Value) ([]Value, []Value) {
		nc, y := f(build(sc, init, c), build(sx, xs, x))
		proto = y
		sy = layoutOf(OpScan, y)
		return sc.sameAs(OpScan, nc, "body"), sy.values(y)
	})
	return build(sc, init, carry), build(sy, proto, ys)
}

// WhileN is While over a slice of Values.
func WhileN(init []Value, cond func([]Value) Value, body func([]Value) []Value) []Value {
	b := ownerOf(init)
	if b == nil {
		fail(OpWhile, "no value of the initial carry is traced; use one that depends on an input (ZerosLike of an input, for example)")
	}
	init = b.adoptEach(OpWhile, init)
	specs := specsOf(init)
	rc := b.trace(specs, false, func(p []Value) []Value { return []Value{cond(p)} })
	rb := b.trace(specs, false, body)
	if p := rc.Results[0]; p.n.DType != Bool || p.Rank() != 0 {
		fail(OpWhile, "the condition is %s, want bool[]", p)
	}
	b.matchResults(OpWhile, rb, specs, "body")
	return b.multi(OpWhile, Attr{}, init, specs, rc, rb)
}

// CondN is Cond over slices of Values.
func CondN(pred Value, then, els func() []Value) []Value {
	n := pred.node("cond")
	if n.DType != Bool || len(n.Shape) != 0 {
		fail(OpCond, "the predicate is %s, want bool[]", pred)
	}
	b := n.owner
	if b == nil {
		fail(OpCond, "the predicate is a constant; use a Go if")
	}
	b.checkVisible(OpCond, pred)
	rt := b.trace(nil, false, func([]Value) []Value { return then() })
	re := b.trace(nil, false, func([]Value) []Value { return els() })
	if len(rt.Results) != len(re.Results) {
		fail(OpCond, "the branches return %d and %d values", len(rt.Results), len(re.Results))
	}
	// A literal in one branch takes the dtype of the other.
	for i, v := range rt.Results {
		if w := re.Results[i]; v.n.owner == nil && w.n.owner != nil {
			rt.Results[i] = b.adoptIn(rt, v, w.n.DType)
		}
	}
	rt.Results = b.adoptResults(rt, rt.Results)
	specs := specsOf(rt.Results)
	b.matchResults(OpCond, re, specs, "else branch")
	return b.multi(OpCond, Attr{}, []Value{pred}, specs, rt, re)
}

// ScanN is Scan over slices of Values: length steps over the leading axis of each of xs (from the last if reverse, with
// y stacked at the same positions as its x).
func ScanN(init, xs []Value, length int, reverse bool, body func(c, x []Value) (carry, y []Value)) (carry, ys []Value) {
	b := ownerOf(append(append([]Value(nil), init...), xs...))
	if b == nil {
		fail(OpScan, "neither the carry nor xs is traced; use a value that depends on an input")
	}
	init, xs = b.adoptEach(OpScan, init), b.adoptEach(OpScan, xs)
	specs := specsOf(init)
	params := append([]spec(nil), specs...)
	for _, x := range xs {
		if x.Rank() == 0 || x.Dim(0) != length {
			fail(OpScan, "%s has no leading axis of length %d", x, length)
		}
		params = append(params, spec{x.n.DType, x.n.Shape[1:]})
	}
	nc := len(init)
	r := b.trace(params, false, func(p []Value) []Value {
		c, y := body(p[:nc:nc], p[nc:])
		if len(c) != nc {
			fail(OpScan, "the body returns %d carried values, want %d", len(c), nc)
		}
		return append(append([]Value(nil), c...), y...)
	})
	ny := r.Results[nc:]
	head := &Region{Nodes: r.Nodes, Params: r.Params, Results: r.Results[:nc], parent: r.parent}
	b.matchResultsIn(OpScan, r, head, specs, "body")
	copy(r.Results, head.Results)
	r.Results = b.adoptResults(r, append(head.Results[:nc:nc], ny...))
	for _, y := range r.Results[nc:] {
		specs = append(specs, spec{y.n.DType, append([]int{length}, y.n.Shape...)})
	}
	out := b.multi(OpScan, Attr{Index: nc, Length: length, Reverse: reverse}, append(append([]Value(nil), init...), xs...), specs, r)
	return out[:nc:nc], out[nc:]
}

// Custom holds a function's own derivatives as programs. VJP maps (arguments, results, cotangents of the float results)
// to cotangents of the float arguments; JVP maps (arguments, results, tangents of the float arguments) to tangents of
// the float results. Either may be nil.
type Custom struct{ VJP, JVP *Func }

// CustomVJP traces primal on args as a function with its own reverse-mode derivative: vjp returns the cotangents of the
// float args, in order, from the args, the results and the cotangents of the float results. Neither function may
// capture Values.
func CustomVJP(name string, args []Value, primal func(args []Value) []Value, vjp func(args, out, ct []Value) []Value) []Value {
	return custom(name, args, primal, func(b *builder, args, out []spec) *Custom {
		f := b.derivative(name+"_vjp", args, out, floatSpecs(out), floatSpecs(args), vjp)
		return &Custom{VJP: f}
	})
}

// CustomJVP is CustomVJP for the forward-mode derivative, which must be linear in the tangents; reverse mode transposes it.
func CustomJVP(name string, args []Value, primal func(args []Value) []Value, jvp func(args, out, tangents []Value) []Value) []Value {
	return custom(name, args, primal, func(b *builder, args, out []spec) *Custom {
		f := b.derivative(name+"_jvp", args, out, floatSpecs(args), floatSpecs(out), jvp)
		return &Custom{JVP: f}
	})
}

func custom(name string, args []Value, primal func([]Value) []Value, rules func(b *builder, args, out []spec) *Custom) []Value {
	b := ownerOf(args)
	if b == nil {
		fail(OpCall, "%s: no argument is traced", name)
	}
	args = b.adoptEach(OpCall, args)
	specs := specsOf(args)
	r := b.trace(specs, true, primal)
	r.Results = b.adoptResults(r, r.Results)
	out := specsOf(r.Results)
	return b.multi(OpCall, Attr{Name: name, Custom: rules(b, specs, out)}, args, out, r)
}

// CallN records a call of a region with a derivative of its own, for passes that copy programs.
func CallN(name string, c *Custom, args []Value, body func(args []Value) []Value) []Value {
	return custom(name, args, body, func(*builder, []spec, []spec) *Custom { return c })
}

func (b *builder) derivative(name string, args, out, in, want []spec, rule func(args, out, d []Value) []Value) *Func {
	var params []Param
	for _, group := range [][]spec{args, out, in} {
		for _, s := range group {
			params = append(params, Param{DType: s.dtype, Shape: s.shape})
		}
	}
	na, no := len(args), len(args)+len(out)
	f, err := Trace(name, b.float, params, func(v []Value) []Value {
		d := rule(v[:na:na], v[na:no:no], v[no:])
		if len(d) != len(want) {
			fail(OpCall, "%s returns %d values, want %d", name, len(d), len(want))
		}
		for i, x := range d {
			if s := x.Shape(); !sameShape(s, want[i].shape) {
				fail(OpCall, "%s: value %d is %s, want shape %v", name, i, x, want[i].shape)
			}
		}
		return d
	})
	if err != nil {
		panic(err)
	}
	return f
}

func floatSpecs(in []spec) []spec {
	var out []spec
	for _, s := range in {
		if s.dtype.IsFloat() {
			out = append(out, s)
		}
	}
	return out
}

func specsOf(v []Value) []spec {
	out := make([]spec, len(v))
	for i, x := range v {
		out[i] = spec{x.n.DType, x.n.Shape}
	}
	return out
}

// trace runs body in a new region with the given parameters. A sealed region may not capture Values.
func (b *builder) trace(params []spec, sealed bool, body func([]Value) []Value) *Region {
	outer := b.cur
	r := &Region{parent: outer}
	if sealed {
		r.parent = nil
	}
	for i, s := range params {
		n := &Node{Op: OpParam, Attr: Attr{Index: i}, DType: s.dtype, Shape: s.shape, owner: b, region: r, ID: b.nextID}
		b.nextID++
		r.Params = append(r.Params, Value{n})
	}
	b.cur = r
	defer func() { b.cur = outer }()
	r.Results = append([]Value(nil), body(append([]Value(nil), r.Params...))...)
	for _, v := range r.Results {
		v.node("result")
		if v.n.owner != nil {
			b.checkVisible(OpInvalid, v)
		}
	}
	return r
}

// matchResults gives literal results the dtypes of specs and checks all of them.
func (b *builder) matchResults(op Op, r *Region, specs []spec, what string) {
	b.matchResultsIn(op, r, r, specs, what)
}

func (b *builder) matchResultsIn(op Op, into, r *Region, specs []spec, what string) {
	if len(r.Results) != len(specs) {
		fail(op, "the %s returns %d values, want %d", what, len(r.Results), len(specs))
	}
	for i, v := range r.Results {
		if v.n.owner == nil {
			v = b.adoptIn(into, v, specs[i].dtype)
			r.Results[i] = v
		}
		if v.n.DType != specs[i].dtype || !sameShape(v.n.Shape, specs[i].shape) {
			fail(op, "value %d of the %s is %s, want %s", i, what, v, FormatShape(specs[i].dtype, specs[i].shape))
		}
	}
}

func (b *builder) adoptIn(r *Region, v Value, want DType) Value {
	outer := b.cur
	b.cur = r
	defer func() { b.cur = outer }()
	if !v.n.DType.isWeak() {
		want = Invalid
	}
	return b.adopt(v, want)
}

func (b *builder) adoptResults(r *Region, vs []Value) []Value {
	out := make([]Value, len(vs))
	for i, v := range vs {
		if v.n.owner == nil {
			v = b.adoptIn(r, v, Invalid)
		}
		out[i] = v
	}
	return out
}

func (b *builder) adoptEach(op Op, in []Value) []Value {
	out := make([]Value, len(in))
	for i, v := range in {
		v.node(op.String())
		if v.n.owner == nil {
			v = b.adopt(v, Invalid)
		}
		b.checkVisible(op, v)
		out[i] = v
	}
	return out
}

// multi records an instruction with several results and returns them.
func (b *builder) multi(op Op, attr Attr, in []Value, results []spec, regions ...*Region) []Value {
	n := &Node{Op: op, In: in, Attr: attr, Regions: regions, results: results, owner: b}
	b.append(n)
	out := make([]Value, len(results))
	for i, s := range results {
		g := &Node{Op: OpGet, In: []Value{{n}}, Attr: Attr{Index: i}, DType: s.dtype, Shape: s.shape, owner: b}
		b.append(g)
		out[i] = Value{g}
	}
	n.gets = append([]Value(nil), out...)
	return out
}

// NumResults returns the number of results of a While, Cond, Scan or Call; OpGet instructions select them.
func (n *Node) NumResults() int { return len(n.results) }

// ResultSpec returns dtype and shape of result i of a While, Cond, Scan or Call.
func (n *Node) ResultSpec(i int) (DType, []int) { return n.results[i].dtype, n.results[i].shape }
