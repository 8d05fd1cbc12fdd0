package model_test

import (
	"math"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

func compileWith[D any](t *testing.T, fn func(*model.Context, D), data model.Data, opts model.Options) (*model.Model, *model.Bundle) {
	t.Helper()
	m := newModel(t, fn, data)
	b, err := model.Compile(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m, b
}

func TestUniformStartsCoverTheirRange(t *testing.T) {
	m, b := compile(t, eightSchools, schoolsData())
	lo, hi := math.Inf(1), math.Inf(-1)
	var all []float64
	for chain := range uint32(20) {
		for _, u := range run(t, m, b.Init, key(3, chain, 0))[0].Float64s() {
			lo, hi = min(lo, u), max(hi, u)
			all = append(all, u)
		}
	}
	slices.Sort(all)
	if lo < -2 || hi > 2 || lo > -1.8 || hi < 1.8 || len(slices.Compact(all)) != 200 {
		t.Errorf("200 starts in [%v, %v], %d of them distinct", lo, hi, len(slices.Compact(all)))
	}
	again := run(t, m, b.Init, key(3, 0, 1))[0]
	if slices.Equal(again.Bits, run(t, m, b.Init, key(3, 0, 0))[0].Bits) {
		t.Error("the second attempt starts where the first did")
	}
}

// TestStartStrategies compares the programs' starts with the same numbers computed from the sites' draws.
func TestStartStrategies(t *testing.T) {
	program := func(c *model.Context, _ none) {
		mu := c.Sample("mu", dist.Normal(3, 1))
		c.Plate("n", 2).Sample("tau", dist.HalfCauchy(mu.Exp()))
	}
	// expect gives tau's and mu's starts on unconstrained space, given how to summarise draws along axis 0.
	expect := func(t *testing.T, n []int, summary func(tensor.Value) tensor.Value) []float64 {
		out := evaluate(t, func(_ tensor.Value, k rng.Key) []tensor.Value {
			k = k.With(rng.PurposeInit)
			mu := summary(dist.Normal(3, 1).Sample(k.Site("mu"), n...))
			tau := dist.Expand(dist.HalfCauchy(mu.Exp()), 2).Sample(k.Site("tau"), n...)
			return []tensor.Value{mu, summary(tau.Log())}
		})
		return slices.Concat(out...)
	}
	for _, c := range []struct {
		strategy model.InitStrategy
		sample   []int
		summary  func(tensor.Value) tensor.Value
	}{
		{model.InitPrior, nil, func(v tensor.Value) tensor.Value { return v }},
		{model.InitMedian, []int{15}, func(v tensor.Value) tensor.Value { return v.Sort(0).At(7) }},
		{model.InitMean, []int{15}, func(v tensor.Value) tensor.Value { return v.Sum(0).Div(15.0) }},
	} {
		t.Run(string(c.strategy), func(t *testing.T) {
			m, b := compileWith(t, program, nil, model.Options{Init: c.strategy})
			got := run(t, m, b.Init, key(7, 1, 2))[0].Float64s()
			want := expect(t, c.sample, c.summary)
			for i := range want {
				if !near(got[i], want[i], 1e-13) {
					t.Errorf("start %v, want %v", got, want)
				}
			}
		})
	}
}

func TestGivenStarts(t *testing.T) {
	m, b := compileWith(t, model.With(eightSchools, locScale(0)), schoolsData(),
		model.Options{Init: model.InitValue, Given: []string{"tau", "mu", "theta"}})
	theta := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	lead := append(key(1, 0, 0), tensor.ArrayOf(tensor.F64, nil, []float64{2}), tensor.ArrayOf(tensor.F64, nil, []float64{4}), f64s(theta...))
	got := run(t, m, b.Init, lead)[0].Float64s()
	want := []float64{4, math.Log(2)}
	for _, x := range theta {
		want = append(want, (x-4)/2)
	}
	for i := range want {
		if !near(got[i], want[i], 1e-14) {
			t.Fatalf("start %v, want %v", got, want)
		}
	}
	part, pb := compileWith(t, eightSchools, schoolsData(), model.Options{Init: model.InitValue, Given: []string{"tau"}})
	got = run(t, part, pb.Init, append(key(1, 0, 0), tensor.ArrayOf(tensor.F64, nil, []float64{2})))[0].Float64s()
	_, ub := compile(t, eightSchools, schoolsData())
	uniform := run(t, part, ub.Init, key(1, 0, 0))[0].Float64s()
	uniform[1] = math.Log(2)
	if !slices.Equal(got, uniform) {
		t.Errorf("start %v, want %v: unnamed sites as without values", got, uniform)
	}
}

func TestUnconstrainInvertsConstrain(t *testing.T) {
	for _, centered := range []float64{0, 0.4} {
		m, b := compile(t, model.With(eightSchools, locScale(centered)), schoolsData())
		q := f64s(1, -0.5, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
		kept := run(t, m, b.Constrain, []*tensor.Array{q})
		got := run(t, m, b.Unconstrain, kept[:3])[0].Float64s()
		for i, x := range q.Float64s() {
			if !near(got[i], x, 1e-14) {
				t.Errorf("round trip %v, want %v", got, q.Float64s())
			}
		}
	}
}

// TestStartCheck: a given start outside the support of its site is named, in the coordinates of the model whether the site
// was reparametrised or not; a support that depends on a start that is drawn says nothing.
func TestStartCheck(t *testing.T) {
	type limits struct {
		Top tensor.Value `drey:"top"`
	}
	fn := func(c *model.Context, d limits) {
		mu := c.Sample("mu", dist.Uniform(0, d.Top))
		c.Plate("n", 3).Sample("x", dist.Uniform(0, mu))
		c.Sample("y", dist.Transformed(dist.Normal(0, 1), dist.ExpTransform))
		c.Sample("p", dist.Dirichlet([]float64{1, 1, 1}))
		c.Sample("scale", dist.HalfNormal(1))
	}
	reparam := model.Reparam(map[string]model.Reparameterization{"y": model.TransformReparam{}})
	for _, c := range []struct {
		given []string
		start []*tensor.Array
		want  []string // of the error; nil: none
	}{
		{[]string{"mu"}, []*tensor.Array{scalar(2.5)}, nil},
		{[]string{"mu"}, []*tensor.Array{scalar(3.5)}, []string{`site "mu"`, "mu = 3.5", "support of Uniform"}},
		{[]string{"mu"}, []*tensor.Array{scalar(3)}, []string{`site "mu"`, "edge of the support of Uniform"}},
		{[]string{"x"}, []*tensor.Array{f64s(0.1, 0.1, 4)}, nil},
		{[]string{"x", "mu"}, []*tensor.Array{f64s(0.1, 0.1, 1.5), scalar(1)}, []string{"x[2] = 1.5"}},
		{[]string{"y"}, []*tensor.Array{scalar(-1)}, []string{`site "y"`, "y = -1", "positive"}},
		{[]string{"p"}, []*tensor.Array{f64s(0.5, 0.5, 0.5)}, []string{`site "p"`, "Dirichlet"}},
		{[]string{"p"}, []*tensor.Array{f64s(0.25, 0.25, 0.5)}, nil},
		{[]string{"scale"}, []*tensor.Array{scalar(math.NaN())}, []string{"scale = NaN", "non-negative"}},
	} {
		for _, with := range []func(*model.Context, limits){fn, model.With(fn, reparam)} {
			m, b := compileWith(t, with, model.Data{"top": 3.0}, model.Options{Given: c.given})
			err := b.CheckStart(run(t, m, b.StartCheck, append(key(1, 0, 0), c.start...)))
			if c.want != nil {
				wantError(t, err, c.want...)
			} else if err != nil {
				t.Errorf("%v at %v: %v", c.given, c.start, err)
			}
		}
	}
}

func scalar(x float64) *tensor.Array { return tensor.ArrayOf(tensor.F64, nil, []float64{x}) }
