package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// CauchyDist is the Cauchy distribution: median Loc, half-width at half-maximum Scale.
type CauchyDist struct {
	shape
	Loc, Scale tensor.Value
}

// Cauchy returns the Cauchy distribution with the given location and scale > 0.
func Cauchy(loc, scale any) CauchyDist {
	p := newParams("Cauchy")
	d := CauchyDist{Loc: p.real("loc", loc), Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d CauchyDist) Support() Constraint                 { return Real }
func (d CauchyDist) ExpandTo(batch []int) Distribution   { d.batch = batch; return d }
func (d CauchyDist) LocScale() (loc, scale tensor.Value) { return d.Loc, d.Scale }
func (d CauchyDist) WithLocScale(loc, scale any) Distribution {
	return widened(Cauchy(loc, scale), d.batch)
}

func (d CauchyDist) LogProb(x tensor.Value) tensor.Value {
	z := standardize(x, d.Loc, d.Scale)
	return d.full(d.Scale.Log().Neg().Sub(logPi).Sub(log1pSquare(z)))
}

// log1pSquare returns log(1 + z²), to an ulp of 1 for small z: a log density adds it to terms of that size, and a logarithm
// costs less than Log1p.
func log1pSquare(z tensor.Value) tensor.Value { return z.Square().Add(1.0).Log() }

func (d CauchyDist) Sample(k rng.Key, sample ...int) tensor.Value {
	u := k.Uniform(d.whole(sample)...)
	return u.Sub(0.5).Mul(math.Pi).Tan().Mul(d.Scale).Add(d.Loc)
}

func (d CauchyDist) Mean() tensor.Value     { return d.filled(tensor.Lift(math.NaN())) }
func (d CauchyDist) Variance() tensor.Value { return d.filled(tensor.Lift(math.NaN())) }

func (d CauchyDist) CDF(x tensor.Value) tensor.Value {
	return arcCotangent(standardize(x, d.Loc, d.Scale).Neg()).Mul(1 / math.Pi)
}
func (d CauchyDist) LogCDF(x tensor.Value) tensor.Value {
	return logUpperCauchy(standardize(x, d.Loc, d.Scale).Neg())
}
func (d CauchyDist) LogSF(x tensor.Value) tensor.Value {
	return logUpperCauchy(standardize(x, d.Loc, d.Scale))
}
func (d CauchyDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

// arcCotangent returns the angle in (0, π) whose cotangent is z: accurate for large z, where it is near 0.
func arcCotangent(z tensor.Value) tensor.Value {
	return tensor.Lift(1.0).BroadcastTo(z.Shape()...).Atan2(z)
}

// logUpperCauchy returns log P(Z > z) of a standard Cauchy Z, by the smaller tail.
func logUpperCauchy(z tensor.Value) tensor.Value {
	up := z.Ge(0.0) // not z.Abs(), which has no derivative at 0
	tail := arcCotangent(tensor.Select(up, z, z.Neg())).Mul(1 / math.Pi)
	return tensor.Select(up, tail.Log(), tail.Neg().Log1p())
}

// quantile: with the smaller tail t, z = ±cot(πt).
func (d CauchyDist) quantile(logp, logq tensor.Value) tensor.Value {
	z := logp.Min(logq).Exp().Mul(math.Pi).Tan().Reciprocal()
	return tensor.Select(logp.Lt(logq), z.Neg(), z).Mul(d.Scale).Add(d.Loc)
}

// HalfCauchyDist is the distribution of |X| for X ~ Cauchy(0, Scale).
type HalfCauchyDist struct {
	shape
	Scale tensor.Value
}

// HalfCauchy returns the half-Cauchy distribution with the given scale > 0, its median.
func HalfCauchy(scale any) HalfCauchyDist {
	p := newParams("HalfCauchy")
	d := HalfCauchyDist{Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d HalfCauchyDist) Support() Constraint               { return NonNegative }
func (d HalfCauchyDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d HalfCauchyDist) LogProb(x tensor.Value) tensor.Value {
	z := x.Mul(d.Scale.Reciprocal())
	return d.full(within(x.Ge(0.0), d.Scale.Log().Neg().Sub(logPi-log2).Sub(log1pSquare(z))))
}

func (d HalfCauchyDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return k.Uniform(d.whole(sample)...).Mul(math.Pi / 2).Tan().Mul(d.Scale)
}

func (d HalfCauchyDist) Mean() tensor.Value     { return d.filled(tensor.Lift(math.Inf(1))) }
func (d HalfCauchyDist) Variance() tensor.Value { return d.filled(tensor.Lift(math.Inf(1))) }

func (d HalfCauchyDist) CDF(x tensor.Value) tensor.Value {
	return x.Max(0.0).Atan2(d.Scale).Mul(2 / math.Pi)
}
func (d HalfCauchyDist) LogCDF(x tensor.Value) tensor.Value { return d.CDF(x).Log() }
func (d HalfCauchyDist) LogSF(x tensor.Value) tensor.Value {
	return logUpperCauchy(x.Max(0.0).Div(d.Scale)).Add(log2)
}
func (d HalfCauchyDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

// quantile: z = tan(πp/2) = cot(πq/2), by the smaller tail.
func (d HalfCauchyDist) quantile(logp, logq tensor.Value) tensor.Value {
	t := logp.Min(logq).Exp().Mul(math.Pi / 2).Tan()
	return tensor.Select(logp.Lt(logq), t, t.Reciprocal()).Mul(d.Scale)
}
