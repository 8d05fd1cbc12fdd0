package dist

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// BetaDist is the beta distribution: density ∝ x^(Concentration1-1) (1-x)^(Concentration0-1).
type BetaDist struct {
	shape
	Concentration1, Concentration0 tensor.Value
}

// Beta returns the beta distribution with concentrations > 0 of 1 and of 0 (alpha and beta elsewhere).
func Beta(concentration1, concentration0 any) BetaDist {
	p := newParams("Beta")
	d := BetaDist{Concentration1: p.positive("concentration1", concentration1), Concentration0: p.positive("concentration0", concentration0)}
	d.shape = p.shape()
	return d
}

func (d BetaDist) Support() Constraint               { return UnitInterval }
func (d BetaDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d BetaDist) LogProb(x tensor.Value) tensor.Value {
	in := UnitInterval.Check(x)
	y := tensor.Select(in, x, 0.5)
	a, b := d.Concentration1, d.Concentration0
	lp := xlogy(a.Sub(1.0), y).Add(xlog1py(b.Sub(1.0), y.Neg()))
	return d.full(within(in, lp.Sub(lbeta(a, b))))
}

// The smallest normal number and the largest below 1, between which draws of a probability stay: at 0 and 1 densities
// of small concentrations are infinite.
const (
	probFloor   = 0x1p-1022
	probCeil    = 1 - 0x1p-53
	probFloor32 = 0x1p-126
	probCeil32  = 1 - 0x1p-24
)

// inside moves draws of a probability off 0 and 1.
func inside(x tensor.Value) tensor.Value {
	if x.DType() == tensor.F32 {
		return x.Clamp(probFloor32, probCeil32)
	}
	return x.Clamp(probFloor, probCeil)
}

// Sample is G1/(G1+G0) of two gammas, from their logarithms.
func (d BetaDist) Sample(k rng.Key, sample ...int) tensor.Value {
	shape := d.whole(sample)
	g1 := drawLogGamma(k.Fold(0), d.Concentration1, shape)
	g0 := drawLogGamma(k.Fold(1), d.Concentration0, shape)
	return inside(g1.Sub(g0).Sigmoid())
}

func (d BetaDist) Mean() tensor.Value {
	return d.filled(d.Concentration1.Div(d.Concentration1.Add(d.Concentration0)))
}
func (d BetaDist) Variance() tensor.Value {
	sum := d.Concentration1.Add(d.Concentration0)
	return d.filled(d.Concentration1.Div(sum).Mul(d.Concentration0.Div(sum)).Div(sum.Add(1.0)))
}

// DirichletDist is the Dirichlet distribution over simplexes as long as the last axis of Concentration.
type DirichletDist struct {
	shape
	Concentration tensor.Value
}

// Dirichlet returns the Dirichlet distribution; the last axis of concentration, > 0, is the event's.
func Dirichlet(concentration any) DirichletDist {
	p := newParams("Dirichlet")
	d := DirichletDist{Concentration: p.take("concentration", concentration, 1, "> 0", func(v float64) bool { return v > 0 && isFinite(v) })}
	d.shape = p.shape(d.Concentration.Dim(-1))
	return d
}

func (d DirichletDist) Support() Constraint               { return Simplex }
func (d DirichletDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// LogProb is -Inf where an entry is negative; it does not look at the sum.
func (d DirichletDist) LogProb(x tensor.Value) tensor.Value {
	in := x.Ge(0.0)
	a := d.Concentration
	lp := xlogy(a.Sub(1.0), tensor.Select(in, x, 1.0)).Sum(-1)
	constant := a.Sum(-1).Lgamma().Sub(a.Lgamma().Sum(-1))
	return d.full(within(in.All(-1), lp.Add(constant)))
}

// Sample normalises gammas by their logarithms.
func (d DirichletDist) Sample(k rng.Key, sample ...int) tensor.Value {
	g := drawLogGamma(k, d.Concentration, d.whole(sample))
	return inside(g.Sub(g.LogSumExp(-1).ExpandDims(-1)).Exp())
}

func (d DirichletDist) proportions() (p, sum tensor.Value) {
	sum = d.Concentration.Sum(-1).ExpandDims(-1)
	return d.Concentration.Div(sum), sum
}

func (d DirichletDist) Mean() tensor.Value {
	p, _ := d.proportions()
	return d.filled(p)
}
func (d DirichletDist) Variance() tensor.Value {
	p, sum := d.proportions()
	return d.filled(p.Mul(p.Neg().Add(1.0)).Div(sum.Add(1.0)))
}
