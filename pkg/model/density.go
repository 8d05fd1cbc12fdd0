package model

import "github.com/drey-sampler/drey/pkg/tensor"

// LogDensity returns the log density of a random site or factor, one element for each of Batch: unsummed, masked and
// scaled. The Jacobian of a latent site's transform is not in it.
func (s *Site) LogDensity() tensor.Value {
	lp := s.masked()
	if s.scales.IsValid() {
		lp = lp.Mul(s.scales)
	}
	if s.scale != 1 {
		lp = lp.Mul(s.scale)
	}
	return lp.BroadcastTo(s.Batch...)
}

// masked returns the log density without scale; its shape may be smaller than Batch.
func (s *Site) masked() tensor.Value {
	if s.mask.IsValid() {
		return tensor.Select(s.mask, s.logProb, 0.0)
	}
	return s.logProb
}

// addTo adds the sum of LogDensity to a: what is the same for all elements multiplies the sum.
func (s *Site) addTo(a *summation) {
	lp := s.masked()
	factor := float64(s.scale * float64(tensor.NumElements(s.Batch)) / float64(lp.Size()))
	inside := s.jacobian.IsValid() // the value came through the bijector to the support
	if !s.scales.IsValid() {
		a.addWithin(lp, factor, inside)
		return
	}
	if s.scales.Rank() > 0 {
		lp = lp.Mul(s.scales)
		factor = float64(s.scale * float64(tensor.NumElements(s.Batch)) / float64(lp.Size()))
		a.add(lp, factor)
		return
	}
	part := newSummation(a.position)
	part.addWithin(lp, factor, inside)
	a.add(part.total().Mul(s.scales), 1)
}

// evaluate computes the log density of the site's value.
func (s *Site) evaluate() {
	switch {
	case s.Kind == FactorSite:
		s.logProb = s.Value
	case s.Kind.random():
		s.logProb = s.Dist.LogProb(s.Value)
		if _, ok := tensor.BroadcastShapes(s.logProb.Shape(), s.Batch); !ok || s.logProb.Rank() > len(s.Batch) {
			s.fail("the log density %s of its distribution has not the batch shape %v", s.logProb, s.Batch)
		}
	}
	if s.mask.IsValid() {
		got, ok := tensor.BroadcastShapes(s.mask.Shape(), s.Batch)
		if !ok || tensor.NumElements(got) != tensor.NumElements(s.Batch) {
			s.fail("mask %s does not broadcast to batch shape %v", s.mask, s.Batch)
		}
	}
}
