package exact

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/integration/internal/compare"
)

// seed of all runs; the rule makes it needless to choose one.
const seed = 1

// plantedBias is in posterior standard deviations.
const plantedBias = 0.2

// TestExact compares means, second moments and fractions below quantiles with the truth.
func TestExact(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: sampling 32 targets takes a minute")
	}
	t.Logf("seed %d", seed)
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			estimates, run, err := c.Sample(seed)
			if err != nil {
				t.Fatal(err)
			}
			r := compare.Means(estimates, seed)
			t.Logf("%s: %d draws a chain, %d leapfrogs, %d of warmup, %d divergences, bulk ESS from %.0f on; %v",
				c.Name, len(run.Draws[0][0]), run.Leapfrogs, run.Warmup, run.Divergences, run.LeastESS, r)
			if r.Fails(len(cases)) {
				t.Errorf("the means are not those of the target: %v", r)
			}
			e := &estimates[i%len(estimates)]
			e.Mean += plantedBias * deviation(e.Draws)
			if r := compare.Means(estimates, seed); !r.Fails(len(cases)) {
				t.Errorf("a bias of %v sd in %s passes: %v", plantedBias, e.Name, r)
			}
		})
	}
}

// deviation is the standard deviation of all draws.
func deviation(draws [][]float64) float64 {
	n, sum, squares := 0.0, 0.0, 0.0
	for _, chain := range draws {
		for _, x := range chain {
			n, sum, squares = n+1, sum+x, squares+x*x
		}
	}
	return math.Sqrt(squares/n - sum*sum/(n*n))
}

// TestRecipe checks the fixed sequences and the matrix made of them against published elements.
func TestRecipe(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	for i, want := range []float64{0.8833108082136427, 0.43152799704851, 0.0264337715925978, 0.9708819781538285} {
		near("u", uniform(uint64(i)), want)
	}
	for i, want := range []float64{-0.45275774021745807, 2.65060581207967, -0.9886041246243277, 0.25246272415061405} {
		near("g", normal(uint64(i)), want)
	}
	p := wishartPrecision(wishartDim)
	for j, want := range []float64{253.11135458505393, 8.677609839355656, 16.74578443595956} {
		near("P", p.At(0, j), want)
	}
	near("A", normal(wishartDim*wishartDim-1), -0.8999730896676305)
}
