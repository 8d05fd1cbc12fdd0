package stablehlo

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Parse reads StableHLO text: what Print writes, as the Func that was printed, and what JAX prints (jax.export,
// jax.jit(f).lower(…).as_text()), as a Func that computes the same. The function main, or the only one, becomes the Func;
// the functions it calls are inlined. An error names the line and what stands there: an operation or a type that drey
// lacks, a mistake, or a text beyond the limits of size and nesting.
func Parse(text string) (f *tensor.Func, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, ok := r.(*problem)
			if !ok {
				panic(r)
			}
			f, err = nil, p
		}
	}()
	p := &parser{tokens: lex(text)}
	m := p.module()
	r := &reader{module: m, derivatives: map[string]*tensor.Func{}}
	main := r.main()
	_, ours := m.attrs["drey.version"]
	r.own = ours
	if v := r.version(m.attrs["drey.version"]); v > version {
		return nil, fmt.Errorf("stablehlo: the program has version %d and this drey reads up to %d: use a newer one", v, version)
	}
	name, _ := m.attrs["drey.name"].(string)
	if !ours {
		name = m.name
	}
	return r.trace(main, name, r.float(m.attrs)), nil
}

// reader turns parsed functions into Funcs.
type reader struct {
	module      *parsedModule
	own         bool         // written by Print
	anchor      tensor.Value // a parameter of the Func that is being traced: constants join its trace
	line        int          // of the operation that is being read
	ops         int
	calls       int
	lifted      bool // elementwise operations broadcast: a block on scalars is read for whole tensors
	derivatives map[string]*tensor.Func
}

func (r *reader) fail(format string, args ...any) { failAt(r.line, format, args...) }

func (r *reader) main() *function {
	m := r.module
	switch {
	case m.funcs["main"] != nil:
		return m.funcs["main"]
	case len(m.order) == 1:
		return m.funcs[m.order[0]]
	}
	failAt(1, "%d functions and none of them is @main", len(m.order))
	return nil
}

func (r *reader) version(x any) int {
	n, _ := x.(number)
	v := 0
	for _, c := range n {
		v = min(10*v+int(c-'0'), 1<<20)
	}
	return v
}

// float is the float type of a program: as its attribute says, else f64 unless it computes in f32 alone.
func (r *reader) float(attrs dict) tensor.DType {
	if name, ok := attrs["drey.float"].(string); ok {
		if d := tensor.ParseDType(name); d.IsFloat() {
			return d
		}
		failAt(1, "drey.float = %q, want f64 or f32", name)
	}
	seen := map[tensor.DType]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.module.funcs)) {
		f := r.module.funcs[name]
		note(seen, f.params)
		note(seen, f.results)
		noteBlock(seen, f.body)
	}
	if seen[tensor.F32] && !seen[tensor.F64] {
		return tensor.F32
	}
	return tensor.F64
}

func note(seen map[tensor.DType]bool, ps []parameter) {
	for _, p := range ps {
		seen[p.typ.dtype] = true
	}
}

func noteBlock(seen map[tensor.DType]bool, b *block) {
	for _, o := range b.ops {
		for _, t := range o.out {
			seen[t.dtype] = true
		}
		for _, s := range o.regions {
			noteBlock(seen, s)
		}
	}
}

// trace records a function as a Func of the given name.
func (r *reader) trace(f *function, name string, float tensor.DType) *tensor.Func {
	params := make([]tensor.Param, len(f.params))
	for i, p := range f.params {
		params[i] = tensor.Param{Name: r.nameOf(p), DType: p.typ.dtype, Shape: p.typ.shape}
	}
	anchor := r.anchor
	defer func() { r.anchor = anchor }()
	out, err := tensor.Trace(name, float, params, func(args []tensor.Value) []tensor.Value {
		r.anchor = tensor.Value{}
		if len(args) > 0 {
			r.anchor = args[0]
		}
		return r.call(f, args)
	})
	if err != nil {
		var e *tensor.Error
		if !errors.As(err, &e) {
			r.fail("%v", err)
		}
		r.fail("%s: %s", e.Op, e.Msg)
	}
	for i, p := range f.results {
		out.Out[i].Name = r.nameOf(p)
	}
	return out
}

// nameOf is the name of a parameter or result: as Print wrote it, else what JAX calls it.
func (r *reader) nameOf(p parameter) string {
	if s, ok := p.attrs["drey.name"].(string); ok || r.own {
		return s
	}
	if s, ok := p.attrs["jax.result_info"].(string); ok {
		return s
	}
	if p.loc != "" || p.name == "" {
		return p.loc
	}
	return p.name[1:]
}

