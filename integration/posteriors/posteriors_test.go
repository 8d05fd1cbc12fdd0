package posteriors

import (
	"testing"

	"github.com/drey-sampler/drey/integration/internal/compare"
	"github.com/drey-sampler/drey/integration/internal/sampling"
)

// seed of all runs; the rule makes it needless to choose one.
const seed = 1

// plantedBias is in posterior standard deviations.
const plantedBias = 0.2

// TestPosteriors samples every posterior until its means are precise enough, and compares them with the reference draws'
// and, where there are any, with the exact ones. A bias planted in one quantity must fail.
func TestPosteriors(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: sampling 40 posteriors takes minutes")
	}
	t.Logf("seed %d", seed)
	figures, err := Figures()
	if err != nil {
		t.Fatal(err)
	}
	all := All()
	comparisons := len(all)
	for _, f := range figures {
		if f[0].HasExact {
			comparisons++
		}
	}
	if len(figures) != len(all) {
		t.Errorf("%d posteriors, figures for %d", len(all), len(figures))
	}
	for i, p := range all {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			comparePosterior(t, p, figures[p.Name], i, comparisons)
		})
	}
}

func comparePosterior(t *testing.T, p Posterior, figures []Figure, index, comparisons int) {
	if len(figures) == 0 {
		t.Fatal("no reference figures")
	}
	m, err := p.Model()
	if err != nil {
		t.Fatal(err)
	}
	cfg := p.Config(seed)
	run, err := sampling.Sample(m, cfg, Quantities(figures))
	if err != nil {
		t.Fatal(err)
	}
	estimates := make([]compare.Estimate, len(figures))
	for i, f := range figures {
		estimates[i] = compare.Estimate{Name: f.Quantity, Draws: run.Draws[i], Mean: f.Mean, Error: f.MCSE}
	}
	t.Logf("%s: %d draws a chain, %d leapfrogs, %d of warmup, %d divergences, bulk ESS from %.0f on",
		p.Name, len(run.Draws[0][0]), run.Leapfrogs, run.Warmup, run.Divergences, run.LeastESS)
	requirePass(t, p.Name+", reference", estimates, comparisons)
	k := index % len(figures)
	estimates[k].Mean += plantedBias * figures[k].SD
	if r := compare.Means(estimates, seed); !r.Fails(comparisons) {
		t.Errorf("a bias of %v sd in %s passes: %v", plantedBias, figures[k].Quantity, r)
	}
	if !figures[0].HasExact {
		return
	}
	for i, f := range figures {
		estimates[i].Mean, estimates[i].Error = f.Exact, 0
	}
	requirePass(t, p.Name+", exact", estimates, comparisons)
}

func requirePass(t *testing.T, what string, estimates []compare.Estimate, comparisons int) {
	t.Helper()
	r := compare.Means(estimates, seed)
	t.Logf("%s: %v", what, r)
	if r.Fails(comparisons) {
		t.Errorf("%s: the means are not those of the posterior: %v", what, r)
	}
}
