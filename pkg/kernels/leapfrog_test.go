package kernels_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// flow returns a plain function that makes n leapfrog steps of size eps on a density with a factor, from position and whitened
// momentum, and returns both and the energy, that of the start for n = 0.
func flow(t *testing.T, d density, factor *tensor.Array) func(q, u []float64, eps float64, n int) (q1, u1 []float64, energy float64) {
	zero := make([]float64, d.dim)
	in := []*tensor.Array{vector(zero...), vector(zero...), scalar(0), i32(0), factor}
	type carry struct {
		Z    kernels.Phase
		H, I tensor.Value
	}
	f := traceFunc(t, in, func(v []tensor.Value) []tensor.Value {
		m := kernels.Metric{Factor: v[4]}
		_, g := d.traced(v[0])
		if m.IsDense() {
			g = g.MatMul(m.Factor)
		} else {
			g = g.Mul(m.Factor)
		}
		lp, _ := d.traced(v[0])
		c := tensor.While(carry{kernels.Phase{Position: v[0], Momentum: v[1], Gradient: g}, kernels.Kinetic(v[1]).Sub(lp), tensor.In(v[0], 0)},
			func(c carry) tensor.Value { return c.I.Lt(v[3]) },
			func(c carry) carry {
				z, at := kernels.Leapfrog(d, model.Env{}, m, v[2], c.Z)
				return carry{z, at.Energy, c.I.Add(1)}
			})
		return []tensor.Value{c.Z.Position, c.Z.Momentum, c.H}
	})
	return func(q, u []float64, eps float64, n int) ([]float64, []float64, float64) {
		out := runFunc(t, f, []*tensor.Array{vector(q...), vector(u...), scalar(eps), i32(int32(n)), factor})
		return out[0].Float64s(), out[1].Float64s(), out[2].Float64s()[0]
	}
}

func metrics() map[string]*tensor.Array {
	return map[string]*tensor.Array{
		"diagonal": vector(0.7, 1.3, 1),
		"dense":    tensor.ArrayOf(tensor.F64, []int{3, 3}, []float64{0.8, 0, 0, 0.3, 1.1, 0, -0.2, 0.4, 0.9}),
	}
}

func TestLeapfrogIsReversible(t *testing.T) {
	for name, factor := range metrics() {
		step := flow(t, banana(3), factor)
		q, u := []float64{0.4, -0.3, 1.1}, []float64{-0.9, 0.5, 0.2}
		q1, u1, _ := step(q, u, 0.1, 25)
		for i := range u1 {
			u1[i] = -u1[i]
		}
		q2, u2, _ := step(q1, u1, 0.1, 25)
		for i := range q {
			if !near(q2[i], q[i], 1e-12) || !near(-u2[i], u[i], 1e-12) {
				t.Errorf("%s: forth and back: %v, %v; want %v, %v", name, q2, u2, q, u)
				break
			}
		}
	}
}

// TestLeapfrogPreservesVolume: the Jacobian determinant of the map of phase space is 1, here by central differences whose error
// is about 1e-9.
func TestLeapfrogPreservesVolume(t *testing.T) {
	for name, factor := range metrics() {
		step := flow(t, banana(3), factor)
		start := []float64{0.4, -0.3, 1.1, -0.9, 0.5, 0.2}
		const h = 1e-5
		jacobian := make([][]float64, 6)
		for i := range jacobian {
			jacobian[i] = make([]float64, 6)
		}
		for j := range 6 {
			at := func(d float64) []float64 {
				z := append([]float64(nil), start...)
				z[j] += d
				q, u, _ := step(z[:3], z[3:], 0.2, 5)
				return append(q, u...)
			}
			up, down := at(h), at(-h)
			for i := range 6 {
				jacobian[i][j] = (up[i] - down[i]) / (2 * h)
			}
		}
		if d := determinant(jacobian); math.Abs(d-1) > 1e-7 {
			t.Errorf("%s: determinant %v, want 1", name, d)
		}
	}
}

func determinant(a [][]float64) float64 {
	det := 1.0
	for k := range a {
		best := k
		for i := k; i < len(a); i++ {
			if math.Abs(a[i][k]) > math.Abs(a[best][k]) {
				best = i
			}
		}
		if best != k {
			a[k], a[best] = a[best], a[k]
			det = -det
		}
		det *= a[k][k]
		for i := k + 1; i < len(a); i++ {
			f := a[i][k] / a[k][k]
			for j := k; j < len(a); j++ {
				a[i][j] -= f * a[k][j]
			}
		}
	}
	return det
}

// TestLeapfrogErrorIsQuadratic: over one stretch of time, half the step size leaves a quarter of the energy error.
func TestLeapfrogErrorIsQuadratic(t *testing.T) {
	for name, factor := range metrics() {
		step := flow(t, banana(3), factor)
		q, u := []float64{0.4, -0.3, 1.1}, []float64{-0.9, 0.5, 0.2}
		_, _, start := step(q, u, 0, 0)
		var errors []float64
		for _, n := range []int{40, 80, 160, 320} {
			_, _, end := step(q, u, 0.8/float64(n), n)
			errors = append(errors, end-start)
		}
		for i := range 3 {
			// The next term of the error is of order ε⁴: at most a few percent here.
			if r := errors[i] / errors[i+1]; math.Abs(r-4) > 0.2 {
				t.Errorf("%s: energy errors %v fall by %v, want 4", name, errors, r)
			}
		}
	}
}

// TestEnergyFall is that of one leapfrog step, -Inf where the density is not finite.
func TestEnergyFall(t *testing.T) {
	d := normal(1, 2)
	step := flow(t, d, vector(1, 1))
	in := []*tensor.Array{u64(9), u32(0), u32(4), vector(0.5, -1), scalar(0.8), vector(1, 1)}
	f := traceFunc(t, in, func(v []tensor.Value) []tensor.Value {
		lp, g := d.traced(v[3])
		p := kernels.Params{StepSize: v[4], Metric: kernels.Metric{Factor: v[5]}}
		return []tensor.Value{kernels.EnergyFall(key(v), d, model.Env{}, p, kernels.Point{Position: v[3], Gradient: g, LogDensity: lp})}
	})
	u := momentum(t, in)
	_, _, before := step([]float64{0.5, -1}, u, 0, 0)
	_, _, after := step([]float64{0.5, -1}, u, 0.8, 1)
	if got := runFunc(t, f, in)[0].Float64s()[0]; !near(got, before-after, 1e-14) {
		t.Errorf("energy falls by %v, want %v", got, before-after)
	}
	in[4] = scalar(1e200)
	if got := runFunc(t, f, in)[0].Float64s()[0]; !math.IsInf(got, -1) {
		t.Errorf("after an infinite step the energy falls by %v, want -Inf", got)
	}
}
