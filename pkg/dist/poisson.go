package dist

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// PoissonDist is the Poisson distribution with mean Rate.
type PoissonDist struct {
	shape
	Rate tensor.Value
}

// Poisson returns the Poisson distribution with the given rate ≥ 0.
func Poisson(rate any) PoissonDist {
	p := newParams("Poisson")
	d := PoissonDist{Rate: p.nonNegative("rate", rate)}
	d.shape = p.shape()
	return d
}

func (d PoissonDist) Support() Constraint               { return NonNegativeInteger }
func (d PoissonDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// LogProb has log x! in a term of the data alone.
func (d PoissonDist) LogProb(x tensor.Value) tensor.Value {
	k, minusLogFactorial := counts(x)
	return d.full(xlogy(k, d.Rate).Sub(d.Rate).Add(minusLogFactorial))
}

// counts returns non-negative integers as floats, 0 in the place of other values, and -log x!, -Inf in their place.
func counts(x tensor.Value) (k, minusLogFactorial tensor.Value) {
	in := NonNegativeInteger.Check(x)
	k = tensor.Select(in, number(x), 0.0)
	return k, within(in, k.Add(1.0).Lgamma().Neg())
}

func (d PoissonDist) Mean() tensor.Value     { return d.filled(d.Rate) }
func (d PoissonDist) Variance() tensor.Value { return d.filled(d.Rate) }

func (d PoissonDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return drawPoisson(k, d.Rate, d.whole(sample))
}

// drawPoisson inverts the distribution function for small rates and rejects for large ones. Draws saturate at the largest
// I32; they are -1 for a rate that is NaN or infinite.
func drawPoisson(k rng.Key, rate tensor.Value, shape []int) tensor.Value {
	few, many := rate.Lt(searchBelow), rate.Ge(searchBelow).And(rate.IsFinite())
	small := tensor.Select(few, rate, 0.0)
	x := invert(k.Fold(0), shape, small.Neg().Exp(), func(p, at tensor.Value) tensor.Value { return p.Mul(small.Div(at)) })
	y := ptrs(k.Fold(1), shape, many, tensor.Select(many, rate, 2.0*searchBelow))
	return tensor.Select(few, x, tensor.Select(many, y, -1.0)).Convert(tensor.I32)
}

// ptrs draws from Poisson(rate) with rate ≥ 10 by transformed rejection, Hörmann (1993), "The transformed rejection method
// for generating Poisson random variables", algorithm PTRS.
func ptrs(k rng.Key, shape []int, use, rate tensor.Value) tensor.Value {
	logRate := rate.Log()
	b := rate.Sqrt().Mul(2.53).Add(0.931)
	a := b.Mul(0.02483).Add(-0.059)
	logInvAlpha := b.Sub(3.4).Reciprocal().Mul(1.1328).Add(1.1239).Log()
	quick := b.Sub(2.0).Reciprocal().Mul(-3.6224).Add(0.9277)
	us, vs := k.Fold(0), k.Fold(1)
	return reject(k, shape, use.Not(), func(round tensor.Value) (x, accept tensor.Value) {
		u, v := us.At(round).Uniform(shape...).Sub(0.5), vs.At(round).Uniform(shape...)
		edge := u.Abs().Neg().Add(0.5)
		x = a.Mul(2.0).Div(edge).Add(b).Mul(u).Add(rate).Add(0.43).Floor()
		inside := x.Ge(0.0)
		y := tensor.Select(inside, x, 0.0)
		logf := y.Mul(logRate).Sub(rate).Sub(y.Add(1.0).Lgamma())
		slow := v.Log().Add(logInvAlpha).Sub(a.Div(edge.Square()).Add(b).Log()).Le(logf)
		return x, inside.And(slow.Or(edge.Ge(0.07).And(v.Le(quick))))
	})
}

// NegativeBinomialDist is a Poisson whose rate is gamma distributed with the given concentration: the number of successes
// before concentration failures. Its other parameter is the success probability, its logits or the mean.
type NegativeBinomialDist struct {
	shape
	concentration       tensor.Value
	probs, logits, mean tensor.Value // one of them is given
}

// NegativeBinomial returns the distribution of successes, of probability probs each, before totalCount > 0 failures; its
// mean is totalCount·probs/(1-probs).
func NegativeBinomial(totalCount, probs any) NegativeBinomialDist {
	p := newParams("NegativeBinomial")
	d := NegativeBinomialDist{concentration: p.positive("total_count", totalCount), probs: p.unit("probs", probs)}
	d.shape = p.shape()
	return d
}

// NegativeBinomialLogits is NegativeBinomial with success probability sigmoid(logits).
func NegativeBinomialLogits(totalCount, logits any) NegativeBinomialDist {
	p := newParams("NegativeBinomialLogits")
	d := NegativeBinomialDist{concentration: p.positive("total_count", totalCount), logits: p.real("logits", logits)}
	d.shape = p.shape()
	return d
}

// NegativeBinomial2 returns the negative binomial distribution with the given mean > 0 and concentration > 0; its variance
// is mean + mean²/concentration.
func NegativeBinomial2(mean, concentration any) NegativeBinomialDist {
	p := newParams("NegativeBinomial2")
	d := NegativeBinomialDist{mean: p.positive("mean", mean), concentration: p.positive("concentration", concentration)}
	d.shape = p.shape()
	return d
}

func (d NegativeBinomialDist) Support() Constraint               { return NonNegativeInteger }
func (d NegativeBinomialDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// LogProb is that of Γ(x+r)/(Γ(r) x!) (1-p)^r p^x, r the concentration.
func (d NegativeBinomialDist) LogProb(x tensor.Value) tensor.Value {
	k, minusLogFactorial := counts(x)
	lp := lgammaRise(d.concentration, k).Add(minusLogFactorial)
	switch {
	case d.probs.IsValid():
		lp = lp.Add(d.concentration.Mul(d.probs.Neg().Log1p())).Add(xlogy(k, d.probs))
	case d.logits.IsValid():
		lp = lp.Sub(d.concentration.Mul(d.logits.Softplus())).Sub(k.Mul(d.logits.Neg().Softplus()))
	default:
		ratio := d.mean.Div(d.concentration)
		lp = lp.Sub(d.concentration.Mul(ratio.Log1p())).Sub(k.Mul(ratio.Reciprocal().Log1p()))
	}
	return d.full(lp)
}

// odds returns mean/concentration = p/(1-p).
func (d NegativeBinomialDist) odds() tensor.Value {
	switch {
	case d.probs.IsValid():
		return d.probs.Div(d.probs.Neg().Add(1.0))
	case d.logits.IsValid():
		return d.logits.Exp()
	}
	return d.mean.Div(d.concentration)
}

func (d NegativeBinomialDist) Sample(k rng.Key, sample ...int) tensor.Value {
	shape := d.whole(sample)
	rate := drawLogGamma(k.Fold(0), d.concentration, shape).Exp().Mul(d.odds())
	return drawPoisson(k.Fold(1), rate, shape)
}

func (d NegativeBinomialDist) Mean() tensor.Value {
	return d.filled(d.odds().Mul(d.concentration))
}
func (d NegativeBinomialDist) Variance() tensor.Value {
	odds := d.odds()
	return d.filled(odds.Add(1.0).Mul(odds).Mul(d.concentration))
}
