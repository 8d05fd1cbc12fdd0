package diag_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

// TestRHatByHand: W = 1, variance of the means 1/2, n = 3.
func TestRHatByHand(t *testing.T) {
	got, want := diag.GelmanRubin([][]float64{{1, 2, 3}, {2, 3, 4}}), math.Sqrt(0.5+2.0/3)
	if math.Abs(got-want) > 1e-15 {
		t.Errorf("GelmanRubin = %v, want %v", got, want)
	}
}

// TestSplit: the halves of one chain are chains; the middle draw of an odd number is left out.
func TestSplit(t *testing.T) {
	got, want := diag.SplitGelmanRubin([][]float64{{1, 2, 3, 99, 2, 3, 4}}), math.Sqrt(0.5+2.0/3)
	if math.Abs(got-want) > 1e-15 {
		t.Errorf("SplitGelmanRubin = %v, want %v", got, want)
	}
}

// TestNestedRHatByHand: superchains' means 2 and 12, so B = 50; within each, variance of the chains' means 2 and mean
// of the chains' variances 2.
func TestNestedRHatByHand(t *testing.T) {
	draws := [][]float64{{0, 2}, {2, 4}, {10, 12}, {12, 14}}
	got, want := diag.NestedRHat(draws, 2), math.Sqrt(1+50.0/4)
	if math.Abs(got-want) > 1e-14 {
		t.Errorf("NestedRHat = %v, want %v", got, want)
	}
}

// TestRHatFlags plants the faults of Vehtari et al. (2021) in three good chains or all four, and asks R-hat to see each
// and, where the paper says so, the older diagnostic to miss it.
func TestRHatFlags(t *testing.T) {
	const n = 1000
	good := normalChains(1, 4, n)
	if r := diag.RHat(good); !(r < diag.MaxRHat) {
		t.Fatalf("RHat of independent draws = %v, want less than %v", r, diag.MaxRHat)
	}
	for _, fault := range []struct {
		name   string
		missed func([][]float64) float64 // a diagnostic that stays below MaxRHat; nil for none
		plant  func(chain, draw int, x float64) float64
	}{
		{"stuck chain", nil, func(c, _ int, x float64) float64 {
			if c == 2 {
				return 0.3
			}
			return x
		}},
		{"shifted chain", nil, func(c, _ int, x float64) float64 {
			if c == 2 {
				return x + 0.5
			}
			return x
		}},
		{"chain of another scale", diag.SplitGelmanRubin, func(c, _ int, x float64) float64 {
			if c == 2 {
				return 0.3 * x
			}
			return x
		}},
		{"shifted chain without moments", diag.SplitGelmanRubin, func(c, _ int, x float64) float64 {
			if c == 2 {
				return cauchy(x) + 0.7
			}
			return cauchy(x)
		}},
		{"trend that all chains share", diag.GelmanRubin, func(_, t int, x float64) float64 {
			return x + float64(t)/n
		}},
		{"chain that gets stuck halfway", nil, func(c, t int, x float64) float64 {
			if c == 1 && t > n/2 {
				return 1.5
			}
			return x
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			bad := mapped(good, fault.plant)
			if r := diag.RHat(bad); !(r > diag.MaxRHat) {
				t.Errorf("RHat = %v, want more than %v", r, diag.MaxRHat)
			}
			if s := diag.Summarise(bad, 0.9); s.RHat != diag.RHat(bad) {
				t.Errorf("Summary.RHat = %v, want %v", s.RHat, diag.RHat(bad))
			}
			if fault.missed != nil {
				if r := fault.missed(bad); !(r < diag.MaxRHat) {
					t.Errorf("the older R-hat = %v, which sees the fault: the test shows nothing", r)
				}
			}
		})
	}
}

// TestStuckChainESS: the ESS of a run with a chain stuck at one value tells that it can't be used.
func TestStuckChainESS(t *testing.T) {
	draws := normalChains(2, 4, 1000)
	for i := range draws[3] {
		draws[3][i] = 1.1
	}
	if ess := diag.ESSBulk(draws); !(ess < 4*diag.MinESSPerChain) {
		t.Errorf("ESSBulk = %v, want less than %d", ess, 4*diag.MinESSPerChain)
	}
}

// TestRankInvariance: R-hat and bulk, tail and quantile ESS rest on ranks alone, so that an increasing function of the
// parameter has the same ones (Vehtari et al. 2021, section 4). The folded R-hat rests on distances, and has not.
func TestRankInvariance(t *testing.T) {
	x := ar1Chains(3, 4, 501, 0.6)
	y := mapped(x, func(_, _ int, v float64) float64 { return math.Exp(v) })
	for name, f := range map[string]func([][]float64) float64{
		"RHatBulk": diag.RHatBulk, "ESSBulk": diag.ESSBulk, "ESSTail": diag.ESSTail, "ESSMedian": diag.ESSMedian,
	} {
		if a, b := f(x), f(y); a != b {
			t.Errorf("%s = %v of x, %v of exp(x)", name, a, b)
		}
	}
}

// TestRHatIsOneForOneTarget: chains of independent draws from one target have split R-hat one on average.
func TestRHatIsOneForOneTarget(t *testing.T) {
	const runs, n = 200, 400
	sum := 0.0
	for seed := range uint64(runs) {
		sum += diag.RHatBulk(normalChains(100+seed, 4, n))
	}
	// R-hat² is var(means)/W + 1 − 1/m for 8 rows of m = n/2 draws: its mean is 1, its standard deviation √(2/7)/m, and
	// R-hat's half that. The limit is five standard errors of the mean of the runs.
	if excess, limit := sum/runs-1, 5*math.Sqrt(2.0/7)/(n/2)/2/math.Sqrt(runs); math.Abs(excess) > limit {
		t.Errorf("mean of RHatBulk − 1 = %v, want within ±%v", excess, limit)
	}
}

func TestTooFewChainsOrDraws(t *testing.T) {
	one := normalChains(4, 1, 100)
	short := normalChains(4, 4, 3)
	for name, f := range map[string]func([][]float64) float64{
		"RHat": diag.RHat, "RHatBulk": diag.RHatBulk, "RHatFolded": diag.RHatFolded,
	} {
		if r := f(one); !math.IsNaN(r) {
			t.Errorf("%s of one chain = %v, want NaN", name, r)
		}
		if r := f(short); !math.IsNaN(r) {
			t.Errorf("%s of three draws = %v, want NaN", name, r)
		}
		if r := f(nil); !math.IsNaN(r) {
			t.Errorf("%s of no chains = %v, want NaN", name, r)
		}
	}
}
