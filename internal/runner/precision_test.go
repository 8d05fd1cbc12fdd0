package runner_test

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type observations struct {
	Y tensor.Value `drey:"y"`
}

func location(c *model.Context, d observations) {
	mu := c.Sample("mu", dist.Normal(0, 10))
	c.Observe("y", dist.Normal(mu, 1), d.Y)
}

// locationModel has rows enough for mixed precision to differ from f64; the posterior of mu is normal about the mean of the
// data, with standard deviation 1/√rows but for the prior.
func locationModel(t *testing.T, p model.Precision) (m runner.Model, mean, sd float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 0))
	y := make([]float64, 4000)
	for i := range y {
		y[i] = 2 + r.NormFloat64()
		mean += y[i] / float64(len(y))
	}
	bound, err := model.NewIn(p, "location", location, model.Data{"y": y})
	if err != nil {
		t.Fatal(err)
	}
	return runner.Model{Model: bound}, mean, 1 / math.Sqrt(float64(len(y)))
}

// TestMixedPrecision: a run in mixed precision finds the posterior, says what it is, is extended to the bits of one longer
// run, and is not gone on with in another precision.
func TestMixedPrecision(t *testing.T) {
	cfg := short(8)
	m, mean, sd := locationModel(t, model.Mixed)
	dirs := [2]string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")}
	for i, draws := range []int{120, 200} {
		cfg.Dir, cfg.Draws = dirs[i], draws
		r, err := runner.Run(context.Background(), cfg, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p := r.Draws.Run().Settings.Precision; p != "mixed" {
			t.Errorf("precision %q is recorded", p)
		}
		if err := r.Draws.Close(); err != nil {
			t.Error(err)
		}
	}
	r, err := runner.Extend(context.Background(), dirs[0], 80, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := digests(t, dirs[0]), digests(t, dirs[1]); a != b {
		t.Errorf("120 draws and 80 more have digests %v, 200 draws %v", a, b)
	}
	s := summarise(t, dirs[0]).Parameters[0]
	if d := (float64(s.Mean) - mean) / sd; math.Abs(d) > 4/math.Sqrt(float64(s.ESSBulk)) || math.Abs(float64(s.SD)/sd-1) > 0.25 {
		t.Errorf("mu is %v ± %v, want %v ± %v", s.Mean, s.SD, mean, sd)
	}
	if err := r.Draws.Close(); err != nil {
		t.Error(err)
	}
	double, _, _ := locationModel(t, model.F64)
	if _, err := runner.Resume(context.Background(), dirs[0], double, nil); err == nil || !strings.Contains(err.Error(), "precision mixed, the model f64") {
		t.Errorf("resumed in f64: %v", err)
	}
	if c, err := runner.Check(context.Background(), m, 1); err != nil || !c.OK() {
		t.Errorf("check: %+v, %v", c, err)
	}
}
