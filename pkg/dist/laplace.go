package dist

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// LaplaceDist is the Laplace distribution: mean Loc, mean absolute deviation Scale.
type LaplaceDist struct {
	shape
	Loc, Scale tensor.Value
}

// Laplace returns the Laplace (double exponential) distribution with mean loc and scale > 0.
func Laplace(loc, scale any) LaplaceDist {
	p := newParams("Laplace")
	d := LaplaceDist{Loc: p.real("loc", loc), Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d LaplaceDist) Support() Constraint                 { return Real }
func (d LaplaceDist) ExpandTo(batch []int) Distribution   { d.batch = batch; return d }
func (d LaplaceDist) LocScale() (loc, scale tensor.Value) { return d.Loc, d.Scale }
func (d LaplaceDist) WithLocScale(loc, scale any) Distribution {
	return widened(Laplace(loc, scale), d.batch)
}

func (d LaplaceDist) LogProb(x tensor.Value) tensor.Value {
	return d.full(d.Scale.Log().Neg().Sub(log2).Sub(standardize(x, d.Loc, d.Scale).Abs()))
}

func (d LaplaceDist) Sample(k rng.Key, sample ...int) tensor.Value {
	u := k.Uniform(d.whole(sample)...).Sub(0.5)
	return u.Sign().Mul(u.Abs().Mul(-2.0).Log1p().Neg()).Mul(d.Scale).Add(d.Loc)
}

func (d LaplaceDist) Mean() tensor.Value     { return d.filled(d.Loc) }
func (d LaplaceDist) Variance() tensor.Value { return d.filled(d.Scale.Square().Mul(2.0)) }

func (d LaplaceDist) CDF(x tensor.Value) tensor.Value { return d.LogCDF(x).Exp() }
func (d LaplaceDist) LogCDF(x tensor.Value) tensor.Value {
	return logLowerLaplace(standardize(x, d.Loc, d.Scale))
}
func (d LaplaceDist) LogSF(x tensor.Value) tensor.Value {
	return logLowerLaplace(standardize(x, d.Loc, d.Scale).Neg())
}
func (d LaplaceDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

// logLowerLaplace returns log P(Z ≤ z) of a standard Laplace Z.
func logLowerLaplace(z tensor.Value) tensor.Value {
	low := z.Lt(0.0)
	return tensor.Select(low, z.Sub(log2), tensor.Select(low, 0.0, z.Neg()).Exp().Mul(-0.5).Log1p())
}

// kink is where the quantile function is not smooth.
func (d LaplaceDist) kink() tensor.Value { return d.Loc }

func (d LaplaceDist) quantile(logp, logq tensor.Value) tensor.Value {
	z := logp.Min(logq).Add(log2)
	return tensor.Select(logp.Lt(logq), z, z.Neg()).Mul(d.Scale).Add(d.Loc)
}
