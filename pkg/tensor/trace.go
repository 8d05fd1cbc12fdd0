package tensor

// Param describes a parameter or result of a Func.
type Param struct {
	Name  string
	DType DType
	Shape []int
}

// Func is a traced program: parameters to results. It is immutable.
type Func struct {
	Name  string
	Float DType // the trace's float type
	In    []Param
	Out   []Param
	Body  *Region
}

// Trace records fn, called once with a Value for each parameter, as a Func. float is the float type (F64 or F32) that
// literals and Float take. It returns an *Error for misuse of operations; other panics pass through.
func Trace(name string, float DType, in []Param, fn func(args []Value) []Value) (f *Func, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			f, err = nil, e
		}
	}()
	if float != F64 && float != F32 {
		Fail("trace", "float type %s, want f64 or f32", float)
	}
	b := &builder{float: float, adopted: map[adoptKey]Value{}}
	specs := make([]spec, len(in))
	for i, p := range in {
		if p.DType < Bool || p.DType > F64 {
			Fail("trace", "parameter %d %q has no dtype", i, p.Name)
		}
		specs[i] = spec{p.DType, append([]int(nil), p.Shape...)}
	}
	body := b.trace(specs, true, func(p []Value) []Value {
		for i := range p {
			p[i].n.Attr.Name = in[i].Name
		}
		return fn(p)
	})
	body.Results = b.adoptResults(body, body.Results)
	f = &Func{Name: name, Float: float, In: append([]Param(nil), in...), Body: body}
	for _, v := range body.Results {
		f.Out = append(f.Out, Param{DType: v.n.DType, Shape: v.n.Shape})
	}
	return f, nil
}

// TraceLike traces a variant of f: a Func of the same name, float type and parameters.
func TraceLike(f *Func, fn func(args []Value) []Value) (*Func, error) {
	g, err := Trace(f.Name, f.Float, f.In, fn)
	if err == nil {
		for i := range min(len(g.Out), len(f.Out)) {
			g.Out[i].Name = f.Out[i].Name
		}
	}
	return g, err
}

// FloatType returns the float type of the trace v belongs to, or Invalid for a Value made of Go numbers alone.
func FloatType(v Value) DType {
	if n := v.node("dtype"); n.owner != nil {
		return n.owner.float
	}
	return Invalid
}

// In returns x as a Value of the trace that v belongs to, with literals in their default dtypes.
func In(v Value, x any) Value {
	b := v.node("operand").owner
	w := Lift(x)
	if b == nil || w.n.owner != nil {
		return w
	}
	return b.adopt(w, Invalid)
}
