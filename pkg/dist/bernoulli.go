package dist

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// BernoulliDist is the distribution on 0 and 1 with P(1) = probs = sigmoid(logits): one of the two is given.
type BernoulliDist struct {
	shape
	probs, logits tensor.Value
}

// Bernoulli returns the Bernoulli distribution with success probability probs.
func Bernoulli(probs any) BernoulliDist {
	p := newParams("Bernoulli")
	d := BernoulliDist{probs: p.unit("probs", probs)}
	d.shape = p.shape()
	return d
}

// BernoulliLogits returns the Bernoulli distribution with success probability sigmoid(logits).
func BernoulliLogits(logits any) BernoulliDist {
	p := newParams("BernoulliLogits")
	d := BernoulliDist{logits: p.real("logits", logits)}
	d.shape = p.shape()
	return d
}

// Probs returns P(1).
func (d BernoulliDist) Probs() tensor.Value {
	if d.probs.IsValid() {
		return d.probs
	}
	return d.logits.Sigmoid()
}

// Logits returns the log odds of 1.
func (d BernoulliDist) Logits() tensor.Value {
	if d.logits.IsValid() {
		return d.logits
	}
	return logit(d.probs)
}

func (d BernoulliDist) Support() Constraint               { return Boolean }
func (d BernoulliDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// LogProb of logits is -softplus((1-2x)·logits), accurate at both ends; its sign is a function of the data alone.
func (d BernoulliDist) LogProb(x tensor.Value) tensor.Value {
	in := Boolean.Check(x)
	if d.probs.IsValid() {
		return d.full(within(in, tensor.Select(nonZero(x), d.probs.Log(), d.probs.Neg().Log1p())))
	}
	sign := number(x).Mul(-2.0).Add(1.0)
	return d.full(within(in, sign.Mul(d.logits).Softplus().Neg()))
}

// nonZero returns x ≠ 0 for any dtype.
func nonZero(x tensor.Value) tensor.Value {
	switch {
	case x.DType() == tensor.Bool:
		return x
	case x.DType().IsFloat():
		return x.Ne(0.0)
	}
	return x.Ne(0)
}

func (d BernoulliDist) Sample(k rng.Key, sample ...int) tensor.Value {
	return k.Uniform(d.whole(sample)...).Lt(d.Probs()).Convert(tensor.I32)
}

func (d BernoulliDist) Mean() tensor.Value { return d.filled(d.Probs()) }
func (d BernoulliDist) Variance() tensor.Value {
	p := d.Probs()
	return d.filled(p.Mul(p.Neg().Add(1.0)))
}
