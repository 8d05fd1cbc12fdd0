package model_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestTransformReparam: x = mu + sigma·z with z ~ Cauchy, so that the density at z is the one at x times sigma^n, and
// draws agree.
func TestTransformReparam(t *testing.T) {
	fn := func(c *model.Context, _ none) {
		mu := c.Sample("mu", dist.Normal(0, 1))
		sigma := c.Sample("sigma", dist.HalfNormal(2))
		c.Plate("n", 3).Sample("x", dist.Transformed(dist.Cauchy(0, 1), dist.AffineTransform(mu, sigma)))
	}
	base := model.Reparam(map[string]model.Reparameterization{"x": model.TransformReparam{}})
	ma, a := compile(t, fn, nil)
	mb, b := compile(t, model.With(fn, base), nil)
	mu, u := 0.5, -0.3
	z := []float64{-1, 0.25, 4}
	x := make([]float64, 3)
	for i := range z {
		x[i] = mu + math.Exp(u)*z[i]
	}
	want := run(t, ma, a.LogDensity, []*tensor.Array{f64s(append([]float64{mu, u}, x...)...)})[0].Float64s()[0] + 3*u
	at := []*tensor.Array{f64s(append([]float64{mu, u}, z...)...)}
	if got := run(t, mb, b.LogDensity, at)[0].Float64s()[0]; !near(got, want, 1e-13) {
		t.Errorf("log density %v, want %v", got, want)
	}
	if s := b.Manifest.Site("x_base"); s == nil || s.Kind != model.Auxiliary || s.UnconstrainedSize != 3 {
		t.Errorf("auxiliary site %+v", s)
	}
	for i, v := range run(t, mb, b.Constrain, at)[3].Float64s() {
		if !near(v, x[i], 1e-14) {
			t.Errorf("x[%d] = %v, want %v", i, v, x[i])
		}
	}
	m := newModel(t, func(c *model.Context, _ none) { c.Sample("x", dist.Normal(0, 1)) }, nil)
	_, err := model.Compile(m.With(base), model.Options{})
	wantError(t, err, `site "x"`, "TransformReparam of Normal, which is not")
}

// TestTransformReparamWidensItsBase: parameters of a transform that give a scalar base its batch shape leave one auxiliary
// variable for each element, and a start may be given for the site itself.
func TestTransformReparamWidensItsBase(t *testing.T) {
	fn := model.With(func(c *model.Context, _ none) {
		c.Sample("x", dist.Transformed(dist.Normal(0, 1), dist.AffineTransform([]float64{1, 2, 3}, 2)))
	}, model.Reparam(map[string]model.Reparameterization{"x": model.TransformReparam{}}))
	m, b := compileWith(t, fn, nil, model.Options{Given: []string{"x"}})
	if b.Manifest.Dimension != 3 {
		t.Fatalf("dimension %d, want 3", b.Manifest.Dimension)
	}
	got := run(t, m, b.Init, append(key(1, 1, 1), f64s(1, 4, 7)))[0].Float64s()
	if got[0] != 0 || got[1] != 1 || got[2] != 2 {
		t.Errorf("start %v, want 0 1 2", got)
	}
}
