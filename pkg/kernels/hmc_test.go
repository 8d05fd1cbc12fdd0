package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestHMCIsThePapers compares steps with Neal (2011), figure 2, under the same random numbers.
func TestHMCIsThePapers(t *testing.T) {
	for _, c := range []struct {
		h kernels.HMC
		d density
	}{
		{kernels.HMC{TrajectoryLength: 2, MaxSteps: 1000}, banana(3)},
		{kernels.HMC{TrajectoryLength: 2, Jitter: 0.7, MaxSteps: 1000}, banana(3)},
		{kernels.HMC{TrajectoryLength: 3, MaxSteps: 4}, banana(3)},
		{kernels.HMC{TrajectoryLength: 20, MaxSteps: 1000}, walled(3)},
	} {
		h, d := c.h, c.d
		random := rand.New(rand.NewPCG(7, 0))
		in := []*tensor.Array{u64(0), u32(0), u32(0), vector(0, 0, 0), scalar(1), vector(1, 1, 1)}
		program := stepper(t, h, d, in)
		accepted, diverged := 0, 0
		for trial := range 60 {
			r := &recursive{d: d, eps: 1.5 * math.Exp(-3*random.Float64()), inverseMass: make([]float64, 3), seed: random.Uint64(), draw: uint32(trial)}
			q, p, factor := make([]float64, 3), make([]float64, 3), make([]float64, 3)
			for i := range q {
				q[i], factor[i] = random.NormFloat64()/3, math.Exp(random.NormFloat64()/3)
				r.inverseMass[i] = factor[i] * factor[i]
			}
			in = []*tensor.Array{u64(r.seed), u32(r.chain), u32(r.draw), vector(q...), scalar(r.eps), vector(factor...)}
			for i, u := range momentum(t, in) {
				p[i] = u / factor[i]
			}
			want := plainHMC(h, r, q, p)
			got := take(t, program, in)
			want.depth = got.depth // HMC has none
			requireSame(t, trial, got, want)
			if got.position[0] != q[0] {
				accepted++
			}
			if got.diverging {
				diverged++
			}
		}
		if accepted < 10 || accepted > 50 {
			t.Errorf("%+v: %d of 60 accepted: the test sees too little of one case", h, accepted)
		}
		t.Logf("accepted %d, diverged %d", accepted, diverged)
	}
}

func plainHMC(h kernels.HMC, r *recursive, q, p []float64) step {
	lp, g := r.d.plain(q)
	start := &node{q: q, p: p, g: g, lp: lp, energy: r.kinetic(p) - lp}
	length := h.TrajectoryLength
	if h.Jitter > 0 {
		s := rng.NewStream(r.seed, r.chain, r.draw, rng.PurposeJitter, 0)
		length *= 1 + h.Jitter*(2*s.Float64()-1)
	}
	n := int(math.Ceil(length / r.eps))
	eps := length / float64(n)
	if n > h.MaxSteps {
		n, eps = h.MaxSteps, r.eps
	}
	z, taken := start, 0
	for taken < n && !math.IsInf(z.energy, 1) {
		z = r.leap(z, eps)
		taken++
	}
	accept := math.Min(1, math.Exp(start.energy-z.energy))
	words := r.words(taken)
	end := start
	if rng.Float53(words[0], words[1]) < accept {
		end = z
	}
	return step{end.q, end.g, end.lp, end.energy, accept, eps, !(z.energy-start.energy <= 1000), 0, taken}
}

// TestDenseMetricIsALinearMap: with the factor F, a kernel moves on f from F·z as it moves on f(F·) with the unit metric from z.
func TestDenseMetricIsALinearMap(t *testing.T) {
	factor := tensor.ArrayOf(tensor.F64, []int{3, 3}, []float64{0.8, 0, 0, 0.3, 1.1, 0, -0.2, 0.4, 0.9})
	f := factor.Float64s()
	apply := func(z []float64) []float64 {
		out := make([]float64, 3)
		for i := range 3 {
			for j := range 3 {
				out[i] += f[3*i+j] * z[j]
			}
		}
		return out
	}
	d := banana(3)
	mapped := density{dim: 3, traced: func(z tensor.Value) (tensor.Value, tensor.Value) {
		m := tensor.In(z, factor)
		lp, g := d.traced(m.MatMul(z))
		return lp, g.MatMul(m)
	}}
	z := []float64{0.3, -0.2, 0.9}
	dense := []*tensor.Array{u64(77), u32(1), u32(0), vector(apply(z)...), scalar(0.4), factor}
	unit := []*tensor.Array{u64(77), u32(1), u32(0), vector(z...), scalar(0.4), vector(1, 1, 1)}
	check := func(name string, a, b func(draw uint32) step) {
		for draw := range uint32(20) {
			got, want := a(draw), b(draw)
			want.position = apply(want.position)
			want.gradient = got.gradient // of another function
			t.Run(name, func(t *testing.T) { requireSame(t, int(draw), got, want) })
		}
	}
	with := func(in []*tensor.Array, draw uint32) []*tensor.Array {
		out := append([]*tensor.Array(nil), in...)
		out[2] = u32(draw)
		return out
	}
	n, h := kernels.DefaultNUTS(), kernels.HMC{TrajectoryLength: 2, MaxSteps: 100}
	nutsDense, nutsUnit := stepper(t, n, d, dense), stepper(t, n, mapped, unit)
	check("nuts", func(i uint32) step { return take(t, nutsDense, with(dense, i)) }, func(i uint32) step { return take(t, nutsUnit, with(unit, i)) })
	hmcDense, hmcUnit := stepper(t, h, d, dense), stepper(t, h, mapped, unit)
	check("hmc", func(i uint32) step { return take(t, hmcDense, with(dense, i)) }, func(i uint32) step { return take(t, hmcUnit, with(unit, i)) })
}

// TestConfigurations has the limits of the options.
func TestConfigurations(t *testing.T) {
	for _, c := range []interface{ Validate() error }{kernels.DefaultNUTS(), kernels.DefaultHMC(), kernels.NUTS{MaxTreeDepth: 20, Rule: kernels.NumPyroRule}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []interface{ Validate() error }{
		kernels.NUTS{}, kernels.NUTS{MaxTreeDepth: 21}, kernels.NUTS{MaxTreeDepth: 5, Rule: 2}, kernels.HMC{TrajectoryLength: math.NaN(), MaxSteps: 1},
		kernels.HMC{TrajectoryLength: math.Inf(1), MaxSteps: 1}, kernels.HMC{TrajectoryLength: 1}, kernels.HMC{TrajectoryLength: 1, MaxSteps: 1, Jitter: 1},
		kernels.HMC{TrajectoryLength: 1, MaxSteps: 1 << 24},
	} {
		if c.Validate() == nil {
			t.Errorf("no error for %+v", c)
		}
	}
}
