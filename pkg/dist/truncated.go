package dist

import (
	"fmt"
	"math"
	"strings"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TruncatedDist is Base given that it lies in [Low, High]; an absent bound does not limit.
type TruncatedDist struct {
	shape
	Base      Distribution
	Low, High tensor.Value

	base    quantiler
	logMass tensor.Value // log P(Low ≤ X ≤ High) under Base
}

// Truncated returns base given that it lies between low and high; nil is no bound. Bases are the scalar distributions of
// this package with a distribution function in closed form: Normal, HalfNormal, Cauchy, HalfCauchy, Laplace, Logistic,
// Exponential, Gumbel, Weibull, LogNormal, Uniform.
//
// Probabilities are computed in logarithms and from the nearer tail, so that bounds far out in either tail are as good as
// others: both at 30 standard deviations, say.
func Truncated(base Distribution, low, high any) TruncatedDist {
	q, ok := base.(quantiler)
	if !ok {
		tensor.Fail("Truncated", "%s can not be truncated: its distribution function has no closed form here", familyName(base))
	}
	p := newParams("Truncated")
	d := TruncatedDist{Base: base, base: q}
	notNaN := func(v float64) bool { return !math.IsNaN(v) }
	if low != nil {
		d.Low = p.take("low", low, 0, "a number", notNaN)
	}
	if high != nil {
		d.High = p.take("high", high, 0, "a number", notNaN)
	}
	d.Low, d.High = finiteBound(d.Low, -1), finiteBound(d.High, 1)
	batch, ok := tensor.BroadcastShapes(p.shape().batch, base.Batch())
	if !ok {
		tensor.Fail("Truncated", "bounds %v do not broadcast with batch shape %v", p.shape().batch, base.Batch())
	}
	if d.Low.IsValid() && d.High.IsValid() {
		checkOrder("Truncated", d.Low, d.High)
	}
	d.shape = shape{batch: batch}
	d.logMass = logBetween(q, d.Low, d.High)
	return d
}

// finiteBound returns an absent Value for an infinity known while tracing.
func finiteBound(v tensor.Value, sign int) tensor.Value {
	if v.IsValid() && allStatic(v, func(x float64) bool { return math.IsInf(x, sign) }) {
		return tensor.Value{}
	}
	return v
}

// familyName returns the constructor's name of one of this package's distributions.
func familyName(d Distribution) string {
	name := fmt.Sprintf("%T", d)
	return strings.TrimSuffix(name[strings.LastIndex(name, ".")+1:], "Dist")
}

// logBetween returns log P(low ≤ X ≤ high). Between two bounds it is a difference of the probabilities beyond them in the
// tail where these are smaller.
func logBetween(d CDF, low, high tensor.Value) tensor.Value {
	switch {
	case !low.IsValid() && !high.IsValid():
		return tensor.Lift(0.0)
	case !high.IsValid():
		return d.LogSF(low)
	case !low.IsValid():
		return d.LogCDF(high)
	}
	belowHigh, aboveLow := d.LogCDF(high), d.LogSF(low)
	lower := belowHigh.Lt(aboveLow)
	large := tensor.Select(lower, belowHigh, aboveLow)
	small := tensor.Select(lower, d.LogCDF(low), d.LogSF(high))
	return logSubExp(large, small)
}

// Support is the base's within the bounds.
func (d TruncatedDist) Support() Constraint {
	out, _ := d.Base.Support().(bounded)
	out.name = ""
	if d.Low.IsValid() {
		if out.lo.IsValid() {
			out.lo, out.openLo = tighter(out.lo, d.Low, math.Max, tensor.Value.Max), false
		} else {
			out.lo = d.Low
		}
	}
	if d.High.IsValid() {
		if out.hi.IsValid() {
			out.hi, out.openHi = tighter(out.hi, d.High, math.Min, tensor.Value.Min), false
		} else {
			out.hi = d.High
		}
	}
	if !out.lo.IsValid() && !out.hi.IsValid() {
		return Real
	}
	return out
}

// tighter combines two bounds, while tracing where both are known numbers.
func tighter(a, b tensor.Value, static func(x, y float64) float64, traced func(x tensor.Value, y any) tensor.Value) tensor.Value {
	x, okX := tensor.Static(a)
	y, okY := tensor.Static(b)
	if okX && okY && a.Rank() == 0 && b.Rank() == 0 {
		return tensor.Lift(static(x[0], y[0]))
	}
	return traced(a, b)
}

func (d TruncatedDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d TruncatedDist) LogProb(x tensor.Value) tensor.Value {
	lp := d.Base.LogProb(x).Sub(d.logMass)
	if d.Low.IsValid() || d.High.IsValid() {
		lp = within(bounded{lo: d.Low, hi: d.High}.Check(x), lp)
	}
	return d.full(lp)
}

func (d TruncatedDist) clamp(x tensor.Value) tensor.Value {
	if d.Low.IsValid() {
		x = x.Max(d.Low)
	}
	if d.High.IsValid() {
		x = x.Min(d.High)
	}
	return x
}

func (d TruncatedDist) CDF(x tensor.Value) tensor.Value { return d.LogCDF(x).Exp() }
func (d TruncatedDist) LogCDF(x tensor.Value) tensor.Value {
	return logBetween(d.base, d.Low, d.clamp(x)).Sub(d.logMass)
}
func (d TruncatedDist) LogSF(x tensor.Value) tensor.Value {
	return logBetween(d.base, d.clamp(x), d.High).Sub(d.logMass)
}
func (d TruncatedDist) ICDF(q tensor.Value) tensor.Value { return quantileOf(d, q) }

// quantile adds, in either tail of the base, what lies beyond the bound to the part of the mass that lies within it: sums
// of positive numbers, in which nothing cancels.
func (d TruncatedDist) quantile(logp, logq tensor.Value) tensor.Value {
	below, above := logp.Add(d.logMass), logq.Add(d.logMass)
	if d.Low.IsValid() {
		below = below.LogAddExp(d.base.LogCDF(d.Low))
	}
	if d.High.IsValid() {
		above = above.LogAddExp(d.base.LogSF(d.High))
	}
	return d.clamp(d.base.quantile(below, above))
}

func (d TruncatedDist) Sample(k rng.Key, sample ...int) tensor.Value {
	u := k.Uniform(d.whole(sample)...)
	return d.quantile(u.Log(), u.Neg().Log1p())
}
