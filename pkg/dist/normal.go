package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// NormalDist is the normal distribution: mean Loc, standard deviation Scale.
type NormalDist struct {
	shape
	Loc, Scale tensor.Value
}

// Normal returns the normal distribution with mean loc and standard deviation scale > 0.
func Normal(loc, scale any) NormalDist {
	p := newParams("Normal")
	d := NormalDist{Loc: p.real("loc", loc), Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d NormalDist) Support() Constraint                 { return Real }
func (d NormalDist) ExpandTo(batch []int) Distribution   { d.batch = batch; return d }
func (d NormalDist) LocScale() (loc, scale tensor.Value) { return d.Loc, d.Scale }
func (d NormalDist) WithLocScale(loc, scale any) Distribution {
	return widened(Normal(loc, scale), d.batch)
}

func (d NormalDist) LogProb(x tensor.Value) tensor.Value {
	z := standardize(x, d.Loc, d.Scale)
	return d.full(z.Square().Mul(-0.5).Sub(d.Scale.Log().Add(halfLog2Pi)))
}

func (d NormalDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return k.Normal(d.whole(sample)...).Mul(d.Scale).Add(d.Loc)
}

func (d NormalDist) Mean() tensor.Value     { return d.filled(d.Loc) }
func (d NormalDist) Variance() tensor.Value { return d.filled(d.Scale.Square()) }

func (d NormalDist) CDF(x tensor.Value) tensor.Value {
	return normalCDF(standardize(x, d.Loc, d.Scale))
}
func (d NormalDist) LogCDF(x tensor.Value) tensor.Value {
	return logNormalCDF(standardize(x, d.Loc, d.Scale))
}
func (d NormalDist) LogSF(x tensor.Value) tensor.Value {
	return logNormalCDF(standardize(x, d.Loc, d.Scale).Neg())
}
func (d NormalDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

func (d NormalDist) quantile(logp, logq tensor.Value) tensor.Value {
	return normalQuantile(logp, logq).Mul(d.Scale).Add(d.Loc)
}

// HalfNormalDist is the distribution of |X| for X ~ Normal(0, Scale).
type HalfNormalDist struct {
	shape
	Scale tensor.Value
}

// HalfNormal returns the half-normal distribution with the given scale > 0.
func HalfNormal(scale any) HalfNormalDist {
	p := newParams("HalfNormal")
	d := HalfNormalDist{Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d HalfNormalDist) Support() Constraint               { return NonNegative }
func (d HalfNormalDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// log(√(2/π)) = log 2 - log(2π)/2
func (d HalfNormalDist) LogProb(x tensor.Value) tensor.Value {
	z := x.Mul(d.Scale.Reciprocal())
	return d.full(within(x.Ge(0.0), z.Square().Mul(-0.5).Sub(d.Scale.Log().Add(halfLog2Pi-log2))))
}

func (d HalfNormalDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return k.Normal(d.whole(sample)...).Abs().Mul(d.Scale)
}

func (d HalfNormalDist) Mean() tensor.Value {
	return d.filled(d.Scale.Mul(0.79788456080286535588)) // √(2/π)
}
func (d HalfNormalDist) Variance() tensor.Value {
	return d.filled(d.Scale.Square().Mul(1 - 2/math.Pi))
}

func (d HalfNormalDist) CDF(x tensor.Value) tensor.Value {
	return x.Max(0.0).Div(d.Scale).Mul(math.Sqrt2 / 2).Erf()
}
func (d HalfNormalDist) LogCDF(x tensor.Value) tensor.Value {
	z := x.Max(0.0).Div(d.Scale).Mul(math.Sqrt2 / 2)
	return tensor.Select(z.Lt(1.0), z.Erf().Log(), z.Erfc().Neg().Log1p())
}

func (d HalfNormalDist) LogSF(x tensor.Value) tensor.Value {
	return logNormalCDF(x.Max(0.0).Div(d.Scale).Neg()).Add(log2)
}
func (d HalfNormalDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

// quantile: P(|Z| > z) = q is P(Z > z) = q/2, whose complement is (1+p)/2.
func (d HalfNormalDist) quantile(logp, logq tensor.Value) tensor.Value {
	return normalQuantile(logp.Exp().Log1p().Sub(log2), logq.Sub(log2)).Mul(d.Scale)
}
