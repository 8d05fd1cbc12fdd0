package model_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// xy is data of a regression.
type xy struct {
	X tensor.Value `drey:"x"`
	Y tensor.Value `drey:"y"`
}

func gaussianProcess(c *model.Context, d xy) {
	variance := c.Sample("variance", dist.LogNormal(0, 1))
	length := c.Sample("length", dist.LogNormal(0, 1))
	noise := c.Sample("noise", dist.LogNormal(0, 1))
	r := d.X.ExpandDims(1).Sub(d.X.ExpandDims(0)).Div(length)
	k := r.Square().Mul(-0.5).Exp().Mul(variance).Add(noise.Add(1e-6).BroadcastTo(d.X.Dim(0)).Diag())
	c.Observe("y", dist.MultivariateNormal(tensor.ZerosLike(d.X), k), d.Y)
}

func mixture(c *model.Context, d xy) {
	w := c.Sample("w", dist.Dirichlet([]float64{1, 2}))
	mu := c.Sample("mu", uniformOn{dist.Ordered, []int{2}})
	sigma := c.Plate("component", 2).Sample("sigma", dist.HalfNormal(2))
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.MixtureSameFamily(dist.Categorical(w), dist.Normal(mu, sigma)), d.Y)
}

func correlated(c *model.Context, d xy) {
	l := c.Sample("L", dist.LKJCholesky(3, 2.0))
	scale := c.Plate("axis", 3).Sample("scale", dist.Gamma(2, 1))
	rate := c.Plate("axis", 3).Sample("z", dist.MultivariateNormalTril([]float64{0, 0, 0}, l.Mul(scale.ExpandDims(1))))
	p := c.Sample("p", dist.Beta(2, 3))
	c.Factor("tilt", p.Log().Mul(0.5))
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.StudentT(4, rate.Sum(), p), d.Y)
}

// TestGradientsOfModels compares each model's gradient with central differences of its density, whose error is about
// |f|·2^-53/h + h²|f”'|: 1e-5 of the larger of 1 and the gradient for h = 1e-5.
func TestGradientsOfModels(t *testing.T) {
	data := model.Data{"x": []float64{0, 0.4, 1.1, 1.5, 2.7}, "y": []float64{0.3, 0.9, -0.2, -0.7, 1.4}}
	for name, fn := range map[string]func(*model.Context, xy){
		"gp": gaussianProcess, "mixture": mixture, "correlated": correlated,
	} {
		t.Run(name, func(t *testing.T) {
			m, b := compile(t, fn, data)
			q := run(t, m, b.Init, key(11, 0, 0))[0].Float64s()
			out := run(t, m, b.LogDensity, []*tensor.Array{f64s(q...)})
			value := func(x []float64) float64 {
				return run(t, m, b.LogDensity, []*tensor.Array{f64s(x...)})[0].Float64s()[0]
			}
			if lp := out[0].Float64s()[0]; math.IsNaN(lp) || math.IsInf(lp, 0) {
				t.Fatalf("log density %v at %v", lp, q)
			}
			const h = 1e-5
			for i, g := range out[1].Float64s() {
				at := q[i]
				q[i] = at + h
				up := value(q)
				q[i] = at - h
				down := value(q)
				q[i] = at
				if d := (up - down) / (2 * h); !near(g, d, 1e-5) {
					t.Errorf("gradient[%d] = %v, differences give %v", i, g, d)
				}
			}
			if b.Predictive == nil {
				t.Errorf("no predictive: %v", b.Manifest.Unavailable)
			}
		})
	}
}
