package adapt_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// inverseMass returns what the definitions give for draws x and gradients g in two passes: √(variance ratio), or for
// diag-draws the variances from 100 draws on.
func inverseMass(metric adapt.MetricKind, x, g [][]float64) []float64 {
	_, m2 := twoPass(x)
	_, g2 := twoPass(g)
	out := make([]float64, len(m2))
	for i := range out {
		out[i] = math.Sqrt(m2[i][i] / g2[i][i])
		if metric == adapt.MetricDraws && len(x) >= 100 {
			out[i] = m2[i][i] / float64(len(x)-1)
		}
	}
	return out
}

// TestMovingMetric: within windows the metric is that of all draws since the window before began, at a window's end that of the
// window; with 99 draws diag-draws is diag-grad still, with 100 it is not.
func TestMovingMetric(t *testing.T) {
	const d = 3
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricGradients} {
		for _, lengths := range [][2]int{{10, 20}, {40, 59}, {40, 60}, {120, 150}} {
			a := adapt.DefaultAdaptation()
			a.Metric = metric
			m, n := lengths[0], lengths[0]+lengths[1]
			x, g := numbers(n, d, 5), numbers(n, d, 6)
			out := evaluate(t, inputs(metric, x, g), func(v []tensor.Value) []tensor.Value {
				part := func(i, from, to int) tensor.Value { return v[i].Slice(0, from, to) }
				s := warmed(a, a.Init(v[0].At(0), v[2:4]), adapt.WindowFirst, part(0, 0, m), part(1, 0, m))
				first := a.EndWindow(s)
				second := warmed(a, first, adapt.WindowMoving, part(0, m, n), part(1, m, n))
				return []tensor.Value{s.Factor.Square(), first.Factor.Square(), second.Factor.Square(), a.EndWindow(second).Factor.Square()}
			})
			for i, want := range [][]float64{
				inverseMass(metric, x[:m], g[:m]), inverseMass(metric, x[:m], g[:m]), inverseMass(metric, x, g), inverseMass(metric, x[m:], g[m:]),
			} {
				requireNear(t, fmt.Sprint(metric, lengths, " inverse mass ", i), out[i].Float64s(), want, 1e-10)
			}
		}
	}
}

// TestMetricStays: elements without a variance, of the draws or of the gradients, keep the metric they have, all of them before
// there are three draws.
func TestMetricStays(t *testing.T) {
	const n, d = 5, 3
	x, g := numbers(n, d, 7), numbers(n, d, 8)
	for i := range n {
		x[i][0], g[i][1] = 7, 7
	}
	for count, third := range map[int]float64{2: 9, n: inverseMass(adapt.MetricGradients, x, g)[2]} {
		a := adapt.DefaultAdaptation()
		out := evaluate(t, inputs(a.Metric, x[:count], g[:count]), func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{warmedFrom(a, v).Factor.Square()}
		})
		requireNear(t, fmt.Sprint(count, " draws"), out[0].Float64s(), []float64{1, 4, third}, 1e-10)
	}
}

// TestIndependentNormals: gradients of independent normals give the metric without an error, whatever the draws.
func TestIndependentNormals(t *testing.T) {
	variance := []float64{1e-8, 1, 1e6}
	x := numbers(4, 3, 9)
	g := make([][]float64, len(x))
	for i, row := range x {
		for k, v := range variance {
			g[i] = append(g[i], -row[k]/v)
		}
	}
	a := adapt.DefaultAdaptation()
	out := evaluate(t, inputs(a.Metric, x, g), func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{warmedFrom(a, v).Factor.Square().Div(tensor.In(v[0], vector(variance...)))}
	})
	requireNear(t, "over the variances", out[0].Float64s(), []float64{1, 1, 1}, 1e-9)
}

func TestFromGradient(t *testing.T) {
	for metric, want := range map[adapt.MetricKind][]float64{
		adapt.MetricDraws: {1, 0.25, 100, 1e20}, adapt.MetricGradients: {1, 0.25, 100, 1e20}, adapt.MetricUnit: {9, 9, 9, 9},
	} {
		a := adapt.DefaultAdaptation()
		a.Metric = metric
		out := evaluate(t, []*tensor.Array{vector(0, -4, 0.01, 1e-30), scalar(1), vector(3, 3, 3, 3)}, func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{a.FromGradient(a.Init(v[0], v[1:]), v[0]).Factor.Square()}
		})
		requireNear(t, string(metric), out[0].Float64s(), want, 1e-12)
	}
}
