package tensor

// Rule rewrites one instruction while a program is copied: it gets the instruction and its operands in the new program
// and returns the results that take its place, or false to have the instruction copied as it is. OpGet is never passed.
type Rule func(n *Node, in []Value) ([]Value, bool)

// Env maps Values of a program that is being copied to Values of the new one.
type Env map[Value]Value

// Apply inlines f into the current trace and returns its results. Literal arguments take the parameter's dtype.
func (f *Func) Apply(args ...any) []Value {
	vals := make([]Value, len(args))
	for i, a := range args {
		vals[i] = Lift(a)
	}
	return f.ApplyWith(nil, vals...)
}

// ApplyWith inlines f with a rewriting rule (nil copies).
func (f *Func) ApplyWith(rule Rule, args ...Value) []Value {
	if len(args) != len(f.In) {
		Fail(f.Name, "called with %d arguments, want %d", len(args), len(f.In))
	}
	b := ownerOf(args)
	if b == nil && len(args) > 0 {
		Fail(f.Name, "called without a traced argument")
	}
	for i, a := range args {
		p := f.In[i]
		if a.n.owner == nil {
			want := Invalid
			if a.n.DType.isWeak() {
				want = p.DType
			}
			a = b.adopt(a, want)
			args[i] = a
		}
		if a.n.DType != p.DType || !sameShape(a.n.Shape, p.Shape) {
			Fail(f.Name, "argument %d %q is %s, want %s", i, p.Name, a, FormatShape(p.DType, p.Shape))
		}
	}
	return CopyRegion(f.Body, Env{}, args, rule)
}

// CopyRegion copies the instructions of r into the current region, with params for r's parameters and env for Values
// from around r, and returns the results. env gains the copied Values.
func CopyRegion(r *Region, env Env, params []Value, rule Rule) []Value {
	for i, p := range r.Params {
		env[p] = params[i]
	}
	b := env.owner(params)
	for _, n := range r.Nodes {
		switch {
		case n.Op == OpGet:
		case len(n.In) == 0 && b != nil && !n.Op.HasRegions():
			// Without operands to say so, the copy would belong to no trace, and to each region that uses it anew.
			copyNode(n, env, rule)
			if v := env[Value{n}]; v.n != nil && v.n.owner == nil {
				env[Value{n}] = b.adopt(v, Invalid)
			}
		default:
			copyNode(n, env, rule)
		}
	}
	return env.all(r.Results)
}

// owner returns the trace that params or the Values of e belong to, nil if there is none.
func (e Env) owner(params []Value) *builder {
	if b := ownerOf(params); b != nil {
		return b
	}
	for _, v := range e {
		if v.n != nil && v.n.owner != nil {
			return v.n.owner
		}
	}
	return nil
}

func (e Env) all(vs []Value) []Value {
	out := make([]Value, len(vs))
	for i, v := range vs {
		w, ok := e[v]
		if !ok {
			Fail("copy", "a %s of the program (%s) has no copy", v.n.Op, v)
		}
		out[i] = w
	}
	return out
}

func copyNode(n *Node, env Env, rule Rule) {
	in := env.all(n.In)
	if rule != nil {
		if out, ok := rule(n, in); ok {
			env.bind(n, out)
			return
		}
	}
	env.bind(n, copyAs(n, in, env, rule))
}

// Bind records out as the results of n in e: one Value, or one per OpGet of an instruction with several results.
func (e Env) bind(n *Node, out []Value) {
	if !n.Op.HasRegions() {
		e[Value{n}] = out[0]
		return
	}
	for i, g := range n.gets {
		e[g] = out[i]
	}
}

// Results returns the Values of n: itself, or the OpGet Values of an instruction with several results.
func (n *Node) Results() []Value {
	if !n.Op.HasRegions() {
		return []Value{{n}}
	}
	return append([]Value(nil), n.gets...)
}

func copyAs(n *Node, in []Value, env Env, rule Rule) []Value {
	body := func(i int) func([]Value) []Value {
		return func(p []Value) []Value { return CopyRegion(n.Regions[i], env, p, rule) }
	}
	switch n.Op {
	case OpWhile:
		return WhileN(in, func(p []Value) Value { return body(0)(p)[0] }, body(1))
	case OpCond:
		return CondN(in[0], func() []Value { return body(0)(nil) }, func() []Value { return body(1)(nil) })
	case OpScan:
		nc := n.Attr.Index
		c, y := ScanN(in[:nc], in[nc:], n.Attr.Length, n.Attr.Reverse, func(c, x []Value) ([]Value, []Value) {
			out := body(0)(append(append([]Value(nil), c...), x...))
			return out[:nc:nc], out[nc:]
		})
		return append(c, y...)
	case OpCall:
		return CallN(n.Attr.Name, n.Attr.Custom, in, body(0))
	}
	return []Value{emit(n.Op, n.Attr, in...)}
}
