package dist

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// ExponentialDist is the exponential distribution with mean 1/Rate.
type ExponentialDist struct {
	shape
	Rate tensor.Value
}

// Exponential returns the exponential distribution with the given rate > 0.
func Exponential(rate any) ExponentialDist {
	p := newParams("Exponential")
	d := ExponentialDist{Rate: p.positive("rate", rate)}
	d.shape = p.shape()
	return d
}

func (d ExponentialDist) Support() Constraint               { return NonNegative }
func (d ExponentialDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d ExponentialDist) LogProb(x tensor.Value) tensor.Value {
	return d.full(within(x.Ge(0.0), d.Rate.Log().Sub(d.Rate.Mul(x))))
}

func (d ExponentialDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return k.Uniform(d.whole(sample)...).Log().Neg().Div(d.Rate)
}

func (d ExponentialDist) Mean() tensor.Value     { return d.filled(d.Rate.Reciprocal()) }
func (d ExponentialDist) Variance() tensor.Value { return d.filled(d.Rate.Square().Reciprocal()) }

func (d ExponentialDist) CDF(x tensor.Value) tensor.Value    { return d.LogSF(x).Expm1().Neg() }
func (d ExponentialDist) LogCDF(x tensor.Value) tensor.Value { return log1mexp(d.LogSF(x).Neg()) }
func (d ExponentialDist) LogSF(x tensor.Value) tensor.Value  { return x.Max(0.0).Mul(d.Rate).Neg() }
func (d ExponentialDist) ICDF(q tensor.Value) tensor.Value   { return q.Neg().Log1p().Neg().Div(d.Rate) }

func (d ExponentialDist) quantile(logp, logq tensor.Value) tensor.Value {
	return hazard(logp, logq).Div(d.Rate)
}

// hazard returns -logq, from logp where that is the smaller tail.
func hazard(logp, logq tensor.Value) tensor.Value {
	lower := logp.Lt(logq)
	fromLow := tensor.Select(lower, logp, -1.0).Exp().Neg().Log1p()
	return tensor.Select(lower, fromLow, logq).Neg()
}
