package model

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Site is one declaration of a model on its way through the handlers, and afterwards its record in a Trace.
type Site struct {
	Name       string
	Kind       Kind
	Dist       dist.Distribution // of random sites, as the model gave it: its batch may be smaller than Batch
	Value      tensor.Value      // absent until the model, a handler or a draw gives it
	Constraint dist.Constraint   // of param sites
	Plates     []Plate           // outermost first
	Batch      []int             // of random sites and factors: batch shape within the plates
	File       string            // place of the declaration in the model
	Line       int

	context  *Context
	hidden   bool         // handlers further out do not see the site
	key      *rng.Key     // what a draw would use
	scale    float64      // product of the numbers that scale the log density, plates included
	scales   tensor.Value // product of the Values that do, absent for none
	mask     tensor.Value // absent for none
	jacobian tensor.Value // log |det| of the map from unconstrained space, where a position gave the value
	logProb  tensor.Value // of the value, before mask and scale; its shape may be smaller than Batch
	dims     []string     // names of event dimensions
	plate    *Plate       // of plate sites

	conditioned bool                            // observed by Condition, not by Observe
	stands      *Site                           // of auxiliary sites: the site they stand for
	toBase      func(tensor.Value) tensor.Value // of auxiliary sites: from a value of that site to theirs
}

// place computes the batch shape of the site within its plates.
func (s *Site) place() {
	s.scale = 1
	for _, p := range s.Plates {
		s.scale *= p.scale()
	}
	switch {
	case s.Kind.random():
		if s.Dist == nil {
			s.fail("has no distribution (nil)")
		}
		s.Batch = s.within(s.Dist.Batch(), "the distribution's batch shape")
	case s.Kind == FactorSite:
		s.Batch = s.within(s.Value.Shape(), "the factor's shape")
	}
	if s.Value.IsValid() && s.Kind == Observed {
		s.fitObserved()
	}
}

// within returns batch broadcast to the site's plates.
func (s *Site) within(batch []int, what string) []int {
	rank := len(batch)
	for _, p := range s.Plates {
		rank = max(rank, -p.Dim)
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
		if j := i - (rank - len(batch)); j >= 0 {
			out[i] = batch[j]
		}
	}
	for _, p := range s.Plates {
		axis := rank + p.Dim
		if out[axis] != 1 && out[axis] != p.Rows {
			s.fail("%s %v does not broadcast with plate %q: its axis %d is %d, the plate has %d", what, batch, p.Name, p.Dim, out[axis], p.Rows)
		}
		out[axis] = p.Rows
	}
	return out
}

// split returns the batch part of a value's shape after checking that its event part is the distribution's.
func (s *Site) split() []int {
	shape, event := s.Value.Shape(), s.Dist.Event()
	n := len(shape) - len(event)
	if n < 0 || !slices.Equal(shape[n:], event) {
		s.fail("value %s does not end in the event shape %v of its distribution", s.Value, event)
	}
	return shape[:n]
}

// fitObserved checks the shape of an observed value; dimensions of its own extend the batch shape.
func (s *Site) fitObserved() {
	batch, ok := tensor.BroadcastShapes(s.split(), s.Batch)
	if !ok {
		s.fail("observed value %s does not broadcast with batch shape %v%s", s.Value, s.Batch, s.plateNote())
	}
	s.Batch = s.within(batch, "the observed value's batch shape")
}

// fit broadcasts a value given to a latent site to the site's whole shape.
func (s *Site) fit() {
	got, ok := tensor.BroadcastShapes(s.split(), s.Batch)
	if !ok || !slices.Equal(got, s.Batch) {
		s.fail("value %s does not broadcast to batch shape %v%s", s.Value, s.Batch, s.plateNote())
	}
	s.Value = s.Value.BroadcastTo(slices.Concat(s.Batch, s.Dist.Event())...)
}

// give sets the value of a latent site.
func (s *Site) give(v tensor.Value) {
	s.Value = v
	s.fit()
}

func (s *Site) plateNote() string {
	if len(s.Plates) == 0 {
		return ""
	}
	parts := make([]string, len(s.Plates))
	for i, p := range s.Plates {
		parts[i] = fmt.Sprintf("%s = %d", p.Name, p.Rows)
	}
	return " (plates " + strings.Join(parts, ", ") + ")"
}

// act gives the site a value where it has none: a draw.
func (s *Site) act() {
	switch {
	case s.Kind == PlateSite:
		s.plate.choose(s)
	case s.Value.IsValid():
	case s.key != nil:
		s.Value = s.Draw(*s.key)
	case s.Kind == Observed:
		s.fail("has no data: its observed value is absent, and a log density needs it")
	case s.hidden:
		s.fail("has no value: it is hidden from what would give it one")
	default:
		s.fail("has no value: nothing seeds, substitutes or conditions it")
	}
}

// Draw returns draws of the site, of shape sample + Batch + event, under k.Site(name).
func (s *Site) Draw(k rng.Key, sample ...int) tensor.Value {
	d := s.Dist
	if !slices.Equal(d.Batch(), s.Batch) {
		d = dist.Expand(d, s.Batch...)
	}
	return d.Sample(k.Site(s.Name), sample...)
}

// fail panics with an error that names the site and its place in the model.
func (s *Site) fail(format string, args ...any) {
	panic(&tensor.Error{Op: s.label(), Msg: fmt.Sprintf(format, args...), File: s.File, Line: s.Line})
}

// distribution names the type of the site's distribution: Normal for dist.NormalDist.
func (s *Site) distribution() string {
	return strings.TrimSuffix(reflect.Indirect(reflect.ValueOf(s.Dist)).Type().Name(), "Dist")
}

func (s *Site) label() string {
	if s.Kind == PlateSite {
		return fmt.Sprintf("plate %q", s.Name)
	}
	return fmt.Sprintf("site %q", s.Name)
}

// nameErrors, deferred, adds the site to an error of an operation that ran on its behalf.
func (s *Site) nameErrors() {
	r := recover()
	if r == nil {
		return
	}
	if e, ok := r.(*tensor.Error); ok && !strings.HasPrefix(e.Op, "site ") && !strings.HasPrefix(e.Op, "plate ") {
		named := *e
		named.Op = s.label()
		if e.Op != "" {
			named.Op += ": " + e.Op
		}
		named.File, named.Line = s.File, s.Line
		r = &named
	}
	panic(r)
}
