package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestPriorIsTheReparametrisedModelByHand: with the same key, the non-centred model's prior draws are those of the model
// written with theta_base by hand.
func TestPriorIsTheReparametrisedModelByHand(t *testing.T) {
	byHand := func(c *model.Context, d schools) {
		mu := c.Sample("mu", dist.Normal(0, 5))
		tau := c.Sample("tau", dist.HalfCauchy(5))
		school := c.Plate("school", d.Sigma.Dim(0))
		theta := school.Deterministic("theta", tau.Mul(school.Sample("theta_base", dist.Normal(0, 1))).Add(mu))
		school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
	}
	ma, a := compile(t, model.With(eightSchools, locScale(0)), schoolsData())
	mb, b := compile(t, byHand, schoolsData())
	x, y := run(t, ma, a.Prior, key(5, 2, 9)), run(t, mb, b.Prior, key(5, 2, 9))
	if len(x) != 5 || len(y) != 5 {
		t.Fatalf("%d and %d results, want mu, tau, theta_base, theta, obs", len(x), len(y))
	}
	for i := range x {
		if !slices.Equal(x[i].Bits, y[i].Bits) {
			t.Errorf("%s: %v, by hand %v", a.Prior.Out[i].Name, x[i].Float64s(), y[i].Float64s())
		}
	}
}

func TestPriorNeedsNoData(t *testing.T) {
	data := schoolsData()
	full := newModel(t, eightSchools, data)
	whole, err := model.Compile(full, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	delete(data, "y")
	m := newModel(t, eightSchools, data)
	b, err := model.CompilePrior(m)
	if err != nil {
		t.Fatal(err)
	}
	if b.LogDensity != nil || b.Manifest.Site("obs").Shape[0] != 8 {
		t.Errorf("bundle %+v", b.Manifest)
	}
	got, want := run(t, m, b.Prior, key(1, 0, 4)), run(t, full, whole.Prior, key(1, 0, 4))
	for i := range want {
		if !slices.Equal(got[i].Bits, want[i].Bits) {
			t.Errorf("%s differs without data", b.Prior.Out[i].Name)
		}
	}
}

// TestPredictiveDrawsObservationsAtThePosition compares Predictive with the draws computed from the site's key.
func TestPredictiveDrawsObservationsAtThePosition(t *testing.T) {
	m, b := compile(t, model.With(eightSchools, locScale(0)), schoolsData())
	q := f64s(1, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
	out := run(t, m, b.Predictive, append([]*tensor.Array{q}, key(7, 1, 2)...))
	if len(out) != 2 || b.Predictive.Out[0].Name != "theta" || b.Predictive.Out[1].Name != "obs" {
		t.Fatalf("results %+v", b.Predictive.Out)
	}
	want := evaluate(t, func(_ tensor.Value, k rng.Key) []tensor.Value {
		theta := tensor.In(k.Seed, []float64{1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8})
		sigma := tensor.Lift([]float64{15, 10, 16, 11, 9, 11, 10, 18})
		return []tensor.Value{dist.Normal(theta, sigma).Sample(k.With(rng.PurposePredictive).Site("obs"))}
	})
	for i, x := range out[1].Float64s() {
		if !near(x, want[0][i], 1e-13) {
			t.Errorf("obs[%d] = %v, want %v", i, x, want[0][i])
		}
	}
}

func TestConditionedSitesStayInPredictive(t *testing.T) {
	m, b := compile(t, model.With(eightSchools, model.Condition(map[string]any{"tau": 0.5})), schoolsData())
	out := run(t, m, b.Prior, key(1, 2, 3))
	if b.Prior.Out[1].Name != "tau" || out[1].Float64s()[0] != 0.5 {
		t.Errorf("tau = %v, want 0.5", out[1].Float64s())
	}
	if len(b.Predictive.Out) != 1 || b.Predictive.Out[0].Name != "obs" {
		t.Errorf("predictive gives %+v, want obs alone", b.Predictive.Out)
	}
}

// TestScalarDistributionOfVectorData: the observation's own shape is kept by the draws.
func TestScalarDistributionOfVectorData(t *testing.T) {
	m, b := compile(t, func(c *model.Context, d vector) {
		c.Observe("y", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 1), d.Y)
	}, model.Data{"y": []float64{1, 2, 3}})
	y := run(t, m, b.Predictive, append([]*tensor.Array{f64s(0)}, key(1, 1, 1)...))[0].Float64s()
	slices.Sort(y)
	if len(slices.Compact(y)) != 3 {
		t.Errorf("draws %v, want three of them", y)
	}
}

// TestScalarDataOfAPlate: one number observed at every element of a plate is drawn once for each.
func TestScalarDataOfAPlate(t *testing.T) {
	m, b := compile(t, func(c *model.Context, _ none) {
		c.Plate("n", 3).Observe("y", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 1), 0.5)
	}, nil)
	y := run(t, m, b.Predictive, append([]*tensor.Array{f64s(0)}, key(1, 1, 1)...))[0]
	if s := b.Manifest.Site("y"); !slices.Equal(s.Shape, y.Shape) || !slices.Equal(s.Shape, []int{3}) || s.Dims[0] != "n" {
		t.Errorf("manifest has %+v, draws are %v", s, y.Shape)
	}
}

// flat is a distribution without a sampler.
type flat struct{ dist.NormalDist }

func (flat) LogProb(x tensor.Value) tensor.Value { return tensor.ZerosLike(x) }
func (flat) Sample(rng.Key, ...int) tensor.Value {
	tensor.Fail("flat", "has no sampler")
	return tensor.Value{}
}

func TestMissingSamplerIsSaid(t *testing.T) {
	m, b := compileWith(t, func(c *model.Context, d vector) {
		mu := c.Sample("mu", flat{dist.Normal(0, 1)})
		c.Observe("y", dist.Normal(mu, 1), d.Y)
	}, model.Data{"y": []float64{1, 2}}, model.Options{Init: model.InitMedian})
	if b.Prior != nil || b.Predictive == nil {
		t.Error("the prior cannot be drawn, the data can")
	}
	if reason := b.Manifest.Unavailable["prior"]; !strings.Contains(reason, `site "mu": flat: has no sampler`) {
		t.Errorf("no reason in %+v", b.Manifest.Unavailable)
	}
	if u := run(t, m, b.Init, key(1, 1, 1))[0].Float64s(); u[0] < -2 || u[0] > 2 {
		t.Errorf("start %v, want a uniform one", u)
	}
}
