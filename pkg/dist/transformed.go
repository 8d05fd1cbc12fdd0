package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TransformedDist is the distribution of the transforms, one after another, of a draw from Base.
type TransformedDist struct {
	shape
	Base       Distribution
	Transforms []Bijector
}

// Transformed returns the distribution of t_n(… t_1(X)) for X ~ base. Transforms of vectors take the last batch axes of a
// scalar base as their event axes.
func Transformed(base Distribution, transforms ...Bijector) TransformedDist {
	t := Compose(transforms...)
	if lack := t.DomainDim() - len(base.Event()); lack > 0 {
		if lack > len(base.Batch()) {
			tensor.Fail("Transformed", "a transform of %d axes of a distribution with batch shape %v and event shape %v", t.DomainDim(), base.Batch(), base.Event())
		}
		base = ToEvent(base, lack)
	}
	whole := t.ConstrainedShape(slices.Concat(base.Batch(), base.Event()))
	whole = withParameters(transforms, whole)
	events := t.CodomainDim() + len(base.Event()) - t.DomainDim()
	cut := len(whole) - events
	return TransformedDist{shape{whole[:cut], whole[cut:]}, base, slices.Clone(transforms)}
}

// withParameters broadcasts the shape of results with the parameters of scalar transforms.
func withParameters(transforms []Bijector, shape []int) []int {
	for _, t := range transforms {
		for _, p := range parametersOf(t) {
			both, ok := tensor.BroadcastShapes(shape, p.Shape())
			if !ok {
				tensor.Fail("Transformed", "parameter %s of a transform does not broadcast with shape %v", p, shape)
			}
			shape = both
		}
	}
	return shape
}

func parametersOf(t Bijector) []tensor.Value {
	switch t := t.(type) {
	case affine:
		return []tensor.Value{t.loc, t.scale}
	case power:
		return []tensor.Value{t.exponent}
	case shiftedExp:
		return []tensor.Value{t.edge}
	case affineSigmoid:
		return []tensor.Value{t.lo, t.hi}
	case reinterpreted:
		return parametersOf(t.Bijector)
	case composed:
		var out []tensor.Value
		for _, p := range t.parts {
			out = append(out, parametersOf(p)...)
		}
		return out
	}
	return nil
}

func (d TransformedDist) bijector() Bijector { return Compose(d.Transforms...) }

// Support is the image of the base's support.
func (d TransformedDist) Support() Constraint { return d.bijector().Image(d.Base.Support()) }

// ExpandTo widens the base: elements that parameters of the transforms had multiplied become independent.
func (d TransformedDist) ExpandTo(batch []int) Distribution {
	return Transformed(Expand(d.Base, batch...), d.Transforms...)
}

func (d TransformedDist) LogProb(y tensor.Value) tensor.Value {
	t := d.bijector()
	support, axes := d.Support(), 0
	if i, ok := support.(independent); ok {
		support, axes = i.base, i.n
	}
	switch c := support.(type) {
	case bounded: // outside, the inverse may be NaN, and its derivative with it
		in := c.Check(y)
		return d.full(within(allOver(in, axes), d.density(t, tensor.Select(in, y, t.Forward(tensor.Lift(0.5))))))
	case structured:
		if c.dim == 1 {
			return d.full(within(allOver(c.Check(y), axes), d.density(t, y)))
		}
	}
	return d.full(d.density(t, y))
}

// density is the log density of a y in the support.
func (d TransformedDist) density(t Bijector, y tensor.Value) tensor.Value {
	x := t.Inverse(y)
	j := sumOver(t.LogAbsDetJacobian(x, y), len(d.Base.Event())-t.DomainDim())
	return d.Base.LogProb(x).Sub(j)
}

func (d TransformedDist) Sample(k rng.Key, sample ...int) tensor.Value {
	base := d.Base
	if got := d.bijector().UnconstrainedShape(d.whole(nil)); !slices.Equal(got, slices.Concat(base.Batch(), base.Event())) {
		base = Expand(base, got[:len(got)-len(base.Event())]...)
	}
	return d.bijector().Forward(base.Sample(k, sample...))
}
