package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

const (
	valuePrefix = "value:" // constrained values that Init and Unconstrain take

	initRadius = 2.0 // half width of the uniform starts (Stan reference manual, "initialization")
	initDraws  = 15  // prior draws behind a median or mean (NumPyro's init_to_median)
)

// starting gives the latent sites of a model their starting values and collects them as parts of the position.
type starting struct {
	passive
	layout   *layout
	strategy InitStrategy
	key      rng.Key
	given    map[string]tensor.Value
	parts    *[]any
	check    func(s *Site, given, u tensor.Value) // nil, or told of each given value and its image on unconstrained space
}

func (h starting) Process(s *Site) {
	if !s.wanted() {
		return
	}
	b, l := s.bijector(), h.layout.at(s)
	u := h.start(s, b, l)
	*h.parts = append(*h.parts, u.Reshape(l.size()))
	s.unconstrain(b, u, false)
}

// start returns the starting value of a site on unconstrained space.
func (h starting) start(s *Site, b dist.Bijector, l slot) tensor.Value {
	if u := h.image(s, b); u.IsValid() {
		return u
	}
	switch h.strategy {
	case InitMedian:
		if x := h.draw(s, initDraws); x.IsValid() {
			return b.Inverse(x).Sort(0).At(initDraws / 2)
		}
	case InitMean:
		if x := h.draw(s, initDraws); x.IsValid() {
			return b.Inverse(x).Mean(0)
		}
	case InitPrior:
		if x := h.draw(s); x.IsValid() {
			return b.Inverse(x)
		}
	}
	return h.key.Site(s.Name).Uniform(l.shape...).Mul(2 * initRadius).Sub(initRadius)
}

// image returns the given value of a site, or of the one that it stands for, on unconstrained space; absent if there is none.
func (h starting) image(s *Site, b dist.Bijector) (u tensor.Value) {
	of := s
	x, ok := h.given[s.Name]
	switch {
	case ok:
		u = b.Inverse(x)
	case s.stands != nil:
		of = s.stands
		if x, ok = h.given[of.Name]; ok {
			u = b.Inverse(s.toBase(x))
		}
	}
	if ok && h.check != nil {
		h.check(of, x, u)
	}
	return u
}

// draw returns prior draws of a site, or an absent value where its distribution has no sampler.
func (h starting) draw(s *Site, sample ...int) (x tensor.Value) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(*tensor.Error); !ok {
				panic(r)
			}
			x = tensor.Value{}
		}
	}()
	return s.Draw(h.key, sample...)
}

func (k *compiler) start() (*tensor.Func, error) {
	return k.traceStart("init", func(p Program, h starting) []result { return k.collect(p, h) })
}

// traceStart traces a program with the parameters of Init from a model and the handler that starts it.
func (k *compiler) traceStart(name string, fn func(p Program, h starting) []result) (*tensor.Func, error) {
	given, err := k.valueParams(k.opts.Given)
	if err != nil {
		return nil, err
	}
	return k.m.trace(name, append(keyParams(), given...), nil, func(p Program, lead, _ []tensor.Value) []result {
		values := map[string]tensor.Value{}
		for i, name := range k.opts.Given {
			values[name] = lead[3+i]
		}
		return fn(p, starting{layout: &k.layout, strategy: k.opts.Init, key: keyOf(lead, rng.PurposeInit), given: values})
	})
}

func (k *compiler) unconstrain() (*tensor.Func, error) {
	var names []string
	for _, s := range k.manifest.Sites {
		if s.isLatent() {
			names = append(names, s.Name)
		}
	}
	params, err := k.valueParams(names)
	if err != nil {
		return nil, err
	}
	return k.m.trace("unconstrain", params, nil, func(p Program, lead, _ []tensor.Value) []result {
		values := map[string]tensor.Value{}
		for i, name := range names {
			values[name] = lead[i]
		}
		return k.collect(p, starting{layout: &k.layout, given: values})
	})
}

// collect runs p with starts and returns the position.
func (k *compiler) collect(p Program, h starting) []result {
	var parts []any
	h.parts = &parts
	record(p.With(handle(allRows{}), handle(h)), false)
	return []result{{inPosition, tensor.Concat(0, parts...)}}
}

// valueParams returns the parameters for the constrained values of sites.
func (k *compiler) valueParams(names []string) ([]tensor.Param, error) {
	var legal []string
	for _, s := range k.manifest.Sites {
		if s.isLatent() || k.layout.replaced[s.Name] {
			legal = append(legal, s.Name)
		}
	}
	out := make([]tensor.Param, len(names))
	for i, name := range names {
		s := k.manifest.Site(name)
		if s == nil || !slices.Contains(legal, name) {
			hint := ""
			if near := nearest(name, legal); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			return nil, fmt.Errorf("model %s: a start is given for %q, which is no latent site (latent: %s)%s", k.m.Name, name, strings.Join(legal, ", "), hint)
		}
		out[i] = tensor.Param{Name: valuePrefix + name, DType: tensor.ParseDType(s.DType), Shape: s.Shape}
	}
	return out, nil
}
