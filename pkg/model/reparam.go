package model

import (
	"maps"
	"slices"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Reparameterization replaces a latent site by auxiliary ones of which it is a function: the same distribution in other
// coordinates.
type Reparameterization interface {
	// Reparam declares the auxiliary sites through s.Auxiliary and returns the value of s.
	Reparam(s *Site) tensor.Value
}

// Reparam reparametrises the sites named. They become deterministic; what takes their place is recorded as auxiliary. A
// latent site that a handler has given a value is left alone, a name that is no latent site of the model is an error.
func Reparam(config map[string]Reparameterization) Handler {
	made := newOrigin("reparam")
	return func(p Program) Program {
		return func(c *Context) {
			u := newUsage(made, slices.Collect(maps.Keys(config)))
			p(c.Under(reparametrising{config: config, usage: u}))
			u.check()
		}
	}
}

type reparametrising struct {
	passive
	config map[string]Reparameterization
	usage  *usage
}

func (h reparametrising) Process(s *Site) {
	h.usage.see(s)
	r, ok := h.config[s.Name]
	if !ok {
		return
	}
	if s.Kind == Latent || s.Kind == Auxiliary || s.conditioned {
		h.usage.use(s.Name)
	}
	if !s.wanted() {
		return
	}
	v := r.Reparam(s)
	s.give(v)
	s.Kind, s.Dist = Deterministic, nil
}

// Auxiliary declares a random variable that stands for s, in the plates and under the handlers of s. toBase maps a value
// of s to one of the new site.
func (s *Site) Auxiliary(name string, d dist.Distribution, toBase func(tensor.Value) tensor.Value) tensor.Value {
	return s.context.visit(&Site{Name: name, Kind: Auxiliary, Dist: d, stands: s, toBase: toBase}, nil)
}

// LocScaleReparam decentres a site X of a location-scale family (Gorinova, Moore & Hoffman 2020, arXiv 1906.03028): the
// auxiliary site X_base ~ family(loc·c, scale^c) with c = Centered, and X = loc + scale^(1-c)·(X_base - c·loc). Centered
// is 0 (non-centred, the default) to 1 (the site as it is).
type LocScaleReparam struct{ Centered float64 }

// Reparam is for Reparam's config.
func (r LocScaleReparam) Reparam(s *Site) tensor.Value {
	ls, ok := s.Dist.(dist.LocScale)
	if !ok {
		s.fail("LocScaleReparam of %s, which has no location and scale", s.distribution())
	}
	c := r.Centered
	if !(c >= 0 && c <= 1) {
		s.fail("LocScaleReparam: Centered is %v, want 0 to 1", c)
	}
	loc, scale := ls.LocScale()
	name := s.Name + "_base"
	if c == 0 {
		z := s.Auxiliary(name, ls.WithLocScale(0.0, 1.0), func(x tensor.Value) tensor.Value { return x.Sub(loc).Div(scale) })
		return scale.Mul(z).Add(loc)
	}
	centre, spread, rest := loc, scale, tensor.Lift(1.0)
	if c < 1 {
		log := scale.Log()
		centre, spread, rest = loc.Mul(c), log.Mul(c).Exp(), log.Mul(1-c).Exp()
	}
	z := s.Auxiliary(name, ls.WithLocScale(centre, spread), func(x tensor.Value) tensor.Value { return x.Sub(loc).Div(rest).Add(centre) })
	return z.Sub(centre).Mul(rest).Add(loc)
}

// TransformReparam replaces a site X of a dist.TransformedDist by its base: the auxiliary site X_base has the base
// distribution, X is its image under the transforms.
type TransformReparam struct{}

// Reparam is for Reparam's config.
func (TransformReparam) Reparam(s *Site) tensor.Value {
	d, ok := s.Dist.(dist.TransformedDist)
	if !ok {
		s.fail("TransformReparam of %s, which is not a dist.Transformed", s.distribution())
	}
	t, base := dist.Compose(d.Transforms...), d.Base
	shape := t.UnconstrainedShape(s.shape())
	if cut := len(shape) - len(base.Event()); !slices.Equal(shape[:cut], base.Batch()) {
		base = dist.Expand(base, shape[:cut]...)
	}
	return t.Forward(s.Auxiliary(s.Name+"_base", base, t.Inverse))
}
