package stablehlo

import (
	"github.com/drey-sampler/drey/pkg/tensor"
)

func readWhile(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value {
	if len(o.regions) != 2 || len(in) == 0 {
		o.fail("%d regions and %d values", len(o.regions), len(in))
	}
	for i, v := range in {
		in[i] = r.in(v)
	}
	return tensor.WhileN(in,
		func(c []tensor.Value) tensor.Value {
			out := r.block(o.regions[0], c, s)
			if len(out) != 1 {
				o.fail("a condition of %d values", len(out))
			}
			return out[0]
		},
		func(c []tensor.Value) []tensor.Value { return r.block(o.regions[1], c, s) })
}

func readIf(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value {
	if len(o.regions) != 2 {
		o.fail("%d regions, want two", len(o.regions))
	}
	return tensor.CondN(r.in(in[0]),
		func() []tensor.Value { return r.block(o.regions[0], nil, s) },
		func() []tensor.Value { return r.block(o.regions[1], nil, s) })
}

// readCase is a chain of conditions; an index out of range takes the last branch.
func readCase(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value {
	if len(o.regions) == 0 || len(o.regions) > 4*maxNesting || in[0].DType() != tensor.I32 || in[0].Rank() != 0 {
		o.fail("%d branches for %s", len(o.regions), in[0])
	}
	if len(o.regions) == 1 {
		return r.block(o.regions[0], nil, s)
	}
	at := r.in(in[0])
	var branch func(k int) []tensor.Value
	branch = func(k int) []tensor.Value {
		this := func() []tensor.Value { return r.block(o.regions[k], nil, s) }
		if k == len(o.regions)-1 {
			return this()
		}
		return tensor.CondN(at.Eq(k), this, func() []tensor.Value { return branch(k + 1) })
	}
	return branch(0)
}

// compositeOps are the operations of ours by the names of their composites.
var compositeOps = func() map[string]tensor.Op {
	out := map[string]tensor.Op{}
	for op := range decompositions {
		out["drey."+op.String()] = op
	}
	return out
}()

// readComposite reads back what Print wrote; another's composite is its decomposition.
func readComposite(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value {
	name, _ := o.attrs["name"].(string)
	attrs, _ := o.attrs["composite_attributes"].(dict)
	c := &operation{name: name, line: o.line, attrs: attrs, out: o.out}
	op, ours := compositeOps[name]
	if ours || name == "drey.scan" || name == "drey.call" {
		if v := r.version(o.attrs["version"]); v > version {
			o.fail("%s of version %d, and this drey reads up to %d: use a newer one", name, v, version)
		}
	}
	switch {
	case name == "drey.scan":
		return r.scan(c, in)
	case name == "drey.call":
		return r.ownCall(c, o.attrs["decomposition"], in)
	case ours:
		return []tensor.Value{r.compositeOp(c, op, in)}
	}
	return r.call(r.callee(o, o.attrs["decomposition"]), in)
}

// compositeOp is the instruction that a composite stands for.
func (r *reader) compositeOp(c *operation, op tensor.Op, in []tensor.Value) tensor.Value {
	want := 1
	switch {
	case op == tensor.OpIota:
		want = 0
	case op.IsBinary() || op == tensor.OpCholeskyVJP:
		want = 2
	case op == tensor.OpScatter:
		want = 3
	}
	if len(in) != want || len(c.out) != 1 {
		c.fail("%d operands, want %d", len(in), want)
	}
	a := tensor.Attr{}
	switch op {
	case tensor.OpIota:
		axis := c.integer("axis")
		if axis < 0 || axis >= len(c.out[0].shape) {
			c.fail("axis %d of %s", axis, c.out[0])
		}
		return r.in(tensor.Iota(c.out[0].dtype, axis, c.out[0].shape...))
	case tensor.OpConvert:
		a.DType = c.out[0].dtype
	case tensor.OpArgMin, tensor.OpArgMax:
		a.Axis = c.integer("axis")
		a.Axis2 = a.Axis + 1
	case tensor.OpSort, tensor.OpArgsort, tensor.OpScatter:
		a.Axis = c.integer("axis")
	case tensor.OpCumsum:
		a.Axis, a.Reverse = c.integer("axis"), c.boolean("reverse", false)
	case tensor.OpCholesky:
		a.Lower = true
	}
	return tensor.Emit(op, a, in...)
}

// scan reads a Scan from the function of one step; the values it captures are the last operands.
func (r *reader) scan(c *operation, in []tensor.Value) []tensor.Value {
	carries, captures := c.integer("carries"), c.integer("captures")
	step := r.callee(c, c.attrs["body"])
	xs := len(in) - captures
	if carries < 0 || captures < 0 || xs < carries {
		c.fail("%d operands with %d carries and %d captures", len(in), carries, captures)
	}
	captured := in[xs:]
	for i, v := range in[:xs] {
		in[i] = r.in(v)
	}
	out, ys := tensor.ScanN(in[:carries:carries], in[carries:xs:xs], c.integer("length"), c.boolean("reverse", false), func(carry, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		args := append(append(append([]tensor.Value(nil), carry...), x...), captured...)
		res := r.call(step, args)
		if len(res) < carries {
			c.fail("a step returns %d values for %d carries", len(res), carries)
		}
		return res[:carries:carries], res[carries:]
	})
	return append(out, ys...)
}

// ownCall reads a function with a derivative of its own.
func (r *reader) ownCall(c *operation, decomposition any, in []tensor.Value) []tensor.Value {
	name, _ := c.attrs["name"].(string)
	body := r.callee(c, decomposition)
	custom := &tensor.Custom{VJP: r.derivative(c, "vjp"), JVP: r.derivative(c, "jvp")}
	for i, v := range in {
		in[i] = r.in(v)
	}
	return tensor.CallN(name, custom, in, func(args []tensor.Value) []tensor.Value { return r.call(body, args) })
}

// derivative reads the function that an attribute names, nil where there is none.
func (r *reader) derivative(c *operation, kind string) *tensor.Func {
	x, there := c.attrs[kind]
	if !there {
		return nil
	}
	f := r.callee(c, x)
	if got, ok := r.derivatives[f.name]; ok {
		if got == nil {
			c.fail("@%s is its own derivative", f.name)
		}
		return got
	}
	r.derivatives[f.name] = nil
	name, _ := f.attrs["drey.name"].(string)
	out := r.trace(f, name, r.float(f.attrs))
	r.derivatives[f.name] = out
	return out
}
