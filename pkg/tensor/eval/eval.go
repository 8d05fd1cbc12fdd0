package eval

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Program is a Func made ready for evaluation. It is immutable: any number of goroutines may run it.
type Program struct {
	f     *tensor.Func
	body  *block
	slots int
}

// Run evaluates f once. Program.Run says what it expects and returns.
func Run(f *tensor.Func, args []*tensor.Array) ([]*tensor.Array, error) {
	p, err := Compile(f)
	if err != nil {
		return nil, err
	}
	return p.Run(args)
}

// Compile prepares f. It returns an error only for a Func that was not made by package tensor's tracing.
func Compile(f *tensor.Func) (*Program, error) { return CompileObserved(f, nil) }

// CompileObserved is Compile for a program that hands what each instruction computes, but for control flow, constants and
// reshapes, to observe, with its operands; observe may change out. So tests find out how much a result depends on the
// rounding of what is computed on the way. observe must be safe for as many goroutines as run the program.
func CompileObserved(f *tensor.Func, observe func(n *tensor.Node, out *tensor.Array, in []*tensor.Array)) (*Program, error) {
	c := newCompiler()
	c.observe = observe
	body, err := c.region(f.Body)
	if err != nil {
		return nil, fmt.Errorf("eval: %s: %w", f.Name, err)
	}
	return &Program{f: f, body: body, slots: len(c.slots)}, nil
}

// Run evaluates the program on one array per parameter, in order, and returns one array per result. An argument of the
// wrong dtype or shape gives an error that names the parameter. Arguments are not changed; results are new arrays.
func (p *Program) Run(args []*tensor.Array) ([]*tensor.Array, error) {
	if len(args) != len(p.f.In) {
		return nil, fmt.Errorf("eval: %s: %d arguments, want %d", p.f.Name, len(args), len(p.f.In))
	}
	fr := &frame{slots: make([]*tensor.Array, p.slots)}
	for i, a := range args {
		if err := checkArgument(p.f.In[i], a); err != nil {
			return nil, fmt.Errorf("eval: %s: argument %d %q: %w", p.f.Name, i, p.f.In[i].Name, err)
		}
		fr.slots[p.body.params[i]] = canonical(a)
	}
	p.body.run(fr)
	out := make([]*tensor.Array, len(p.body.results))
	for i, s := range p.body.results {
		a := fr.slots[s]
		out[i] = &tensor.Array{DType: a.DType, Shape: slices.Clone(a.Shape), Bits: slices.Clone(a.Bits)}
	}
	return out, nil
}

func checkArgument(p tensor.Param, a *tensor.Array) error {
	if a == nil {
		return fmt.Errorf("nil, want %s", tensor.FormatShape(p.DType, p.Shape))
	}
	if a.DType != p.DType || !slices.Equal(a.Shape, p.Shape) {
		return fmt.Errorf("%s, want %s", tensor.FormatShape(a.DType, a.Shape), tensor.FormatShape(p.DType, p.Shape))
	}
	if len(a.Bits) != tensor.NumElements(a.Shape) {
		return fmt.Errorf("%d elements in an array %s", len(a.Bits), tensor.FormatShape(a.DType, a.Shape))
	}
	return nil
}

// canonical returns a with NaN, Bool and unused high bits in their canonical form: a itself where it has it already.
func canonical(a *tensor.Array) *tensor.Array {
	canon := canonicalBits(a.DType)
	for i, b := range a.Bits {
		if canon(b) == b {
			continue
		}
		out := &tensor.Array{DType: a.DType, Shape: a.Shape, Bits: slices.Clone(a.Bits)}
		for j := i; j < len(out.Bits); j++ {
			out.Bits[j] = canon(out.Bits[j])
		}
		return out
	}
	return a
}
