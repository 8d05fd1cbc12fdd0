package dist

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// WeibullDist is the Weibull distribution: P(X > x) = exp(-(x/Scale)^Concentration).
type WeibullDist struct {
	shape
	Scale, Concentration tensor.Value
}

// Weibull returns the Weibull distribution with scale > 0 and concentration > 0.
func Weibull(scale, concentration any) WeibullDist {
	p := newParams("Weibull")
	d := WeibullDist{Scale: p.positive("scale", scale), Concentration: p.positive("concentration", concentration)}
	d.shape = p.shape()
	return d
}

func (d WeibullDist) Support() Constraint               { return Positive }
func (d WeibullDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d WeibullDist) LogProb(x tensor.Value) tensor.Value {
	in, logx := positiveLog(x)
	logs := d.Scale.Log()
	l := logx.Sub(logs)
	lp := d.Concentration.Sub(1.0).Mul(l).Sub(d.Concentration.Mul(l).Exp()) // k-1 and k apart: k = 1 must not cancel
	return d.full(within(in, lp.Add(d.Concentration.Log().Sub(logs))))
}

func (d WeibullDist) Sample(k rng.Key, sample ...int) tensor.Value {
	logE := k.Uniform(d.whole(sample)...).Log().Neg().Log()
	return logE.Div(d.Concentration).Exp().Mul(d.Scale)
}

// moment returns E (X/Scale)^n = Γ(1 + n/Concentration).
func (d WeibullDist) moment(n float64) tensor.Value {
	return d.Concentration.Reciprocal().Mul(n).Add(1.0).Lgamma().Exp()
}

func (d WeibullDist) Mean() tensor.Value { return d.filled(d.moment(1).Mul(d.Scale)) }
func (d WeibullDist) Variance() tensor.Value {
	return d.filled(d.moment(2).Sub(d.moment(1).Square()).Mul(d.Scale.Square()))
}

func (d WeibullDist) CDF(x tensor.Value) tensor.Value { return d.LogSF(x).Expm1().Neg() }
func (d WeibullDist) LogCDF(x tensor.Value) tensor.Value {
	in, power := d.logPower(x)
	tiny := power.Lt(-40.0) // where 1 - exp(-exp(power)) is exp(power) to double precision
	return within(in, tensor.Select(tiny, power, log1mexp(tensor.Select(tiny, 0.0, power).Exp())))
}
func (d WeibullDist) LogSF(x tensor.Value) tensor.Value {
	in, power := d.logPower(x)
	return tensor.Select(in, power.Exp().Neg(), 0.0)
}

// logPower returns where x is positive and log (x/scale)^concentration there.
func (d WeibullDist) logPower(x tensor.Value) (in, power tensor.Value) {
	in, logx := positiveLog(x)
	return in, logx.Sub(d.Scale.Log()).Mul(d.Concentration)
}
func (d WeibullDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

func (d WeibullDist) quantile(logp, logq tensor.Value) tensor.Value {
	return hazard(logp, logq).Log().Div(d.Concentration).Exp().Mul(d.Scale)
}
