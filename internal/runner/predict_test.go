package runner_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/tensor"
)

func bind[D any](t testing.TB, fn func(*model.Context, D), data model.Data) *model.Model {
	t.Helper()
	m, err := model.New("eight-schools", tensor.F64, fn, data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func otherModel(t testing.TB) *model.Model { return bind(t, eightSchools, schoolsData()) }

func otherData(t testing.TB) *model.Model {
	data := schoolsData()
	data["y"] = []float64{28, 8, -3, 7, -1, 1, 18, 13}
	return bind(t, nonCentred(), data)
}

// elements returns all draws of element 0 of a site, chains one after another.
func elements(t testing.TB, d runner.Draws, site string, element int) []float64 {
	t.Helper()
	a, err := d.Site(site, store.Sampling)
	if err != nil {
		t.Fatal(err)
	}
	x, err := a.Element(element)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(x...)
}

func meanAndSD(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sd += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, math.Sqrt(sd)
}

// TestPosteriorPredictive: given theta, obs is normal about it with the school's sigma; extending the run extends the
// predictive draws; memory and disk agree.
func TestPosteriorPredictive(t *testing.T) {
	ctx, m := context.Background(), schoolsModel(t)
	cfg := config(4)
	cfg.Draws = 500
	dir := run(t, cfg)
	first, err := runner.Predict(ctx, dir, m, false)
	if err != nil {
		t.Fatal(err)
	}
	before := elements(t, first.Draws, "obs", 0)
	first.Draws.Close()
	if r, err := runner.Extend(ctx, dir, 500, m, nil); err != nil {
		t.Fatal(err)
	} else {
		r.Draws.Close()
	}
	second, err := runner.Predict(ctx, dir, m, false)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Draws.Close()
	posterior, err := runner.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer posterior.Close()
	inMemory, err := runner.PosteriorPredictive(ctx, posterior, m)
	if err != nil {
		t.Fatal(err)
	}
	after := elements(t, second.Draws, "obs", 0)
	if !slices.Equal(after[:500], before[:500]) || len(after) != 4000 {
		t.Error("extending the run changed its predictive draws")
	}
	if !slices.Equal(after, elements(t, inMemory, "obs", 0)) {
		t.Error("memory and disk differ")
	}
	sigma := []float64{15, 10, 16, 11, 9, 11, 10, 18}
	for j := range 8 {
		theta, obs := elements(t, posterior, "theta", j), elements(t, second.Draws, "obs", j)
		z := make([]float64, len(obs))
		for i := range z {
			z[i] = (obs[i] - theta[i]) / sigma[j]
		}
		n := math.Sqrt(float64(len(z)))
		if mean, sd := meanAndSD(z); math.Abs(mean)*n > 4 || math.Abs(sd-1)*n*math.Sqrt2 > 4 {
			t.Errorf("obs[%d]: standardised mean %.4f, sd %.4f", j, mean, sd)
		}
		if theta2 := elements(t, second.Draws, "theta", j); j == 0 && math.Abs(theta2[7]-theta[7]) > 1e-9 {
			t.Errorf("theta[0] of the predictive draws is %v, of the run %v", theta2[7], theta[7])
		}
	}
}

// TestPriorPredictive: prior draws of mu, and of obs for a model without data, have the prior's moments.
func TestPriorPredictive(t *testing.T) {
	ctx := context.Background()
	data := schoolsData()
	delete(data, "y")
	m := runner.Model{Model: bind(t, func(c *model.Context, d schools) {
		mu := c.Sample("mu", dist.Normal(1, 5))
		c.Plate("school", 8).Observe("obs", dist.Normal(mu, d.Sigma), d.Y)
	}, data)}
	draws, err := runner.PriorPredictive(ctx, m, 2, 2000, 6)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		site    string
		element int
		sd      float64
	}{{"mu", 0, 5}, {"obs", 1, math.Sqrt(125)}} {
		mean, sd := meanAndSD(elements(t, draws, c.site, c.element))
		n := math.Sqrt(4000)
		if math.Abs(mean-1)*n/c.sd > 4 || math.Abs(sd/c.sd-1)*n*math.Sqrt2 > 4 {
			t.Errorf("%s: mean %.3f, sd %.3f", c.site, mean, sd)
		}
	}
	cfg := short(1)
	dir := run(t, cfg)
	r, err := runner.Predict(ctx, dir, schoolsModel(t), true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Draws.Close()
	if got := elements(t, r.Draws, "tau", 0); len(got) != 4*cfg.Draws || slices.Min(got) <= 0 {
		t.Errorf("%d prior draws of tau", len(got))
	}
}

// TestPredictNeedsLatents: a run that left out a latent site says which.
func TestPredictNeedsLatents(t *testing.T) {
	cfg := short(1)
	cfg.Exclude = []string{"theta_base"}
	_, err := runner.Predict(context.Background(), run(t, cfg), schoolsModel(t), false)
	if err == nil || !strings.Contains(err.Error(), "theta_base") {
		t.Errorf("%v", err)
	}
}

// TestCheck: a line a site; a wrong derivative is found where it is.
func TestCheck(t *testing.T) {
	report, err := runner.Check(context.Background(), schoolsModel(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() || report.Dimension != 10 {
		t.Errorf("%+v", report)
	}
	kinds := map[string]model.Kind{}
	for i := range report.Sites {
		s := &report.Sites[i]
		kinds[s.Name] = s.Kind
		if (s.Compared > 0) != (s.Kind == model.Latent || s.Kind == model.Auxiliary) || s.Compared > 0 && !(s.Error < 1e-6) {
			t.Error(s)
		}
	}
	want := map[string]model.Kind{"mu": model.Latent, "tau": model.Latent, "theta_base": model.Auxiliary, "theta": model.Deterministic, "obs": model.Observed}
	for name, kind := range want {
		if kinds[name] != kind {
			t.Errorf("%s: %s, want %s", name, kinds[name], kind)
		}
	}
	wrong := runner.Model{Model: bind(t, func(c *model.Context, _ struct{}) {
		c.Sample("a", dist.Normal(0, 1))
		b := c.Plate("p", 3).Sample("b", dist.Normal(0, 1))
		c.Factor("f", tensor.CustomVJP("square", []tensor.Value{b},
			func(x []tensor.Value) []tensor.Value { return []tensor.Value{x[0].Square().Sum()} },
			func(x, _, ct []tensor.Value) []tensor.Value { return []tensor.Value{x[0].Mul(ct[0]).Mul(2.01)} },
		)[0])
	}, nil)}
	if report, err = runner.Check(context.Background(), wrong, 1); err != nil {
		t.Fatal(err)
	}
	for _, s := range report.Sites {
		if s.OK != (s.Name != "b") {
			t.Error(s.String())
		}
	}
}
