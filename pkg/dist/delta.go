package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// DeltaDist has all its mass on V.
type DeltaDist struct {
	shape
	V, LogDensity tensor.Value
}

// Delta returns the distribution of the constant v, of log density 0 there.
func Delta(v any) DeltaDist { return DeltaWith(v, 0, 0) }

// DeltaWith returns the distribution of the constant v, whose last eventDim axes are the event's, of the given log density
// there: what normalising flows and guides need.
func DeltaWith(v, logDensity any, eventDim int) DeltaDist {
	value := tensor.Lift(v)
	if eventDim < 0 || eventDim > value.Rank() {
		tensor.Fail("Delta", "%d event axes of %s", eventDim, value)
	}
	p := newParams("Delta")
	d := DeltaDist{V: value, LogDensity: p.real("log_density", logDensity)}
	p.names, p.values, p.events = append(p.names, "v"), append(p.values, value), append(p.events, eventDim)
	d.shape = p.shape(slices.Clone(value.Shape()[value.Rank()-eventDim:])...)
	return d
}

func (d DeltaDist) Support() Constraint               { return singleton{d.V, len(d.event)} }
func (d DeltaDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d DeltaDist) LogProb(x tensor.Value) tensor.Value {
	return d.full(within(d.Support().Check(x), d.LogDensity))
}

func (d DeltaDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return tensor.In(k.Seed, d.V).BroadcastTo(d.whole(sample)...)
}

func (d DeltaDist) Mean() tensor.Value     { return d.filled(number(d.V)) }
func (d DeltaDist) Variance() tensor.Value { return d.filled(tensor.Lift(0.0)) }

// ImproperUniformDist has log density 0 on its support and is not normalised; it cannot be sampled.
type ImproperUniformDist struct {
	shape
	support Constraint
}

// ImproperUniform returns the flat prior on support for values of the given batch and event shapes. Where event has more
// axes than an element of the support, the support is that of each entry.
func ImproperUniform(support Constraint, batch, event []int) ImproperUniformDist {
	if support.EventDim() > len(event) {
		tensor.Fail("ImproperUniform", "event shape %v for a support of %d axes (%s)", event, support.EventDim(), support)
	}
	return ImproperUniformDist{shape{slices.Clone(batch), slices.Clone(event)}, Independent(support, len(event)-support.EventDim())}
}

func (d ImproperUniformDist) Support() Constraint               { return d.support }
func (d ImproperUniformDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d ImproperUniformDist) LogProb(x tensor.Value) tensor.Value {
	return d.full(within(d.support.Check(x), tensor.Lift(0.0)))
}

// Sample panics with a *tensor.Error: there is nothing to draw from.
func (d ImproperUniformDist) Sample(rng.Key, ...int) tensor.Value {
	tensor.Fail("ImproperUniform", "an improper prior can not be sampled")
	return tensor.Value{}
}
