package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Messenger sees the sites of a model. Process is called before the site has acted, by the innermost handler first;
// Postprocess after, by the outermost first. Both run while a program is traced and may change the site.
type Messenger interface {
	Process(s *Site)
	Postprocess(s *Site)
}

// Handler wraps a model so that its sites act differently.
type Handler func(Program) Program

// With returns p under handlers, the first one innermost.
func (p Program) With(handlers ...Handler) Program {
	for _, h := range handlers {
		p = h(p)
	}
	return p
}

// With returns a model with data under handlers, the first one innermost.
func With[D any](fn func(*Context, D), handlers ...Handler) func(*Context, D) {
	return func(c *Context, d D) {
		Program(func(c *Context) { fn(c, d) }).With(handlers...)(c)
	}
}

// handle returns the Handler that runs a model under a fresh messenger.
func handle(m Messenger) Handler {
	return func(p Program) Program {
		return func(c *Context) { p(c.Under(m)) }
	}
}

// passive is a Messenger that does nothing, to embed.
type passive struct{}

func (passive) Process(*Site)     {}
func (passive) Postprocess(*Site) {}

// Seed gives every site that has no value a draw under k.Site(name): a site's stream depends on its name and on k alone,
// so that other handlers shift none.
func Seed(k rng.Key) Handler { return handle(seeding{key: k}) }

type seeding struct {
	passive
	key rng.Key
}

func (h seeding) Process(s *Site) {
	if s.key == nil {
		s.key = &h.key
	}
}

// Condition observes latent sites: values maps their names to Values or numbers, which broadcast to the site's shape. A
// name that is no latent site of the model is an error.
func Condition(values map[string]any) Handler { return byName("condition", values, Observed) }

// Substitute gives latent and param sites values and leaves their kind as it is, so that the log density counts them
// as before. A name that is no such site of the model is an error.
func Substitute(values map[string]any) Handler { return byName("substitute", values, "") }

func byName(op string, values map[string]any, kind Kind) Handler {
	made := newOrigin(op)
	return func(p Program) Program {
		return func(c *Context) {
			u := newUsage(made, slices.Collect(maps.Keys(values)))
			p(c.Under(giving{values: values, kind: kind, usage: u}))
			u.check()
		}
	}
}

type giving struct {
	passive
	values map[string]any
	kind   Kind // that the sites become, "" for the kind they have
	usage  *usage
}

func (h giving) Process(s *Site) {
	h.usage.see(s)
	x, ok := h.values[s.Name]
	latent := s.Kind == Latent || s.Kind == Auxiliary
	if !ok || s.Value.IsValid() && s.Kind != ParamSite || !latent && (s.Kind != ParamSite || h.kind != "") {
		return
	}
	h.usage.use(s.Name)
	if s.Kind == ParamSite {
		s.Value = tensor.Lift(x)
		return
	}
	s.give(tensor.Lift(x))
	if h.kind != "" {
		s.Kind, s.conditioned = h.kind, true
	}
}

// origin is where a handler was made: the line that its errors name.
type origin struct {
	op   string
	file string
	line int
}

func newOrigin(op string) origin {
	o := origin{op: op}
	o.file, o.line = tensor.CallerOutside()
	return o
}

// usage finds names given to a handler that no site took.
type usage struct {
	made  origin
	given map[string]bool // name → used
	sites []string
}

func newUsage(made origin, names []string) *usage {
	u := &usage{made: made, given: map[string]bool{}}
	for _, n := range names {
		u.given[n] = false
	}
	return u
}

func (u *usage) see(s *Site) {
	if s.Kind.random() || s.Kind == ParamSite {
		u.sites = append(u.sites, s.Name)
	}
}

func (u *usage) use(name string) { u.given[name] = true }

func (u *usage) check() {
	for _, name := range slices.Sorted(maps.Keys(u.given)) {
		if u.given[name] {
			continue
		}
		hint := " (sites: " + strings.Join(u.sites, ", ") + ")"
		if slices.Contains(u.sites, name) {
			hint = ": that site has a value already"
		} else if near := nearest(name, u.sites); near != "" {
			hint = "; did you mean \"" + near + "\"?"
		}
		msg := fmt.Sprintf("no latent site %q in the model%s", name, hint)
		panic(&tensor.Error{Op: u.made.op, Msg: msg, File: u.made.file, Line: u.made.line})
	}
}

// Replay gives latent sites the values that they have in t.
func Replay(t *Trace) Handler { return handle(replaying{trace: t}) }

type replaying struct {
	passive
	trace *Trace
}

func (h replaying) Process(s *Site) {
	if s.Kind != Latent && s.Kind != Auxiliary || s.Value.IsValid() {
		return
	}
	if old := h.trace.Site(s.Name); old != nil && old.Kind.random() {
		s.give(old.Value)
	}
}

// Block hides the sites with the given names, or all without names, from the handlers around it.
func Block(names ...string) Handler {
	return BlockFunc(func(s *Site) bool { return len(names) == 0 || slices.Contains(names, s.Name) })
}

// BlockFunc hides the sites for which hide is true from the handlers around it.
func BlockFunc(hide func(*Site) bool) Handler { return handle(blocking{hide: hide}) }

type blocking struct {
	passive
	hide func(*Site) bool
}

func (h blocking) Process(s *Site) {
	if h.hide(s) {
		s.hidden = true
	}
}

// Mask is Context.Mask for a whole model.
func Mask(m any) Handler { return handle(masking{tensor.Lift(m)}) }

type masking struct{ mask tensor.Value }

func (h masking) Process(s *Site) {
	if !s.Kind.random() && s.Kind != FactorSite {
		return
	}
	if s.mask.IsValid() {
		s.mask = s.mask.And(h.mask)
	} else {
		s.mask = h.mask
	}
}

func (masking) Postprocess(*Site) {}

// Scale is Context.Scale for a whole model.
func Scale(factor any) Handler { return handle(scaling{factor}) }

type scaling struct{ factor any }

func (h scaling) Process(s *Site) {
	if !s.Kind.random() && s.Kind != FactorSite {
		return
	}
	v := tensor.Lift(h.factor)
	if x, ok := tensor.Static(v); ok && len(x) == 1 && v.Rank() == 0 {
		if !(x[0] > 0) {
			s.fail("scale %v, want a positive factor", x[0])
		}
		s.scale *= x[0]
		return
	}
	if s.scales.IsValid() {
		v = s.scales.Mul(v)
	}
	s.scales = v
}

func (scaling) Postprocess(*Site) {}
