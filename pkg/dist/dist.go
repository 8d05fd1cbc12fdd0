// Package dist has distributions, constraints, bijectors (biject_to), KL.
//
// Distributions are values that build programs: LogProb and Sample record instructions and compute nothing themselves.
// Constructors take Values, Go numbers or slices, which broadcast to the batch shape; a distribution of numbers alone
// joins whatever trace uses it. Names and parameterisations are NumPyro's.
//
// A parameter that is known while tracing is checked then: a negative scale panics with a *tensor.Error that names the
// distribution, the parameter and the value. A traced parameter outside its domain gives NaN.
package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Distribution is a batch of independent distributions over values of one event shape.
type Distribution interface {
	// Batch returns the batch shape; callers must not change the slice.
	Batch() []int

	// Event returns the shape of one value, empty for scalars; callers must not change the slice.
	Event() []int

	// Support returns the set of values that have a density.
	Support() Constraint

	// LogProb returns the log density (or log mass) of x, whose shape ends in Event(). Its shape is x's batch broadcast
	// with Batch(). It is -Inf where a scalar x is outside the support; for vectors and matrices, where x is outside
	// in a way that the density sees (a negative entry of a simplex, say), which Support().Check sees fully.
	LogProb(x tensor.Value) tensor.Value

	// Sample returns independent draws of shape sample + Batch() + Event(), a function of k alone. Draws are floats of
	// the trace, I32 where the support is discrete. Samplers that reject use k's leaf to number their rounds.
	Sample(k rng.Key, sample ...int) tensor.Value
}

// Moments is a Distribution with known mean and variance, both of shape Batch() + Event(): NaN where undefined, Inf where
// they diverge. The variance of vectors is that of each entry.
type Moments interface {
	Mean() tensor.Value
	Variance() tensor.Value
}

// CDF is a scalar Distribution with a distribution function. The logarithms are accurate in both tails.
type CDF interface {
	CDF(x tensor.Value) tensor.Value    // P(X ≤ x)
	LogCDF(x tensor.Value) tensor.Value // log P(X ≤ x)
	LogSF(x tensor.Value) tensor.Value  // log P(X > x)
}

// ICDF is a scalar Distribution with a quantile function, the inverse of CDF, for q in [0, 1].
type ICDF interface {
	ICDF(q tensor.Value) tensor.Value
}

// LocScale is a distribution of loc + scale·Z, where Z does not depend on loc and scale.
type LocScale interface {
	Distribution
	LocScale() (loc, scale tensor.Value)

	// WithLocScale returns the distribution of loc + scale·Z for other parameters; its batch shape is the old one
	// broadcast with theirs.
	WithLocScale(loc, scale any) Distribution
}

// ValueType returns the dtype of draws of d in a trace with the given float type: I32 for discrete supports.
func ValueType(d Distribution, float tensor.DType) tensor.DType {
	if d.Support().Discrete() {
		return tensor.I32
	}
	return float
}

// shape is the batch and event shape of a distribution, to embed.
type shape struct{ batch, event []int }

// Batch returns the batch shape.
func (s shape) Batch() []int { return s.batch }

// Event returns the event shape.
func (s shape) Event() []int { return s.event }

// full returns a log density broadcast with the batch shape: a no-op unless the distribution was expanded.
func (s shape) full(lp tensor.Value) tensor.Value {
	return broadcastWith(lp, s.batch)
}

// whole returns the shape of draws.
func (s shape) whole(sample []int) []int { return slices.Concat(sample, s.batch, s.event) }

// filled returns a moment broadcast to the batch and event shape.
func (s shape) filled(v tensor.Value) tensor.Value { return v.BroadcastTo(s.whole(nil)...) }

func broadcastWith(v tensor.Value, batch []int) tensor.Value {
	out, ok := tensor.BroadcastShapes(v.Shape(), batch)
	if !ok {
		tensor.Fail("log density", "%s does not broadcast with batch shape %v", v, batch)
	}
	return v.BroadcastTo(out...)
}
