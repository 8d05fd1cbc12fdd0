package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// GumbelDist is the Gumbel distribution of largest values: mode Loc, P(X ≤ x) = exp(-exp(-(x-Loc)/Scale)).
type GumbelDist struct {
	shape
	Loc, Scale tensor.Value
}

// Gumbel returns the Gumbel distribution with mode loc and scale > 0.
func Gumbel(loc, scale any) GumbelDist {
	p := newParams("Gumbel")
	d := GumbelDist{Loc: p.real("loc", loc), Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d GumbelDist) Support() Constraint                 { return Real }
func (d GumbelDist) ExpandTo(batch []int) Distribution   { d.batch = batch; return d }
func (d GumbelDist) LocScale() (loc, scale tensor.Value) { return d.Loc, d.Scale }
func (d GumbelDist) WithLocScale(loc, scale any) Distribution {
	return widened(Gumbel(loc, scale), d.batch)
}

func (d GumbelDist) LogProb(x tensor.Value) tensor.Value {
	minus := standardize(x, d.Loc, d.Scale).Neg()
	return d.full(minus.Sub(minus.Exp()).Sub(d.Scale.Log()))
}

func (d GumbelDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return k.Uniform(d.whole(sample)...).Log().Neg().Log().Neg().Mul(d.Scale).Add(d.Loc)
}

func (d GumbelDist) Mean() tensor.Value { return d.filled(d.Scale.Mul(eulerGamma).Add(d.Loc)) }
func (d GumbelDist) Variance() tensor.Value {
	return d.filled(d.Scale.Square().Mul(math.Pi * math.Pi / 6))
}

func (d GumbelDist) CDF(x tensor.Value) tensor.Value { return d.LogCDF(x).Exp() }
func (d GumbelDist) LogCDF(x tensor.Value) tensor.Value {
	return standardize(x, d.Loc, d.Scale).Neg().Exp().Neg()
}
func (d GumbelDist) LogSF(x tensor.Value) tensor.Value { return log1mexp(d.LogCDF(x).Neg()) }
func (d GumbelDist) ICDF(q tensor.Value) tensor.Value  { return quantileOf(d, q) }

// quantile: -log P(X ≤ x) = exp(-z).
func (d GumbelDist) quantile(logp, logq tensor.Value) tensor.Value {
	return hazard(logq, logp).Log().Neg().Mul(d.Scale).Add(d.Loc)
}
