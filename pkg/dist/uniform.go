package dist

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// UniformDist is the uniform distribution on [Low, High].
type UniformDist struct {
	shape
	Low, High tensor.Value
}

// Uniform returns the uniform distribution on [low, high], low < high.
func Uniform(low, high any) UniformDist {
	p := newParams("Uniform")
	d := UniformDist{Low: p.real("low", low), High: p.real("high", high)}
	d.shape = p.shape()
	checkOrder("Uniform", d.Low, d.High)
	return d
}

// checkOrder fails where bounds are known while tracing and are not in order.
func checkOrder(dist string, low, high tensor.Value) {
	lo, okLo := tensor.Static(low)
	hi, okHi := tensor.Static(high)
	if !okLo || !okHi || len(lo) != len(hi) {
		return
	}
	for i := range lo {
		if !(lo[i] < hi[i]) {
			tensor.Fail(dist, "low is %v, want less than high, which is %v", lo[i], hi[i])
		}
	}
}

func (d UniformDist) Support() Constraint               { return bounded{lo: d.Low, hi: d.High} }
func (d UniformDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d UniformDist) LogProb(x tensor.Value) tensor.Value {
	return d.full(within(x.Ge(d.Low).And(x.Le(d.High)), d.High.Sub(d.Low).Log().Neg()))
}

func (d UniformDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return k.Uniform(d.whole(sample)...).Mul(d.High.Sub(d.Low)).Add(d.Low)
}

func (d UniformDist) Mean() tensor.Value { return d.filled(d.Low.Add(d.High).Mul(0.5)) }
func (d UniformDist) Variance() tensor.Value {
	return d.filled(d.High.Sub(d.Low).Square().Mul(1.0 / 12))
}

func (d UniformDist) CDF(x tensor.Value) tensor.Value {
	return standardize(x, d.Low, d.High.Sub(d.Low)).Clamp(0.0, 1.0)
}
func (d UniformDist) LogCDF(x tensor.Value) tensor.Value { return d.CDF(x).Log() }
func (d UniformDist) LogSF(x tensor.Value) tensor.Value {
	return d.High.Sub(x).Div(d.High.Sub(d.Low)).Clamp(0.0, 1.0).Log()
}
func (d UniformDist) ICDF(q tensor.Value) tensor.Value {
	return q.Mul(d.High.Sub(d.Low)).Add(d.Low)
}

// quantile measures from the nearer end.
func (d UniformDist) quantile(logp, logq tensor.Value) tensor.Value {
	width := d.High.Sub(d.Low)
	return tensor.Select(logp.Lt(logq), d.Low.Add(logp.Exp().Mul(width)), d.High.Sub(logq.Exp().Mul(width)))
}
