package adapt_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// numbers returns n rows of d numbers with means of up to 1e3 and scales from 0.1 to 10.
func numbers(n, d int, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	mean, scale := make([]float64, d), make([]float64, d)
	for i := range d {
		mean[i], scale[i] = 1e3*r.NormFloat64(), 0.1+10*r.Float64()
	}
	out := make([][]float64, n)
	for k := range out {
		out[k] = make([]float64, d)
		shared := r.NormFloat64()
		for i := range d {
			out[k][i] = mean[i] + scale[i]*(shared+r.NormFloat64())
		}
	}
	return out
}

// twoPass returns the mean and the sums of products of deviations, in two passes.
func twoPass(rows [][]float64) (mean []float64, m2 [][]float64) {
	d := len(rows[0])
	mean = make([]float64, d)
	for _, x := range rows {
		for i := range d {
			mean[i] += x[i] / float64(len(rows))
		}
	}
	m2 = make([][]float64, d)
	for i := range d {
		m2[i] = make([]float64, d)
		for _, x := range rows {
			for j := range d {
				m2[i][j] += (x[i] - mean[i]) * (x[j] - mean[j])
			}
		}
	}
	return mean, m2
}

func flat(rows [][]float64) []float64 { return slices.Concat(rows...) }

func diagonal(m [][]float64) []float64 {
	out := make([]float64, len(m))
	for i := range m {
		out[i] = m[i][i]
	}
	return out
}

// warmed runs Update over draws (and gradients) in a window of a kind and returns the state.
func warmed(a adapt.Adaptation, kind adapt.WindowKind, v []tensor.Value) adapt.State {
	type xs struct{ X, G tensor.Value }
	s, _ := tensor.Scan(a.Init(v[0].At(0), v[2:4]), xs{v[0], v[1]}, func(s adapt.State, x xs) (adapt.State, tensor.Value) {
		s = a.Update(s, tensor.In(x.X, int(kind)), tensor.In(x.X, 0.8), x.X, x.G)
		return s, s.StepSize
	})
	return s
}

func TestWelfordIsTwoPass(t *testing.T) {
	const n, d = 40, 3
	x, g := numbers(n, d, 1), numbers(n, d, 2)
	mean, m2 := twoPass(x)
	_, g2 := twoPass(g)
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricDense, adapt.MetricGradients} {
		a := adapt.DefaultAdaptation()
		a.Metric = metric
		factor, m := vector(1, 1, 1), diagonal(m2)
		if metric == adapt.MetricDense {
			factor, m = matrix(d, d, []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}), flat(m2)
		}
		in := []*tensor.Array{matrix(n, d, flat(x)), matrix(n, d, flat(g)), scalar(1), factor}
		out := evaluate(t, in, func(v []tensor.Value) []tensor.Value {
			s := warmed(a, adapt.WindowSlow, v)
			if metric == adapt.MetricGradients {
				return []tensor.Value{s.Draws.Mean, s.Draws.M2, s.Draws.Count, s.Gradient.M2}
			}
			return []tensor.Value{s.Draws.Mean, s.Draws.M2, s.Draws.Count}
		})
		// Means of 1e3 beside scales of 1 cost six digits of sixteen in a square.
		requireNear(t, fmt.Sprint(metric, " mean"), out[0].Float64s(), mean, 1e-13)
		requireNear(t, fmt.Sprint(metric, " M2"), out[1].Float64s(), m, 1e-10)
		requireNear(t, "count", out[2].Float64s(), []float64{n}, 0)
		if metric == adapt.MetricGradients {
			requireNear(t, "gradients' M2", out[3].Float64s(), diagonal(g2), 1e-10)
		}
	}
}

