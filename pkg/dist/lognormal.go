package dist

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// LogNormalDist is the distribution of exp X for X ~ Normal(Loc, Scale).
type LogNormalDist struct {
	shape
	Loc, Scale tensor.Value
}

// LogNormal returns the log-normal distribution: log X has mean loc and standard deviation scale > 0.
func LogNormal(loc, scale any) LogNormalDist {
	p := newParams("LogNormal")
	d := LogNormalDist{Loc: p.real("loc", loc), Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d LogNormalDist) Support() Constraint               { return Positive }
func (d LogNormalDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }
func (d LogNormalDist) base() NormalDist                  { return NormalDist(d) }

func (d LogNormalDist) LogProb(x tensor.Value) tensor.Value {
	in, logx := positiveLog(x)
	return within(in, d.base().LogProb(logx).Sub(logx))
}

// positiveLog returns where x is positive, and log x there, 0 elsewhere.
func positiveLog(x tensor.Value) (in, logx tensor.Value) {
	in = x.Gt(0.0)
	return in, tensor.Select(in, x, 1.0).Log()
}

func (d LogNormalDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return d.base().Sample(k, sample...).Exp()
}

func (d LogNormalDist) Mean() tensor.Value {
	return d.filled(d.Scale.Square().Mul(0.5).Add(d.Loc).Exp())
}
func (d LogNormalDist) Variance() tensor.Value {
	v := d.Scale.Square()
	return d.filled(v.Expm1().Mul(d.Loc.Mul(2.0).Add(v).Exp()))
}

func (d LogNormalDist) CDF(x tensor.Value) tensor.Value {
	in, logx := positiveLog(x)
	return tensor.Select(in, d.base().CDF(logx), 0.0)
}
func (d LogNormalDist) LogCDF(x tensor.Value) tensor.Value {
	in, logx := positiveLog(x)
	return within(in, d.base().LogCDF(logx))
}
func (d LogNormalDist) LogSF(x tensor.Value) tensor.Value {
	in, logx := positiveLog(x)
	return tensor.Select(in, d.base().LogSF(logx), 0.0)
}
func (d LogNormalDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

func (d LogNormalDist) quantile(logp, logq tensor.Value) tensor.Value {
	return d.base().quantile(logp, logq).Exp()
}
