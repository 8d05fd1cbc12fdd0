package model

import (
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// slot is the part of the position that a latent site has.
type slot struct {
	offset int
	shape  []int // on unconstrained space
}

func (l slot) size() int { return tensor.NumElements(l.shape) }

// layout says which part of the position each latent site has.
type layout struct {
	slots    map[string]slot
	dim      int
	replaced map[string]bool // sites that an auxiliary one of these stands for
}

// bijector returns the map from unconstrained space to the support of a latent site.
func (s *Site) bijector() dist.Bijector {
	support := s.Dist.Support()
	if support.Discrete() {
		s.fail("is a discrete latent variable (%s), which gradients cannot sample, and enumeration is not there yet: sum it out (dist.MixtureSameFamily, or LogSumExp in a Factor), or observe it", support)
	}
	b, err := dist.BijectTo(support)
	if err != nil {
		s.fail("%v", err)
	}
	return b
}

// wanted reports whether inference has to give the site its value.
func (s *Site) wanted() bool {
	return (s.Kind == Latent || s.Kind == Auxiliary) && !s.Value.IsValid()
}

// unconstrain gives the site the value that u, on unconstrained space, maps to.
func (s *Site) unconstrain(b dist.Bijector, u tensor.Value, jacobian bool) {
	x := b.Forward(u)
	s.give(x)
	if !jacobian {
		return
	}
	s.jacobian = b.LogAbsDetJacobian(u, x)
}

// laying lays the latent sites of a model out in the position while it runs them at the origin of unconstrained space.
type laying struct {
	passive
	layout *layout
	anchor tensor.Value // any Value of the trace
	float  tensor.DType
}

func (h laying) Process(s *Site) {
	if !s.wanted() {
		return
	}
	b := s.bijector()
	l := slot{h.layout.dim, b.UnconstrainedShape(s.shape())}
	h.layout.slots[s.Name] = l
	h.layout.dim += l.size()
	if s.stands != nil {
		h.layout.replaced[s.stands.Name] = true
	}
	s.unconstrain(b, tensor.In(h.anchor, tensor.Zeros(h.float, l.shape...)), false)
}

// shape returns the shape of a random site's values.
func (s *Site) shape() []int {
	return append(append([]int(nil), s.Batch...), s.Dist.Event()...)
}

// positioned gives the latent sites their values from a position on unconstrained space.
type positioned struct {
	passive
	layout    *layout
	position  tensor.Value
	jacobians bool
}

func (h positioned) Process(s *Site) {
	if !s.wanted() {
		return
	}
	u := h.position.Slice(0, h.layout.at(s).offset, h.layout.at(s).offset+h.layout.at(s).size())
	s.unconstrain(s.bijector(), u.Reshape(h.layout.at(s).shape...), h.jacobians)
}

func (l *layout) at(s *Site) slot {
	sl, ok := l.slots[s.Name]
	if !ok {
		s.fail("appears in one run of the model and not in another: a model must declare the same sites each time")
	}
	return sl
}

// allRows makes subsampled plates use all their elements and collects what they were.
type allRows struct {
	passive
	found *[]PlateInfo // nil: not collected
}

func (h allRows) Process(s *Site) {
	if s.Kind != PlateSite {
		return
	}
	if h.found != nil {
		*h.found = append(*h.found, PlateInfo{s.Name, s.plate.Size, s.plate.Rows})
	}
	s.plate.Rows = s.plate.Size
}

// givenRows gives subsampled plates their indices.
type givenRows struct {
	passive
	index map[string]tensor.Value
}

func (h givenRows) Process(s *Site) {
	if s.Kind == PlateSite && s.plate.Rows < s.plate.Size {
		s.Value = h.index[s.Name]
	}
	if s.wanted() {
		for _, p := range s.Plates {
			if p.Rows < p.Size {
				s.fail("is a latent variable in the subsampled plate %q; only observations can be subsampled", p.Name)
			}
		}
	}
}
