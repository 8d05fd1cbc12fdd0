package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// GammaDist is the gamma distribution with mean Concentration/Rate.
type GammaDist struct {
	shape
	Concentration, Rate tensor.Value
}

// Gamma returns the gamma distribution with concentration > 0 (shape) and rate > 0 (inverse scale).
func Gamma(concentration, rate any) GammaDist {
	p := newParams("Gamma")
	d := GammaDist{Concentration: p.positive("concentration", concentration), Rate: p.positive("rate", rate)}
	d.shape = p.shape()
	return d
}

func (d GammaDist) Support() Constraint               { return Positive }
func (d GammaDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d GammaDist) LogProb(x tensor.Value) tensor.Value {
	in, logx := positiveLog(x)
	constant := d.Concentration.Mul(d.Rate.Log()).Sub(d.Concentration.Lgamma())
	return d.full(within(in, d.Concentration.Sub(1.0).Mul(logx).Sub(d.Rate.Mul(x)).Add(constant)))
}

func (d GammaDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return drawLogGamma(k, d.Concentration, d.whole(sample)).Exp().Div(d.Rate)
}

func (d GammaDist) Mean() tensor.Value     { return d.filled(d.Concentration.Div(d.Rate)) }
func (d GammaDist) Variance() tensor.Value { return d.filled(d.Concentration.Div(d.Rate.Square())) }

// Chi2Dist is the chi-squared distribution with DF degrees of freedom: Gamma(DF/2, 1/2).
type Chi2Dist struct {
	GammaDist
	DF tensor.Value
}

// Chi2 returns the chi-squared distribution with df > 0 degrees of freedom.
func Chi2(df any) Chi2Dist {
	p := newParams("Chi2")
	d := Chi2Dist{DF: p.positive("df", df)}
	d.GammaDist = GammaDist{p.shape(), d.DF.Mul(0.5), tensor.Lift(0.5)}
	return d
}

// ExpandTo returns d with a wider batch shape.
func (d Chi2Dist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// InverseGammaDist is the distribution of 1/X for X ~ Gamma(Concentration, Rate).
type InverseGammaDist struct {
	shape
	Concentration, Rate tensor.Value
}

// InverseGamma returns the inverse gamma distribution with concentration > 0 and rate > 0 (called scale elsewhere).
func InverseGamma(concentration, rate any) InverseGammaDist {
	p := newParams("InverseGamma")
	d := InverseGammaDist{Concentration: p.positive("concentration", concentration), Rate: p.positive("rate", rate)}
	d.shape = p.shape()
	return d
}

func (d InverseGammaDist) Support() Constraint               { return Positive }
func (d InverseGammaDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d InverseGammaDist) LogProb(x tensor.Value) tensor.Value {
	in := x.Gt(0.0)
	y := tensor.Select(in, x, 1.0)
	constant := d.Concentration.Mul(d.Rate.Log()).Sub(d.Concentration.Lgamma())
	return d.full(within(in, constant.Sub(d.Concentration.Add(1.0).Mul(y.Log())).Sub(d.Rate.Div(y))))
}

func (d InverseGammaDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return drawLogGamma(k, d.Concentration, d.whole(sample)).Neg().Exp().Mul(d.Rate)
}

// Mean is Inf for concentration ≤ 1.
func (d InverseGammaDist) Mean() tensor.Value {
	a := d.Concentration.Sub(1.0)
	return d.filled(tensor.Select(a.Gt(0.0), d.Rate.Div(a), math.Inf(1)))
}

// Variance is Inf for concentration ≤ 2.
func (d InverseGammaDist) Variance() tensor.Value {
	a := d.Concentration.Sub(1.0)
	return d.filled(tensor.Select(a.Gt(1.0), d.Rate.Div(a).Square().Div(a.Sub(1.0)), math.Inf(1)))
}
