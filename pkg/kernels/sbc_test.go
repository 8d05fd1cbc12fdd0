package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// joint is a model for simulation-based calibration (Talts et al. 2018): parameters and data are drawn from it, and the rank
// of a parameter among draws of its posterior must be uniform.
type joint struct {
	dim, observations int
	density           func(q, y tensor.Value) (logDensity, gradient tensor.Value)
	simulate          func(r *rand.Rand) (truth, y []float64)
	quantities        func(q []float64) []float64 // of a position on unconstrained space
}

func (j joint) Dim() int { return j.dim }
func (j joint) At(e model.Env, q tensor.Value) (tensor.Value, tensor.Value) {
	return j.density(q, e.Data["y"])
}

func same(q []float64) []float64 { return q }

// conjugate: mu ~ Normal(0, 2), y[5] ~ Normal(mu, 1).
func conjugate() joint {
	return joint{
		dim: 1, observations: 5, quantities: same,
		density: func(q, y tensor.Value) (tensor.Value, tensor.Value) {
			r := y.Sub(q.At(0))
			lp := r.Square().Sum().Add(q.At(0).Square().Mul(0.25)).Mul(-0.5)
			return lp, r.Sum().Sub(q.At(0).Mul(0.25)).Reshape(1)
		},
		simulate: func(r *rand.Rand) ([]float64, []float64) {
			mu := 2 * r.NormFloat64()
			y := make([]float64, 5)
			for i := range y {
				y[i] = mu + r.NormFloat64()
			}
			return []float64{mu}, y
		},
	}
}

// hierarchy: mu ~ Normal(0, 1), log tau ~ Normal(0, 1/2), z[4] ~ Normal(0, 1), y ~ Normal(mu + tau·z, 1); non-centred.
func hierarchy() joint {
	return joint{
		dim: 6, observations: 4, quantities: func(q []float64) []float64 { return []float64{q[0], q[1], q[0] + math.Exp(q[1])*q[2]} },
		density: func(q, y tensor.Value) (tensor.Value, tensor.Value) {
			mu, u, z := q.At(0), q.At(1), q.Slice(0, 2, 6)
			tau := u.Exp()
			r := y.Sub(mu).Sub(z.Mul(tau))
			lp := r.Square().Add(z.Square()).Sum().Add(mu.Square()).Add(u.Square().Mul(4.0)).Mul(-0.5)
			gu := r.Mul(z).Sum().Mul(tau).Sub(u.Mul(4.0))
			return lp, tensor.Concat(0, r.Sum().Sub(mu).Reshape(1), gu.Reshape(1), r.Mul(tau).Sub(z))
		},
		simulate: func(r *rand.Rand) ([]float64, []float64) {
			q, y := []float64{r.NormFloat64(), r.NormFloat64() / 2, 0, 0, 0, 0}, make([]float64, 4)
			for i := range y {
				q[2+i] = r.NormFloat64()
				y[i] = q[0] + math.Exp(q[1])*q[2+i] + r.NormFloat64()
			}
			return q, y
		},
	}
}

// scale: sigma ~ Exponential(1) on the scale of its logarithm, y[4] ~ Normal(0, sigma); jacobian 1 is right, 0 forgets that of exp.
func scale(jacobian float64) joint {
	return joint{
		dim: 1, observations: 4, quantities: same,
		density: func(q, y tensor.Value) (tensor.Value, tensor.Value) {
			u := q.At(0)
			sigma := u.Exp()
			squares := y.Div(sigma).Square().Sum()
			lp := squares.Mul(-0.5).Sub(u.Mul(4 - jacobian)).Sub(sigma)
			return lp, squares.Sub(4 - jacobian).Sub(sigma).Reshape(1)
		},
		simulate: func(r *rand.Rand) ([]float64, []float64) {
			sigma := r.ExpFloat64()
			y := make([]float64, 4)
			for i := range y {
				y[i] = sigma * r.NormFloat64()
			}
			return []float64{math.Log(sigma)}, y
		},
	}
}

const (
	sbcDraws = 99
	sbcBins  = 20
)

