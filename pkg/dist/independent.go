package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// IndependentDist counts the last batch axes of Base as event axes.
type IndependentDist struct {
	shape
	Base Distribution
	axes int
}

// ToEvent returns d with its last n batch axes as event axes: its log density sums over them.
func ToEvent(d Distribution, n int) Distribution {
	batch := d.Batch()
	if n < 0 || n > len(batch) {
		tensor.Fail("to event", "%d axes of a distribution with batch shape %v", n, batch)
	}
	if n == 0 {
		return d
	}
	cut := len(batch) - n
	event := slices.Concat(batch[cut:], d.Event())
	return IndependentDist{shape{batch[:cut], event}, d, n}
}

func (d IndependentDist) Support() Constraint { return Independent(d.Base.Support(), d.axes) }

// ExpandTo widens the base, whose last batch axes stay.
func (d IndependentDist) ExpandTo(batch []int) Distribution {
	return ToEvent(Expand(d.Base, slices.Concat(batch, d.event[:d.axes])...), d.axes)
}

func (d IndependentDist) LogProb(x tensor.Value) tensor.Value {
	return sumOver(d.Base.LogProb(x), d.axes)
}

func (d IndependentDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return d.Base.Sample(k, sample...)
}

// MaskedDist is a distribution whose log density counts only where a mask is true.
type MaskedDist struct {
	shape
	Base Distribution
	mask tensor.Value
}

// Mask returns d with a log density of 0 where mask, a bool or Bool Value over the batch, is false.
func Mask(d Distribution, mask any) Distribution {
	m := tensor.Lift(mask)
	if m.DType() != tensor.Bool {
		tensor.Fail("mask", "%s, want bool", m)
	}
	batch, ok := tensor.BroadcastShapes(d.Batch(), m.Shape())
	if !ok {
		tensor.Fail("mask", "%s does not broadcast with batch shape %v", m, d.Batch())
	}
	return MaskedDist{shape{batch, d.Event()}, d, m}
}

func (d MaskedDist) Support() Constraint               { return d.Base.Support() }
func (d MaskedDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d MaskedDist) LogProb(x tensor.Value) tensor.Value {
	return d.full(tensor.Select(d.mask, d.Base.LogProb(x), 0.0))
}

func (d MaskedDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return Expand(d.Base, d.batch...).Sample(k, sample...)
}

// MomentsOf returns the mean and variance of d where they are known, looking through Expand, ToEvent and Mask, else false.
func MomentsOf(d Distribution) (mean, variance tensor.Value, ok bool) {
	whole := slices.Concat(d.Batch(), d.Event())
	var base Distribution
	switch w := d.(type) {
	case Moments:
		return w.Mean(), w.Variance(), true
	case IndependentDist:
		base = w.Base
	case MaskedDist:
		base = w.Base
	case ExpandedDist:
		base = w.Base
	default:
		return mean, variance, false
	}
	if mean, variance, ok = MomentsOf(base); !ok {
		return mean, variance, false
	}
	return mean.BroadcastTo(whole...), variance.BroadcastTo(whole...), true
}
