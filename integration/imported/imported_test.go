package imported

import (
	"math"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/integration/internal/compare"
	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/reference"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// all calls test with every fixture.
func all(t *testing.T, test func(t *testing.T, f *Fixture, fixtures int)) {
	t.Helper()
	names, err := Names()
	if err != nil || len(names) < 6 {
		t.Fatalf("fixtures %v, %v", names, err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			f, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			test(t, f, len(names))
		})
	}
}

// TestDensities: the log density, its gradient and the constrained values are those that JAX computes, and both engines
// give the same bits.
func TestDensities(t *testing.T) {
	all(t, func(t *testing.T, f *Fixture, _ int) {
		b, err := model.Compile(f.Model, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Points) != 20 {
			t.Errorf("%d points, want 20", len(f.Points))
		}
		density, constrain := evaluator(t, wasm.Engine{}, f.Model, b.LogDensity), evaluator(t, wasm.Engine{}, f.Model, b.Constrain)
		other := evaluator(t, reference.New(), f.Model, b.LogDensity)
		for i, p := range f.Points {
			got := at(t, density, f.Model, p)
			closeTo(t, "log density", got[0].Float64s(), []float64{p.LogDensity})
			closeTo(t, "gradient", got[1].Float64s(), p.Gradient)
			values := at(t, constrain, f.Model, p)
			if len(values) != len(p.Values) {
				t.Errorf("%d sites, want %d", len(values), len(p.Values))
			}
			for k, out := range b.Constrain.Out {
				closeTo(t, out.Name, values[k].Float64s(), p.Values[out.Name])
			}
			if i > 1 {
				continue // the direct evaluator is slow
			}
			want := at(t, other, f.Model, p)
			if !slices.Equal(got[0].Bits, want[0].Bits) || !slices.Equal(got[1].Bits, want[1].Bits) {
				t.Errorf("point %d: the engines differ", i)
			}
		}
	})
}

