package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// LogisticDist is the logistic distribution: mean Loc, standard deviation Scale·π/√3.
type LogisticDist struct {
	shape
	Loc, Scale tensor.Value
}

// Logistic returns the logistic distribution with mean loc and scale > 0.
func Logistic(loc, scale any) LogisticDist {
	p := newParams("Logistic")
	d := LogisticDist{Loc: p.real("loc", loc), Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d LogisticDist) Support() Constraint                 { return Real }
func (d LogisticDist) ExpandTo(batch []int) Distribution   { d.batch = batch; return d }
func (d LogisticDist) LocScale() (loc, scale tensor.Value) { return d.Loc, d.Scale }
func (d LogisticDist) WithLocScale(loc, scale any) Distribution {
	return widened(Logistic(loc, scale), d.batch)
}

func (d LogisticDist) LogProb(x tensor.Value) tensor.Value {
	return d.full(logSigmoidSlope(standardize(x, d.Loc, d.Scale)).Sub(d.Scale.Log()))
}

func (d LogisticDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return logit(k.Uniform(d.whole(sample)...)).Mul(d.Scale).Add(d.Loc)
}

func (d LogisticDist) Mean() tensor.Value { return d.filled(d.Loc) }
func (d LogisticDist) Variance() tensor.Value {
	return d.filled(d.Scale.Square().Mul(math.Pi * math.Pi / 3))
}

func (d LogisticDist) CDF(x tensor.Value) tensor.Value {
	return standardize(x, d.Loc, d.Scale).Sigmoid()
}
func (d LogisticDist) LogCDF(x tensor.Value) tensor.Value {
	return standardize(x, d.Loc, d.Scale).Neg().Softplus().Neg()
}
func (d LogisticDist) LogSF(x tensor.Value) tensor.Value {
	return standardize(x, d.Loc, d.Scale).Softplus().Neg()
}
func (d LogisticDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

func (d LogisticDist) quantile(logp, logq tensor.Value) tensor.Value {
	return logp.Sub(logq).Mul(d.Scale).Add(d.Loc)
}
