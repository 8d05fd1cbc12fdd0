package xla_test

import (
	"testing"

	"github.com/drey-sampler/drey/bench/recipe"
	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	"github.com/drey-sampler/drey/examples/gp"
	logisticregression "github.com/drey-sampler/drey/examples/logistic-regression"
	"github.com/drey-sampler/drey/examples/radon"
	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine"
	xlaengine "github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// needXLA skips the test for want of XLA.
func needXLA(t testing.TB) {
	t.Helper()
	if err := xlaengine.Built(); err != nil {
		require.Skip(t, "xla", err.Error())
	}
	if _, err := plugin.Find(require.Platform()); err != nil {
		require.Skip(t, "xla", err.Error())
	}
}

// open returns XLA's engine with an empty cache, or skips the test for want of it.
func open(t testing.TB) engine.Engine {
	t.Helper()
	needXLA(t)
	e, err := xlaengine.Open(require.Platform(), xlaengine.Config{Programs: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// subject is a model with its data, and a step size at which NUTS with a unit metric accepts most of its draws.
type subject struct {
	*model.Model
	*model.Bundle
	stepSize float64
}

func (s *subject) dim() int { return s.Manifest.Dimension }

// params are the parameters of the data columns, which the programs take last.
func (s *subject) params() []tensor.Param { return s.LogDensity.In[1:] }

// Data are fewer than in the examples: XLA for CPUs has slow triangular matrices, a hundred points take a tenth of a second.
const (
	regressionRows = 300
	processPoints  = 12
)

// subjects are the models.
var subjects = []struct {
	name string
	load func(t testing.TB) *subject
}{
	{"eight-schools", func(t testing.TB) *subject { return load(t, eightschools.EightSchools, eightschools.Data, 0.35) }},
	{"funnel", func(t testing.TB) *subject {
		return load(t, funnel, func() (model.Data, error) { return nil, nil }, 0.1)
	}},
	{"radon", func(t testing.TB) *subject { return load(t, radon.Radon, radon.Data, 0.03) }},
	{"gp", func(t testing.TB) *subject {
		few := func() (model.Data, error) {
			x, y := recipe.GaussianProcess()
			return model.Data{"x": x[:processPoints], "y": y[:processPoints]}, nil
		}
		return load(t, gp.GP, few, 0.3)
	}},
	{"logistic-regression", func(t testing.TB) *subject {
		small := func() (model.Data, error) { return logisticregression.Generate(regressionRows), nil }
		return load(t, logisticregression.LogisticRegression, small, 0.15)
	}},
}

// funnel is Neal's (2003, "Slice sampling", section 8), whose curvature changes by orders of magnitude along a trajectory.
func funnel(c *model.Context, _ struct{}) {
	v := c.Sample("v", dist.Normal(0, 3))
	c.Plate("n", 9).Sample("x", dist.Normal(0, v.Mul(0.5).Exp()))
}

func load[D any](t testing.TB, fn func(*model.Context, D), data func() (model.Data, error), stepSize float64) *subject {
	t.Helper()
	d, err := data()
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New("subject", tensor.F64, fn, d)
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &subject{m, b, stepSize}
}

// each calls test with every model, at the same time.
func each(t *testing.T, test func(t *testing.T, s *subject)) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s.load(t))
		})
	}
}