// calibrate runs chains with warmup, or with a fixed step size where it is not 0. It returns the p-value of the uniformity of ranks for each quantity (χ² on 20 bins), and the least mean ESS of the draws.
func calibrate[S kernels.Located](t *testing.T, k kernels.Kernel[kernels.Params, S, kernels.Info], j joint, stepSize float64, simulations, thin int) (p []float64, ess float64) {
	spec := kernels.Spec[kernels.Params, S, adapt.State]{
		Name: "calibration", Kernel: k, Target: j, Float: tensor.F64, Capacity: sbcDraws,
		Data: []tensor.Param{{Name: "y", DType: tensor.F64, Shape: []int{j.observations}}},
		Env:  func(v []tensor.Value) model.Env { return model.Env{Data: map[string]tensor.Value{"y": v[0]}} },
	}
	s := newSampler(t, spec, adapt.DefaultAdaptation(), vector(make([]float64, j.observations)...))
	s.fixed = stepSize
	r := rand.New(rand.NewPCG(2, 3))
	n := len(j.quantities(make([]float64, j.dim)))
	counts, totals := make([][sbcBins]float64, n), make([]float64, n)
	for i := range simulations {
		truth, y := j.simulate(r)
		s.data = []*tensor.Array{vector(y...)}
		rows, _ := s.draw(4, uint32(i), make([]float64, j.dim), 150, sbcDraws, thin)
		want := j.quantities(truth)
		for c := range n {
			rank, column := 0, make([]float64, sbcDraws)
			for d, q := range rows {
				column[d] = j.quantities(q)[c]
				if column[d] < want[c] {
					rank++
				}
			}
			counts[c][rank*sbcBins/(sbcDraws+1)]++
			totals[c] += diag.ESSMean([][]float64{column})
		}
	}
	ess = math.Inf(1)
	expected := float64(simulations) / sbcBins
	for c := range n {
		chi2 := 0.0
		for _, k := range counts[c] {
			chi2 += (k - expected) * (k - expected) / expected
		}
		p = append(p, distuv.ChiSquared{K: sbcBins - 1}.Survival(chi2))
		ess = min(ess, totals[c]/float64(simulations))
	}
	return p, ess
}

func requireCalibrated[S kernels.Located](t *testing.T, k kernels.Kernel[kernels.Params, S, kernels.Info], j joint) {
	t.Helper()
	p, ess := calibrate(t, k, j, 0, 1000, 6)
	t.Logf("p = %.3g, ESS %.0f of %d", p, ess, sbcDraws)
	for _, x := range p {
		if x < 1e-4 {
			t.Errorf("ranks are not uniform: p = %.3g", p)
		}
	}
}

func requireCaught[S kernels.Located](t *testing.T, k kernels.Kernel[kernels.Params, S, kernels.Info], j joint, stepSize float64) {
	t.Helper()
	p, _ := calibrate(t, k, j, stepSize, 1000, 2)
	t.Logf("p = %.3g", p)
	least := 1.0
	for _, x := range p {
		least = min(least, x)
	}
	if least > 1e-8 {
		t.Errorf("a planted bug passes calibration: p = %.3g", p)
	}
}

func calibrationHMC() kernels.HMC {
	return kernels.HMC{TrajectoryLength: 2, Jitter: 0.5, MaxSteps: 1000}
}

// TestCalibration is simulation-based calibration of the kernels with their warmup, and of kernels with planted bugs.
func TestCalibration(t *testing.T) {
	for name, j := range map[string]joint{"conjugate": conjugate(), "hierarchy": hierarchy(), "constrained": scale(1)} {
		t.Run("nuts "+name, func(t *testing.T) { requireCalibrated(t, kernels.DefaultNUTS(), j) })
		t.Run("hmc "+name, func(t *testing.T) { requireCalibrated(t, calibrationHMC(), j) })
	}
	t.Run("no Jacobian", func(t *testing.T) { requireCaught(t, kernels.DefaultNUTS(), scale(0), 0) })
	t.Run("HMC that always accepts", func(t *testing.T) {
		requireCaught(t, kernels.AlwaysHMC{HMC: calibrationHMC()}, scale(1), 0)
	})
	t.Run("uniform leaf weights", func(t *testing.T) {
		requireCaught(t, kernels.UniformNUTS{NUTS: kernels.DefaultNUTS()}, scale(1), 0)
	})
	t.Run("wrong sign in a half step", func(t *testing.T) {
		requireCaught(t, kernels.WrongSignNUTS{NUTS: kernels.DefaultNUTS()}, hierarchy(), 0.6)
	})
}
