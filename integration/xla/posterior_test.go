package xla_test

import (
	"context"
	"testing"

	linearregression "github.com/drey-sampler/drey/examples/linear-regression"
	"github.com/drey-sampler/drey/integration/internal/compare"
	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/store"
)

// TestPosteriors compares the means of a run on XLA with those of a longer run on the wasm engine, as a user makes them.
func TestPosteriors(t *testing.T) {
	needXLA(t)
	type posterior struct {
		name string
		*subject
	}
	posteriors := []posterior{{"linear-regression", load(t, linearregression.LinearRegression, linearregression.Data, 0)}}
	for _, s := range subjects {
		if s.name != "funnel" { // which no sampler with one step size explores
			posteriors = append(posteriors, posterior{s.name, s.load(t)})
		}
	}
	for _, p := range posteriors {
		t.Run(p.name, func(t *testing.T) {
			const seed = 1
			short := runner.DefaultConfig()
			short.Engine, short.Chains, short.Warmup, short.Draws = xla.Prefix+require.Platform(), 32, 200, 60
			long := runner.DefaultConfig()
			long.Engine, long.Draws = runner.EngineWasm, 10_000
			got, want := sample(t, p.subject, short, seed), sample(t, p.subject, long, seed+1)
			var estimates []compare.Estimate
			for _, site := range got.Run().Schema.Sites {
				if site.Kind == store.Auxiliary {
					continue
				}
				a, b := siteOf(t, got, site.Name), siteOf(t, want, site.Name)
				for i, name := range store.FlatNames(site) {
					reference := elementOf(t, b, i)
					estimates = append(estimates, compare.Estimate{
						Name: name, Draws: elementOf(t, a, i), Mean: diag.Summarise(reference, 0.9).Mean, Error: diag.MCSEMean(reference),
					})
				}
			}
			r := compare.Means(estimates, seed)
			t.Logf("seed %d: %s", seed, r)
			if r.Fails(len(posteriors)) {
				t.Errorf("seed %d: %s", seed, r)
			}
		})
	}
}

// sample runs a model in memory.
func sample(t *testing.T, s *subject, cfg runner.Config, seed uint64) runner.Draws {
	t.Helper()
	cfg.Seed = &seed
	r, err := runner.Run(context.Background(), cfg, runner.Model{Model: s.Model}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Draws.Close(); err != nil {
			t.Error(err)
		}
	})
	return r.Draws
}

func siteOf(t *testing.T, d runner.Draws, name string) runner.Array {
	t.Helper()
	a, err := d.Site(name, store.Sampling)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func elementOf(t *testing.T, a runner.Array, element int) [][]float64 {
	t.Helper()
	x, err := a.Element(element)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
