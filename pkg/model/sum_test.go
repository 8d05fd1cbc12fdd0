package model_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestLogDensityIsTheSumOfItsSites holds the rearranged sum of LogDensity to the plain one: sites' log densities one by
// one and the Jacobians by hand.
func TestLogDensityIsTheSumOfItsSites(t *testing.T) {
	m, b := compile(t, func(c *model.Context, d schools) {
		mu := c.Sample("mu", dist.Normal(0, 5))
		tau := c.Sample("tau", dist.HalfCauchy(5))
		scaled := c.Scale(0.7).Plate("school", 8)
		theta := scaled.Sample("theta", dist.Normal(mu, tau))
		sigma := scaled.Plate("twice", 2).Sample("sigma", dist.HalfNormal(tau.Mul(2)))
		scaled.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
		c.Mask([]bool{true, false, true, true, true, true, true, false}).Observe("masked", dist.Normal(mu, sigma.At(1)), d.Y)
		scaled.Factor("f", mu.Mul(0.1))
		c.Observe("positive", dist.HalfNormal(1.5), []float64{1, 2})
	}, schoolsData())
	q := make([]float64, b.Manifest.Dimension)
	for i := range q {
		q[i] = math.Sin(float64(3 * i))
	}
	at := []*tensor.Array{f64s(q...)}
	want := q[1] // log tau, then log sigma
	for _, u := range q[10:26] {
		want += u
	}
	for _, site := range run(t, m, b.SiteLogDensity, at) {
		for _, x := range site.Float64s() {
			want += x
		}
	}
	if got := run(t, m, b.LogDensity, at)[0].Float64s()[0]; !near(got, want, 1e-13) {
		t.Errorf("log density %v, want %v", got, want)
	}
}

// TestGuardOfObservationsStays: data outside the support make the log density -Inf although the guard is summed apart.
func TestGuardOfObservationsStays(t *testing.T) {
	m, b := compile(t, func(c *model.Context, d vector) {
		c.Observe("y", dist.Exponential(c.Sample("rate", dist.HalfCauchy(1))), d.Y)
	}, model.Data{"y": []float64{1, -2, 3}})
	at := []*tensor.Array{f64s(0.5)}
	if got := run(t, m, b.LogDensity, at)[0].Float64s()[0]; !math.IsInf(got, -1) {
		t.Errorf("log density %v, want -Inf", got)
	}
	if got := b.NonFinite(run(t, m, b.SiteLogDensity, at)); got != "y[1] = -Inf" {
		t.Errorf("not finite: %q, want y[1] = -Inf", got)
	}
}