// evaluator compiles a program and gives it the data.
func evaluator(t *testing.T, e engine.Engine, m *model.Model, f *tensor.Func) *chain.Evaluator {
	t.Helper()
	v, err := chain.NewEvaluator(e, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	for i, c := range m.Columns {
		if err := v.Put(len(f.In)-len(m.Columns)+i, c.Bytes); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// at evaluates a program at a point; more are its further parameters before the data.
func at(t *testing.T, v *chain.Evaluator, m *model.Model, p Point, more ...*tensor.Array) []*tensor.Array {
	t.Helper()
	return evaluate(t, v, append([]*tensor.Array{tensor.ArrayOf(m.Float, []int{len(p.Position)}, p.Position)}, more...)...)
}

// evaluate evaluates a program whose first parameters are lead.
func evaluate(t *testing.T, v *chain.Evaluator, lead ...*tensor.Array) []*tensor.Array {
	t.Helper()
	for i, a := range lead {
		if err := v.Put(i, engine.Bytes(a)); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	return v.Results()
}

// TestDraws: the programs that draw give what NumPyro draws with the same keys: predictive values given the latent sites, all
// sites from the prior.
func TestDraws(t *testing.T) {
	all(t, func(t *testing.T, f *Fixture, _ int) {
		b, err := model.Compile(f.Model, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Draws) == 0 {
			if b.Predictive != nil || b.Prior != nil || b.Manifest.Unavailable["predictive"] == "" {
				t.Errorf("programs that draw without draws to compare: %v", b.Manifest.Unavailable)
			}
			return
		}
		if b.Predictive == nil || b.Prior == nil {
			t.Fatalf("no programs that draw: %v", b.Manifest.Unavailable)
		}
		predictive, prior := evaluator(t, wasm.Engine{}, f.Model, b.Predictive), evaluator(t, wasm.Engine{}, f.Model, b.Prior)
		for _, d := range f.Draws {
			which := []*tensor.Array{word(tensor.U64, Seed), word(tensor.U32, Chain), word(tensor.U32, uint64(d.Number))}
			compareDraws(t, "predictive", b.Predictive, at(t, predictive, f.Model, f.Points[d.Number], which...), d.Predictive)
			compareDraws(t, "prior", b.Prior, evaluate(t, prior, which...), d.Prior)
		}
	})
}

func word(d tensor.DType, x uint64) *tensor.Array { return &tensor.Array{DType: d, Bits: []uint64{x}} }

// inSingle is a site whose Poisson numbers JAX draws in f32: rounding decides which candidates are accepted.
const inSingle = "counts"

func compareDraws(t *testing.T, kind string, f *tensor.Func, got []*tensor.Array, want map[string][]float64) {
	t.Helper()
	for k, out := range f.Out {
		if out.Name == inSingle {
			continue
		}
		closeTo(t, kind+" "+out.Name, got[k].Float64s(), want[out.Name])
	}
}

// tolerance is relative: both sides compute in f64, in different orders.
const tolerance = 1e-12

// closeTo compares relative to the largest element: an element near 0 is a difference of others.
func closeTo(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d elements, want %d", what, len(got), len(want))
		return
	}
	scale := 1.0
	for _, x := range want {
		scale = math.Max(scale, math.Abs(x))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance*scale) {
			t.Errorf("%s[%d] = %v, want %v: off by %.1e", what, i, got[i], want[i], math.Abs(got[i]-want[i])/scale)
		}
	}
}

// seed of all runs; the rule of comparison makes it needless to choose one.
const seed = 1

// TestPosteriors: the posterior means are those that NumPyro's own NUTS draws, within the errors of both; a bias of 0.2
// posterior standard deviations in one of them is found.
func TestPosteriors(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: sampling takes seconds")
	}
	all(t, func(t *testing.T, f *Fixture, fixtures int) {
		if len(f.Posterior) == 0 {
			return // it is compared by density and draws alone
		}
		t.Parallel()
		var quantities []sampling.Quantity
		var estimates []compare.Estimate
		for _, s := range sites(f) {
			r := f.Posterior[s]
			for i, mean := range r.Mean {
				if r.MCSE[i] > 0 {
					quantities = append(quantities, sampling.Quantity{Name: s, Site: s, Element: i})
					estimates = append(estimates, compare.Estimate{Name: s, Mean: mean, Error: r.MCSE[i]})
				}
			}
		}
		cfg := sampling.DefaultConfig(seed)
		cfg.Chain.TargetAcceptanceRate = 0.95
		run, err := sampling.Sample(f.Model, cfg, quantities)
		if err != nil {
			t.Fatal(err)
		}
		for i := range estimates {
			estimates[i].Draws = run.Draws[i]
		}
		r := compare.Means(estimates, seed)
		t.Logf("%d divergences, bulk ESS from %.0f on: %v", run.Divergences, run.LeastESS, r)
		if r.Fails(fixtures) {
			t.Errorf("the means differ: %v", r)
		}
		estimates[0].Mean += 0.2 * deviation(run.Draws[0])
		if r := compare.Means(estimates, seed); !r.Fails(fixtures) {
			t.Errorf("a bias in %s passes: %v", estimates[0].Name, r)
		}
	})
}

// sites returns the names of the sites that have a posterior, in order.
func sites(f *Fixture) []string {
	b, err := model.Compile(f.Model, model.Options{})
	if err != nil {
		return nil
	}
	var out []string
	for _, s := range b.Manifest.Kept() {
		out = append(out, s.Name)
	}
	return out
}

// deviation returns the standard deviation of draws.
func deviation(chains [][]float64) float64 {
	n, sum, squares := 0.0, 0.0, 0.0
	for _, c := range chains {
		for _, x := range c {
			n, sum, squares = n+1, sum+x, squares+x*x
		}
	}
	return math.Sqrt(squares/n - sum/n*sum/n)
}
