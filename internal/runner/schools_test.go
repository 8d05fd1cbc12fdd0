package runner_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type schools struct {
	Y     tensor.Value `drey:"y,optional"`
	Sigma tensor.Value `drey:"sigma"`
}

func eightSchools(c *model.Context, d schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	school := c.Plate("school", d.Sigma.Dim(0))
	theta := school.Sample("theta", dist.Normal(mu, tau))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

func nonCentred() func(*model.Context, schools) {
	return model.With(eightSchools, model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{}}))
}

func schoolsData() model.Data {
	return model.Data{"y": []float64{28, 8, -3, 7, -1, 1, 18, 12}, "sigma": []int{15, 10, 16, 11, 9, 11, 10, 18}}
}

func schoolsModel(t testing.TB) runner.Model {
	t.Helper()
	m, err := model.New("eight-schools", tensor.F64, nonCentred(), schoolsData())
	if err != nil {
		t.Fatal(err)
	}
	return runner.Model{Model: m}
}

// exact is the posterior of eight schools by quadrature, to 10 digits.
type exact struct{ Mean, SD, Q5, Q95 float64 }

// TestEightSchools compares a run of the default size with the exact posterior: the mean of each parameter within 4 Monte
// Carlo standard errors, the standard deviation likewise, and the share of draws below the exact 5 % and 95 % quantiles.
func TestEightSchools(t *testing.T) {
	cfg := config(20260101)
	cfg.Dir, cfg.Save = t.TempDir(), everySite()
	r, err := runner.Run(context.Background(), cfg, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Draws.Close()
	compareWithExact(t, cfg, r)
}

// everySite names the sites that have exact figures: the summary has theta_base, an auxiliary one, where Save names it.
func everySite() []string { return []string{"mu", "tau", "theta", "theta_base"} }

// compareWithExact does what TestEightSchools says.
func compareWithExact(t *testing.T, cfg runner.Config, r *runner.Result) {
	t.Helper()
	var want map[string]exact
	text, err := os.ReadFile("testdata/eight_schools.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	s, err := runner.Summarise(r.Draws, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	if s.Draws != cfg.Draws || r.State != store.Done || len(s.Parameters) != len(want) {
		t.Fatalf("%d draws of %d parameters, state %s", s.Draws, len(s.Parameters), r.State)
	}
	for i := range s.Parameters {
		p := &s.Parameters[i]
		w, ok := want[p.Name]
		if !ok {
			t.Errorf("%s is no parameter of eight schools", p.Name)
			continue
		}
		if !(p.RHat < 1.01) || !(p.ESSBulk > 400) || !(p.ESSTail > 400) {
			t.Errorf("%s: R-hat %.4f, ESS %.0f and %.0f: too bad to compare", p.Name, p.RHat, p.ESSBulk, p.ESSTail)
		}
		if z := (p.Mean - w.Mean) / p.MCSEMean; !(math.Abs(z) < 4) {
			t.Errorf("%s: mean %.4f, want %.4f: z = %.1f (seed %d)", p.Name, p.Mean, w.Mean, z, *cfg.Seed)
		}
		if z := (p.SD - w.SD) / p.MCSESD; !(math.Abs(z) < 4) {
			t.Errorf("%s: sd %.4f, want %.4f: z = %.1f (seed %d)", p.Name, p.SD, w.SD, z, *cfg.Seed)
		}
		checkShares(t, r.Draws, p, w)
	}
	if s.Divergences > int64(cfg.Chains*cfg.Draws/100) { // a quarter of that is usual
		t.Errorf("%d divergences", s.Divergences)
	}
}

// checkShares compares the shares of draws below the exact quantiles with 5 % and 95 %.
func checkShares(t *testing.T, d runner.Draws, p *runner.Parameter, w exact) {
	t.Helper()
	a, err := d.Site(p.Site, store.Sampling)
	if err != nil {
		t.Fatal(err)
	}
	element := slices.Index(store.FlatNames(a.Site()), p.Name)
	chains, err := a.Element(element)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct{ at, share float64 }{{w.Q5, 0.05}, {w.Q95, 0.95}} {
		below, n := 0.0, 0.0
		for _, chain := range chains {
			for _, x := range chain {
				if n++; x < q.at {
					below++
				}
			}
		}
		se := math.Sqrt(q.share * (1 - q.share) / p.ESSTail)
		if z := (below/n - q.share) / se; !(math.Abs(z) < 4) {
			t.Errorf("%s: %.4f of the draws are below the exact %g quantile: z = %.1f", p.Name, below/n, q.share, z)
		}
	}
}

// config is the default one on wasm: EngineAuto measures before each run, and may choose by what else the machine does.
func config(seed uint64) runner.Config {
	c := runner.DefaultConfig()
	c.Seed, c.Engine = &seed, runner.EngineWasm
	return c
}
