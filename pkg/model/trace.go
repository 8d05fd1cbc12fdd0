package model

import (
	"fmt"
	"slices"
	"unicode"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Trace is the record of one run of a model: its sites in order of first appearance.
type Trace struct {
	Sites  []*Site // plates left out
	Plates []Plate // each once
	byName map[string]*Site
}

// Record runs p and returns its sites, with their log densities; it is called while a program is traced. Two sites of
// one name are an error, as are two plates of one name with different sizes.
func Record(p Program) *Trace { return record(p, true) }

// record leaves the log densities out unless densities is set.
func record(p Program, densities bool) *Trace {
	t := &Trace{byName: map[string]*Site{}}
	p((&Context{}).Under(recorder{t, densities}))
	return t
}

// Site returns the site of a name, or nil.
func (t *Trace) Site(name string) *Site { return t.byName[name] }

// Value returns the value of a site. It panics with *tensor.Error for an unknown name.
func (t *Trace) Value(name string) tensor.Value {
	s := t.byName[name]
	if s == nil {
		tensor.Fail("trace", "no site %q", name)
	}
	return s.Value
}

// LogDensity returns the sum of the sites' log densities, with the Jacobians of sites whose values came from
// unconstrained space: a scalar.
func (t *Trace) LogDensity() tensor.Value { return t.logDensity(tensor.Value{}) }

// logDensity is LogDensity for a program whose only parameter that varies from call to call is position.
func (t *Trace) logDensity(position tensor.Value) tensor.Value {
	a := newSummation(position)
	for _, s := range t.Sites {
		if s.logProb.IsValid() {
			s.addTo(a)
		}
		if s.jacobian.IsValid() {
			a.add(s.jacobian, 1)
		}
	}
	return a.total()
}

type recorder struct {
	trace     *Trace
	densities bool
}

func (r recorder) Process(s *Site) {
	if problem := nameProblem(s.Name); problem != "" {
		s.fail("%s", problem)
	}
	if s.Kind == PlateSite {
		return
	}
	if old := r.trace.byName[s.Name]; old != nil {
		s.fail("the name is used twice: first at %s:%d", old.File, old.Line)
	}
	r.trace.byName[s.Name] = s
	r.trace.Sites = append(r.trace.Sites, s)
}

// nameProblem says why a name is none for a site or a plate, or returns "": tables, flags and files show it in one line.
func nameProblem(name string) string {
	if name == "" {
		return "has no name"
	}
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return fmt.Sprintf("has the character %q in its name, which can't be printed", c)
		}
	}
	return ""
}

func (r recorder) Postprocess(s *Site) {
	if s.Kind == PlateSite {
		r.plate(s)
		return
	}
	if r.densities {
		s.evaluate()
	}
}

func (r recorder) plate(s *Site) {
	i := slices.IndexFunc(r.trace.Plates, func(p Plate) bool { return p.Name == s.Name })
	if i < 0 {
		r.trace.Plates = append(r.trace.Plates, *s.plate)
		return
	}
	if old := r.trace.Plates[i]; old.Size != s.plate.Size || old.Rows != s.plate.Rows {
		s.fail("has size %d here and %d before", s.plate.Size, old.Size)
	}
}
