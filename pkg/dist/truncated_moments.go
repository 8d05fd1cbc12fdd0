package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Moments of truncated distributions are integrals of the quantile function over (0, 1) by the double exponential rule
// (Takahasi & Mori 1974): q = 1/(1 + exp(-π sinh t)) with t from -quadratureEnd to quadratureEnd in steps of
// quadratureStep. Ends that are singular cost it nothing. At quadratureEnd the tail probability is about 1e-300.
const (
	quadratureStep = 1.0 / 32
	quadratureEnd  = 6.0625
)

// nodes returns log q, log (1-q) and weights that sum to one, along a new first axis before those of batch.
func nodes(rank int) (logp, logq, weight tensor.Value) {
	half := int(quadratureEnd / quadratureStep)
	shape := append([]int{2*half + 1}, ones(rank)...)
	t := tensor.Iota(tensor.I32, 0, shape...).Sub(half).Float().Mul(quadratureStep)
	up, down := t.Exp(), t.Neg().Exp()
	s := up.Sub(down).Mul(math.Pi / 2) // π sinh t
	logp, logq = s.Neg().Softplus().Neg(), s.Softplus().Neg()
	weight = logp.Add(logq).Exp().Mul(up.Add(down)).Mul(math.Pi / 2 * quadratureStep) // q(1-q)·π cosh t·step
	return logp, logq, weight.Div(weight.Sum())
}

// undefined reports that the integral for the mean diverges at an end: a Cauchy without both bounds.
func (d TruncatedDist) undefined() bool {
	_, cauchy := d.Base.(CauchyDist)
	return cauchy && !(d.Low.IsValid() && d.High.IsValid())
}

func (d TruncatedDist) Mean() tensor.Value {
	if d.undefined() {
		return d.filled(tensor.Lift(math.NaN()))
	}
	mean, _ := d.integrate()
	return d.filled(mean)
}

func (d TruncatedDist) Variance() tensor.Value {
	if d.undefined() {
		return d.filled(tensor.Lift(math.NaN()))
	}
	_, variance := d.integrate()
	return d.filled(variance)
}

// split maps the nodes of (0, 1) to those below and above the probability with the given logarithms, of itself and of its
// complement: a rule for each part of an integrand that is not smooth there.
func split(logp, logq, weight, below, above tensor.Value) (p, q, w tensor.Value) {
	p = tensor.Concat(0, logp.Add(below), logp.Add(above).LogAddExp(below))
	q = tensor.Concat(0, logq.Add(below).LogAddExp(above), logq.Add(above))
	return p, q, tensor.Concat(0, weight.Mul(below.Exp()), weight.Mul(above.Exp()))
}

func (d TruncatedDist) integrate() (mean, variance tensor.Value) {
	logp, logq, weight := nodes(len(d.batch))
	if base, ok := d.Base.(interface{ kink() tensor.Value }); ok {
		at := d.filled(base.kink())
		logp, logq, weight = split(logp, logq, weight, d.LogCDF(at), d.LogSF(at))
	}
	x := d.quantile(logp, logq)
	mean = x.Mul(weight).Sum(0)
	return mean, x.Sub(mean).Square().Mul(weight).Sum(0)
}