// TestEndWindow has the formulas of Stan and nutpie, and checks that the moments are forgotten.
func TestEndWindow(t *testing.T) {
	const n, d = 25, 3
	x, g := numbers(n, d, 3), numbers(n, d, 4)
	for i := range g {
		g[i][2] = 7 // no variance
	}
	_, m2 := twoPass(x)
	_, g2 := twoPass(g)
	shrunk := func(v float64) float64 { return v*n/(n+5.0) + 1e-3*5/(n+5.0) }
	variance := make([]float64, d)
	for i := range d {
		variance[i] = shrunk(m2[i][i] / (n - 1))
	}
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricDense, adapt.MetricGradients, adapt.MetricUnit} {
		a := adapt.DefaultAdaptation()
		a.Metric = metric
		factor := vector(1, 2, 3)
		if metric == adapt.MetricDense {
			factor = matrix(d, d, []float64{1, 0, 0, 0, 1, 0, 0, 0, 1})
		}
		in := []*tensor.Array{matrix(n, d, flat(x)), matrix(n, d, flat(g)), scalar(1), factor}
		out := evaluate(t, in, func(v []tensor.Value) []tensor.Value {
			s := a.EndWindow(warmed(a, adapt.WindowSlow, v))
			if metric == adapt.MetricDense {
				return []tensor.Value{s.Factor.MatMul(s.Factor.Transpose()), s.Draws.Count}
			}
			if metric == adapt.MetricUnit {
				return []tensor.Value{s.Factor, tensor.ZerosLike(s.StepSize)}
			}
			return []tensor.Value{s.Factor.Square(), s.Draws.Count}
		})
		want := variance
		switch metric {
		case adapt.MetricDense:
			want = nil
			for i := range d {
				for j := range d {
					v := m2[i][j] / (n - 1) * n / (n + 5.0)
					if i == j {
						v = variance[i]
					}
					want = append(want, v)
				}
			}
		case adapt.MetricGradients:
			want = []float64{shrunk(math.Sqrt(m2[0][0] / g2[0][0])), shrunk(math.Sqrt(m2[1][1] / g2[1][1])), variance[2]}
		case adapt.MetricUnit:
			want = []float64{1, 2, 3}
		}
		requireNear(t, fmt.Sprint(metric, " inverse mass"), out[0].Float64s(), want, 1e-10)
		requireNear(t, "count", out[1].Float64s(), []float64{0}, 0)
	}
}

func TestFastWindowsGatherNothing(t *testing.T) {
	x := numbers(5, 2, 1)
	in := []*tensor.Array{matrix(5, 2, flat(x)), matrix(5, 2, flat(x)), scalar(1), vector(1, 1)}
	out := evaluate(t, in, func(v []tensor.Value) []tensor.Value {
		s := warmed(adapt.DefaultAdaptation(), adapt.WindowFast, v)
		return []tensor.Value{s.Draws.Count, s.Draws.Mean, s.Step.Count}
	})
	requireNear(t, "moments", append(out[0].Float64s(), out[1].Float64s()...), []float64{0, 0, 0}, 0)
	requireNear(t, "updates of the step size", out[2].Float64s(), []float64{5}, 0)
}

// moments returns those of rows as a chain would report them.
func moments(rows [][]float64, dense bool) adapt.Moments {
	mean, m2 := twoPass(rows)
	m := adapt.Moments{Count: float64(len(rows)), Mean: mean, M2: diagonal(m2)}
	if dense {
		m.M2 = flat(m2)
	}
	return m
}

// TestPool: merged parts are the whole, whichever parts were merged first, up to rounding.
func TestPool(t *testing.T) {
	x := numbers(60, 3, 5)
	for _, dense := range []bool{false, true} {
		a, b, c := moments(x[:7], dense), moments(x[7:8], dense), moments(x[8:], dense)
		b.M2 = make([]float64, len(b.M2)) // of one vector: exactly zero
		pool := func(parts ...adapt.Moments) adapt.Moments {
			m, err := adapt.Pool(parts)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		whole := moments(x, dense)
		for name, got := range map[string]adapt.Moments{
			"in order": pool(a, b, c), "last two first": pool(a, pool(b, c)), "first two first": pool(pool(a, b), c), "one": pool(whole),
			"with nothing": pool(adapt.Moments{Mean: make([]float64, 3), M2: make([]float64, len(a.M2))}, a, b, c),
		} {
			requireNear(t, name+": count", []float64{got.Count}, []float64{60}, 0)
			requireNear(t, name+": mean", got.Mean, whole.Mean, 1e-13)
			requireNear(t, name+": M2", got.M2, whole.M2, 1e-10)
		}
		if a.Count != 7 {
			t.Error("a part was changed")
		}
	}
	if _, err := adapt.Pool(nil); err == nil {
		t.Error("no error for no parts")
	}
	if _, err := adapt.Pool([]adapt.Moments{moments(x, true), moments(x, false)}); err == nil {
		t.Error("no error for parts of two kinds")
	}
}

func TestPoolStepSizes(t *testing.T) {
	out := evaluate(t, []*tensor.Array{vector(0, 1, 2, -1)}, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{adapt.PoolStepSizes(v[0])}
	})
	requireNear(t, "step size", out[0].Float64s(), []float64{1.6487212707001282}, 1e-15) // exp ½
}