// call reads the body of f on args.
func (r *reader) call(f *function, args []tensor.Value) []tensor.Value {
	if len(args) != len(f.params) {
		r.fail("@%s is called with %d values, want %d", f.name, len(args), len(f.params))
	}
	if r.calls++; r.calls > maxNesting {
		r.fail("calls nested deeper than %d: recursion?", maxNesting)
	}
	defer func() { r.calls-- }()
	out := r.block(f.body, args, nil)
	line := r.line
	if len(out) != len(f.results) {
		failAt(line, "@%s returns %d values, want %d", f.name, len(out), len(f.results))
	}
	for i, v := range out {
		r.matches(v, f.results[i].typ)
	}
	return out
}

func (r *reader) callee(o *operation, name any) *function {
	s, _ := name.(symbol)
	f := r.module.funcs[string(s)]
	if f == nil {
		failAt(o.line, "%s of @%s, which is no function of the module", o.name, s)
	}
	return f
}

// scope holds the values that names stand for, in a region and those around it.
type scope struct {
	values map[string]tensor.Value
	outer  *scope
}

func (s *scope) find(name string) (tensor.Value, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v, true
		}
	}
	return tensor.Value{}, false
}

// block reads the operations of b and returns what it returns.
func (r *reader) block(b *block, args []tensor.Value, outer *scope) []tensor.Value {
	s := &scope{values: map[string]tensor.Value{}, outer: outer}
	if len(args) != len(b.params) {
		r.fail("a block takes %d values, and here are %d", len(b.params), len(args))
	}
	for i, p := range b.params {
		r.matches(args[i], p.typ)
		s.values[p.name] = args[i]
	}
	for i, o := range b.ops {
		r.line = o.line
		if r.ops++; r.ops > maxOps {
			r.fail("more than %d operations, calls inlined", maxOps)
		}
		in := make([]tensor.Value, len(o.operands))
		for k, name := range o.operands {
			v, ok := s.find(name)
			if !ok {
				r.fail("%s is not defined", name)
			}
			in[k] = v
		}
		if o.name == "stablehlo.return" || o.name == "func.return" {
			if i != len(b.ops)-1 {
				r.fail("operations follow a return")
			}
			return in
		}
		r.bind(s, o, r.operation(o, in, s))
	}
	r.fail("a block without a return")
	return nil
}

// bind gives the results of o their names, after checking their types.
func (r *reader) bind(s *scope, o *operation, out []tensor.Value) {
	r.line = o.line
	if len(out) != len(o.out) {
		r.fail("%s gives %d values and declares %d", o.name, len(out), len(o.out))
	}
	for i, v := range out {
		r.matches(v, o.out[i])
	}
	i := 0
	set := func(name string) {
		if i >= len(out) {
			r.fail("%s gives %d values, fewer than it names", o.name, len(out))
		}
		s.values[name] = out[i]
		i++
	}
	for _, n := range o.results {
		if n.count == 0 {
			set(n.name)
			continue
		}
		for k := range n.count {
			if k == 0 {
				s.values[n.name] = out[min(i, len(out)-1)]
			}
			set(fmt.Sprintf("%s#%d", n.name, k))
		}
	}
}

// matches fails unless v has the declared type; in a lifted block only the elements' type counts.
func (r *reader) matches(v tensor.Value, t tensorType) {
	if v.DType() != t.dtype || !r.lifted && !equalInts(v.Shape(), t.shape) {
		r.fail("the type %s is declared for a value of type %s", t, typeOf(v))
	}
}

// constant returns a constant of the trace. A large one of equal elements is broadcast.
func (r *reader) constant(a *tensor.Array, splat bool, shape []int) tensor.Value {
	if splat && tensor.NumElements(shape) > maxSplat {
		one := r.in(tensor.Lift(&tensor.Array{DType: a.DType, Bits: a.Bits[:1]}))
		return one.BroadcastTo(shape...)
	}
	return r.in(tensor.Lift(filled(a, splat, shape)))
}

func filled(a *tensor.Array, splat bool, shape []int) *tensor.Array {
	if !splat {
		return a
	}
	out := tensor.NewArray(a.DType, shape)
	for i := range out.Bits {
		out.Bits[i] = a.Bits[0]
	}
	return out
}

// in makes a value of constants alone join the trace, where there is one to join.
func (r *reader) in(v tensor.Value) tensor.Value {
	if r.anchor.IsValid() {
		return tensor.In(r.anchor, v)
	}
	return v
}

// literal returns the constant that v is, broadcasts and reshapes of one element included.
func literal(v tensor.Value) (*tensor.Array, bool) {
	n := v.Node()
	switch n.Op {
	case tensor.OpConst:
		return n.Attr.Array, n.Attr.Array != nil
	case tensor.OpBroadcast, tensor.OpReshape:
		a, ok := literal(n.In[0])
		return a, ok && len(a.Bits) == 1
	}
	return nil, false
}

// splatOf returns the element that all elements of v are.
func splatOf(v tensor.Value) (uint64, bool) {
	a, ok := literal(v)
	if !ok || len(a.Bits) == 0 {
		return 0, false
	}
	for _, b := range a.Bits {
		if b != a.Bits[0] {
			return 0, false
		}
	}
	return a.Bits[0], true
}
