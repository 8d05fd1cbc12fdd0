package adapt_test

import (
	"fmt"
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

// warmed runs Update over draws and gradients in a window of a kind and returns the state.
func warmed(a adapt.Adaptation, s adapt.State, kind adapt.WindowKind, draws, gradients tensor.Value) adapt.State {
	type xs struct{ X, G tensor.Value }
	s, _ = tensor.Scan(s, xs{draws, gradients}, func(s adapt.State, x xs) (adapt.State, tensor.Value) {
		s = a.Update(s, tensor.In(x.X, int(kind)), tensor.In(x.X, 0.8), x.X, x.G)
		return s, s.StepSize
	})
	return s
}

// kinds are the metrics, each with the kind of window that adapts it.
var kinds = map[adapt.MetricKind]adapt.WindowKind{
	adapt.MetricDraws: adapt.WindowMoving, adapt.MetricGradients: adapt.WindowMoving, adapt.MetricDense: adapt.WindowSlow, adapt.MetricUnit: adapt.WindowSlow,
}

// inputs are draws, gradients, a step size of 1 and the factor of a first metric, for warmedFrom.
func inputs(metric adapt.MetricKind, x, g [][]float64) []*tensor.Array {
	n, d := len(x), len(x[0])
	factor := vector(1, 2, 3)
	if metric == adapt.MetricDense {
		factor = matrix(d, d, []float64{1, 0, 0, 0, 1, 0, 0, 0, 1})
	}
	return []*tensor.Array{matrix(n, d, flat(x)), matrix(n, d, flat(g)), scalar(1), factor}
}

// warmedFrom is the state after the draws of inputs in one window.
func warmedFrom(a adapt.Adaptation, v []tensor.Value) adapt.State {
	return warmed(a, a.Init(v[0].At(0), v[2:4]), kinds[a.Metric], v[0], v[1])
}

func TestWelfordIsTwoPass(t *testing.T) {
	const n, d = 40, 3
	x, g := numbers(n, d, 1), numbers(n, d, 2)
	mean, m2 := twoPass(x)
	_, g2 := twoPass(g)
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricDense, adapt.MetricGradients} {
		a := adapt.DefaultAdaptation()
		a.Metric = metric
		m := diagonal(m2)
		if metric == adapt.MetricDense {
			m = flat(m2)
		}
		out := evaluate(t, inputs(metric, x, g), func(v []tensor.Value) []tensor.Value {
			w := warmedFrom(a, v).Moments
			out := []tensor.Value{w.Draws.Mean, w.Draws.M2, w.Draws.Count}
			if metric != adapt.MetricDense {
				out = append(out, w.Gradients.M2)
			}
			return out
		})
		// Means of 1e3 beside scales of 1 cost six digits of sixteen in a square.
		requireNear(t, fmt.Sprint(metric, " mean"), out[0].Float64s(), mean, 1e-13)
		requireNear(t, fmt.Sprint(metric, " M2"), out[1].Float64s(), m, 1e-10)
		requireNear(t, "count", out[2].Float64s(), []float64{n}, 0)
		if metric != adapt.MetricDense {
			requireNear(t, "gradients' M2", out[3].Float64s(), diagonal(g2), 1e-10)
		}
	}
}

// TestDenseWindow has the formula of Stan, and checks that the moments are forgotten; the unit metric stays as it is.
func TestDenseWindow(t *testing.T) {
	const n, d = 25, 3
	x := numbers(n, d, 3)
	_, m2 := twoPass(x)
	var want []float64
	for i := range d {
		for j := range d {
			v := m2[i][j] / (n - 1) * n / (n + 5.0)
			if i == j {
				v += 1e-3 * 5 / (n + 5.0)
			}
			want = append(want, v)
		}
	}
	dense, unit := adapt.DefaultAdaptation(), adapt.DefaultAdaptation()
	dense.Metric, unit.Metric = adapt.MetricDense, adapt.MetricUnit
	out := evaluate(t, inputs(dense.Metric, x, x), func(v []tensor.Value) []tensor.Value {
		s := dense.EndWindow(warmedFrom(dense, v))
		return []tensor.Value{s.Factor.MatMul(s.Factor.Transpose()), s.Moments.Draws.Count}
	})
	requireNear(t, "inverse mass matrix", out[0].Float64s(), want, 1e-10)
	requireNear(t, "count", out[1].Float64s(), []float64{0}, 0)
	out = evaluate(t, inputs(unit.Metric, x, x), func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{unit.EndWindow(warmedFrom(unit, v)).Factor}
	})
	requireNear(t, "unit metric", out[0].Float64s(), []float64{1, 2, 3}, 0)
}

func TestFastWindowsGatherNothing(t *testing.T) {
	x := numbers(5, 3, 1)
	a := adapt.DefaultAdaptation()
	out := evaluate(t, inputs(a.Metric, x, x), func(v []tensor.Value) []tensor.Value {
		s := warmed(a, a.Init(v[0].At(0), v[2:4]), adapt.WindowFast, v[0], v[1])
		return []tensor.Value{s.Moments.Draws.Count, s.Moments.Draws.Mean, s.Step.Count, s.Factor}
	})
	requireNear(t, "moments", append(out[0].Float64s(), out[1].Float64s()...), []float64{0, 0, 0, 0}, 0)
	requireNear(t, "updates of the step size", out[2].Float64s(), []float64{5}, 0)
	requireNear(t, "factor", out[3].Float64s(), []float64{1, 2, 3}, 0)
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
