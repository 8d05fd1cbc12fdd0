package model

import (
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Context is what a model function gets: it declares sites, within the plates and under the handlers that the Context
// carries. A Context is immutable; Plate, Mask and Scale return new ones. The zero Context has no handlers.
type Context struct {
	frames *frame
	plates []Plate // outermost first
}

// Program is a model whose data are bound already.
type Program func(c *Context)

// SiteOption changes how a site is recorded.
type SiteOption func(*Site)

// Dims names the event dimensions of a site in the output, the last ones of its shape; plates name the others.
func Dims(names ...string) SiteOption {
	return func(s *Site) { s.dims = names }
}

// Sample declares a random variable with distribution d and returns its value: one draw, or what inference or a handler
// puts there. Its shape is the batch shape of d, broadcast to the plates of c, then the event shape.
func (c *Context) Sample(name string, d dist.Distribution, opts ...SiteOption) tensor.Value {
	return c.visit(&Site{Name: name, Kind: Latent, Dist: d}, opts)
}

// Observe declares a random variable with distribution d whose value is y, a Value or numbers, and returns the value. y
// adds log d(y) to the log density. An absent y, the zero Value of an optional column without data, is drawn instead,
// which only programs without a log density allow (prior predictive).
func (c *Context) Observe(name string, d dist.Distribution, y any, opts ...SiteOption) tensor.Value {
	s := &Site{Name: name, Kind: Observed, Dist: d}
	if v, ok := y.(tensor.Value); !ok || v.IsValid() {
		s.Value = tensor.Lift(y)
	}
	return c.visit(s, opts)
}

// Deterministic records v, a Value or numbers, under a name in the output and returns it.
func (c *Context) Deterministic(name string, v any, opts ...SiteOption) tensor.Value {
	return c.visit(&Site{Name: name, Kind: Deterministic, Value: tensor.Lift(v)}, opts)
}

// Factor adds logFactor, a Value or a number, to the log density; within plates it counts once for each element of the
// plates that it is broadcast to.
func (c *Context) Factor(name string, logFactor any) {
	c.visit(&Site{Name: name, Kind: FactorSite, Value: tensor.Lift(logFactor)}, nil)
}

// Param declares a parameter without a prior, which optimisation may change and sampling leaves at init, a Value or
// numbers on the support of constraint.
func (c *Context) Param(name string, init any, constraint dist.Constraint) tensor.Value {
	return c.visit(&Site{Name: name, Kind: ParamSite, Value: tensor.Lift(init), Constraint: constraint}, nil)
}

// visit takes a site through the handlers, innermost first, until one hides it from the rest, lets it act, and takes it
// back through those that saw it.
func (c *Context) visit(s *Site, opts []SiteOption) tensor.Value {
	s.File, s.Line = tensor.CallerOutside()
	s.context, s.Plates = c, c.plates
	for _, o := range opts {
		o(s)
	}
	defer s.nameErrors()
	s.place()
	var seen []Messenger
	for f := c.frames; f != nil && !s.hidden; f = f.outer {
		f.m.Process(s)
		seen = append(seen, f.m)
	}
	s.act()
	for i := len(seen) - 1; i >= 0; i-- {
		seen[i].Postprocess(s)
	}
	return s.Value
}

// frame is an element of the stack of handlers.
type frame struct {
	m     Messenger
	outer *frame
}

// Under returns c with m as its innermost handler.
func (c *Context) Under(m Messenger) *Context {
	return &Context{frames: &frame{m, c.frames}, plates: c.plates}
}

// Mask returns c such that where m, a Bool Value that broadcasts with the sites' batch shapes, is false, sites add
// nothing to the log density.
func (c *Context) Mask(m any) *Context { return c.Under(masking{tensor.Lift(m)}) }

// Scale returns c such that the log densities of sites are multiplied by factor, a positive number or Value.
func (c *Context) Scale(factor any) *Context { return c.Under(scaling{factor}) }
