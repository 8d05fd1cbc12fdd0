package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// BinomialDist is the number of successes in TotalCount trials, each with P = probs = sigmoid(logits): one of the two is
// given.
type BinomialDist struct {
	shape
	TotalCount    tensor.Value // as floats
	probs, logits tensor.Value
}

// Binomial returns the distribution of successes in totalCount (integers of any type, ≥ 0) trials of probability probs.
func Binomial(totalCount, probs any) BinomialDist {
	p := newParams("Binomial")
	d := BinomialDist{TotalCount: p.count("total_count", totalCount), probs: p.unit("probs", probs)}
	d.shape = p.shape()
	return d
}

// BinomialLogits is Binomial with success probability sigmoid(logits).
func BinomialLogits(totalCount, logits any) BinomialDist {
	p := newParams("BinomialLogits")
	d := BinomialDist{TotalCount: p.count("total_count", totalCount), logits: p.real("logits", logits)}
	d.shape = p.shape()
	return d
}

// Probs returns the success probability.
func (d BinomialDist) Probs() tensor.Value {
	if d.probs.IsValid() {
		return d.probs
	}
	return d.logits.Sigmoid()
}

func (d BinomialDist) Support() Constraint               { return IntegerInterval(0, d.TotalCount) }
func (d BinomialDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// LogProb has the binomial coefficient in a term of the data alone.
func (d BinomialDist) LogProb(x tensor.Value) tensor.Value {
	in := d.Support().Check(x)
	k := tensor.Select(in, number(x), 0.0)
	rest := d.TotalCount.Sub(k)
	coefficient := within(in, logChoose(d.TotalCount, k))
	if d.probs.IsValid() {
		return d.full(coefficient.Add(xlogy(k, d.probs)).Add(xlog1py(rest, d.probs.Neg())))
	}
	return d.full(coefficient.Add(k.Mul(d.logits)).Sub(d.TotalCount.Mul(d.logits.Softplus())))
}

func (d BinomialDist) Mean() tensor.Value { return d.filled(d.TotalCount.Mul(d.Probs())) }
func (d BinomialDist) Variance() tensor.Value {
	p := d.Probs()
	return d.filled(d.TotalCount.Mul(p).Mul(p.Neg().Add(1.0)))
}

// Sample inverts the distribution function where fewer than searchBelow successes (or failures, whichever are rarer) are
// expected and rejects elsewhere.
func (d BinomialDist) Sample(k rng.Key, sample ...int) tensor.Value {
	shape := d.whole(sample)
	n, p := d.TotalCount, d.Probs()
	rare := p.Min(p.Neg().Add(1.0))
	mean := n.Mul(rare)
	few := mean.Lt(searchBelow)
	many := mean.Ge(searchBelow).And(n.IsFinite())
	odds := rare.Div(rare.Neg().Add(1.0))
	smallOdds, smallN := tensor.Select(few, odds, 0.0), tensor.Select(few, n, 0.0)
	p0 := tensor.Select(few, rare, 0.0).Neg().Log1p().Mul(smallN).Exp()
	x := invert(k.Fold(0), shape, p0, func(p, at tensor.Value) tensor.Value {
		return p.Mul(smallN.Sub(at).Add(1.0).Max(0.0).Mul(smallOdds).Div(at))
	}).Min(smallN)
	y := btrs(k.Fold(1), shape, many, tensor.Select(many, n, 40.0), tensor.Select(many, rare, 0.5))
	x = tensor.Select(few, x, tensor.Select(many, y, -1.0))
	return tensor.Select(p.Gt(0.5).And(x.Ge(0.0)), n.Sub(x), x).Convert(tensor.I32)
}

// btrs draws from Binomial(n, p) with p ≤ ½ and np ≥ 10 by transformed rejection, Hörmann (1993), "The generation of
// binomial random variates", algorithm BTRS; the acceptance test compares log f(k)/f(mode) itself.
func btrs(k rng.Key, shape []int, use, n, p tensor.Value) tensor.Value {
	q := p.Neg().Add(1.0)
	spq := n.Mul(p).Mul(q).Sqrt()
	b := spq.Mul(2.53).Add(1.15)
	a := b.Mul(0.0248).Add(p.Mul(0.01)).Add(-0.0873)
	c := n.Mul(p).Add(0.5)
	quick := b.Reciprocal().Mul(-4.2).Add(0.92)
	alpha := b.Reciprocal().Mul(5.1).Add(2.83).Mul(spq)
	mode := n.Add(1.0).Mul(p).Floor()
	logOdds := p.Div(q).Log()
	atMode := mode.Add(1.0).Lgamma().Add(n.Sub(mode).Add(1.0).Lgamma())
	us, vs := k.Fold(0), k.Fold(1)
	return reject(k, shape, use.Not(), func(round tensor.Value) (x, accept tensor.Value) {
		u, v := us.At(round).Uniform(shape...).Sub(0.5), vs.At(round).Uniform(shape...)
		edge := u.Abs().Neg().Add(0.5)
		x = a.Mul(2.0).Div(edge).Add(b).Mul(u).Add(c).Floor()
		inside := x.Ge(0.0).And(x.Le(n))
		y := tensor.Select(inside, x, mode)
		ratio := atMode.Sub(y.Add(1.0).Lgamma()).Sub(n.Sub(y).Add(1.0).Lgamma()).Add(y.Sub(mode).Mul(logOdds))
		slow := v.Mul(alpha).Div(a.Div(edge.Square()).Add(b)).Log().Le(ratio)
		return x, inside.And(slow.Or(edge.Ge(0.07).And(v.Le(quick))))
	})
}

// CategoricalDist is the distribution on 0 … K-1 with the probabilities, or logits, of its last axis.
type CategoricalDist struct {
	shape
	probs, logits tensor.Value
}

// Categorical returns the distribution with the probabilities in the last axis of probs, which sum to 1.
func Categorical(probs any) CategoricalDist {
	p := newParams("Categorical")
	d := CategoricalDist{probs: p.take("probs", probs, 1, "in [0, 1]", inUnit)}
	d.shape = p.shape()
	checkSums("Categorical", d.probs)
	return d
}

// checkSums fails where probabilities known while tracing do not sum to 1.
func checkSums(dist string, probs tensor.Value) {
	elements, ok := tensor.Static(probs)
	n := probs.Dim(-1)
	for i := 0; ok && i+n <= len(elements); i += n {
		sum := 0.0
		for _, e := range elements[i : i+n] {
			sum += e
		}
		if !(math.Abs(sum-1) <= sumTolerance) {
			tensor.Fail(dist, "probs sum to %v, want 1", sum)
		}
	}
}

// CategoricalLogits returns the distribution with probabilities softmax(logits) over the last axis; -Inf is allowed.
func CategoricalLogits(logits any) CategoricalDist {
	p := newParams("CategoricalLogits")
	d := CategoricalDist{logits: p.take("logits", logits, 1, "below infinity", func(v float64) bool { return v < math.Inf(1) })}
	d.shape = p.shape()
	return d
}

// Probs returns the probabilities, of shape Batch() + [K].
func (d CategoricalDist) Probs() tensor.Value {
	if d.probs.IsValid() {
		return d.probs
	}
	return d.LogProbs().Exp()
}

// LogProbs returns the logarithms of the probabilities, of shape Batch() + [K].
func (d CategoricalDist) LogProbs() tensor.Value {
	if d.probs.IsValid() {
		return d.probs.Log()
	}
	return d.logits.Sub(d.logits.LogSumExp(-1).ExpandDims(-1))
}

func (d CategoricalDist) categories() int {
	if d.probs.IsValid() {
		return d.probs.Dim(-1)
	}
	return d.logits.Dim(-1)
}

func (d CategoricalDist) Support() Constraint               { return IntegerInterval(0, d.categories()-1) }
func (d CategoricalDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d CategoricalDist) LogProb(x tensor.Value) tensor.Value {
	in := d.Support().Check(x)
	if x.DType() != tensor.I32 {
		x = x.Convert(tensor.I32)
	}
	logs := d.LogProbs()
	if logs.Rank() == 1 {
		return d.full(within(in, logs.Take(x, 0)))
	}
	return d.full(within(in, logs.TakeAlong(x)))
}

// Sample counts how many cumulative probabilities a uniform passes.
func (d CategoricalDist) Sample(k rng.Key, sample ...int) tensor.Value {
	shape := d.whole(sample)
	n := d.categories()
	sums := d.Probs().Cumsum(-1)
	u := k.Uniform(shape...).ExpandDims(-1).Mul(sums.Slice(-1, n-1, n)) // probs sum to 1 up to rounding
	return u.Ge(sums.Slice(-1, 0, n-1)).Convert(tensor.I32).Sum(-1)
}
