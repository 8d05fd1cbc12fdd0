package diag_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

// TestESSOfAR1: a first-order autoregressive chain has integrated autocorrelation time (1+phi)/(1−phi) (Geyer 1992,
// section 3.1); for antithetic chains ESS exceeds the number of draws.
func TestESSOfAR1(t *testing.T) {
	const runs, chains, n = 40, 4, 2000
	for _, phi := range []float64{-0.5, 0, 0.5, 0.9} {
		want := chains * n * (1 - phi) / (1 + phi)
		for name, ess := range map[string]func([][]float64) float64{
			"ESSBulk": diag.ESSBulk, "ESSMean": diag.ESSMean, "ESSWhole": diag.ESSWhole,
			"EffectiveSampleSize": diag.EffectiveSampleSize,
		} {
			var sum, squares float64
			for seed := range uint64(runs) {
				ratio := ess(ar1Chains(seed, chains, n, phi)) / want
				sum += ratio
				squares += ratio * ratio
			}
			m := sum / runs
			sd := math.Sqrt(squares/runs - m*m)
			// Truncation and splitting bias ESS by a few times time/n of itself: 4 % at phi = 0.9.
			bias := 4 * (1 + phi) / (1 - phi) / n
			if limit := 5*sd/math.Sqrt(runs) + bias + 0.01; math.Abs(m-1) > limit {
				t.Errorf("%s at phi = %v: mean ratio to the exact value %v, want 1 ± %v", name, phi, m, limit)
			}
		}
	}
}

// TestESSCap: what antithetic chains can claim is bounded by S·log10(S).
func TestESSCap(t *testing.T) {
	draws := ar1Chains(1, 4, 500, -0.98)
	if got, want := diag.ESSMean(draws), 2000*math.Log10(2000); math.Abs(got-want) > 1e-9*want {
		t.Errorf("ESSMean = %v, want the cap %v", got, want)
	}
	if got := diag.ESSBulk(draws); got > 2000*math.Log10(2000)*(1+1e-12) {
		t.Errorf("ESSBulk = %v exceeds the cap", got)
	}
}

// TestESSSymmetries: the order of chains, a shift and a change of unit and sign leave ESS as it is.
func TestESSSymmetries(t *testing.T) {
	x := ar1Chains(2, 4, 400, 0.7)
	swapped := [][]float64{x[3], x[1], x[0], x[2]}
	affine := mapped(x, func(_, _ int, v float64) float64 { return 3 - 2*v })
	for name, f := range map[string]func([][]float64) float64{
		"ESSBulk": diag.ESSBulk, "ESSMean": diag.ESSMean, "ESSSD": diag.ESSSD, "ESSMAD": diag.ESSMAD,
		"ESSFolded": diag.ESSFolded, "ESSTail": diag.ESSTail, "RHat": diag.RHat,
	} {
		want := f(x)
		if got := f(swapped); math.Abs(got-want) > 1e-10*want {
			t.Errorf("%s = %v with chains swapped, %v before", name, got, want)
		}
		if name == "ESSTail" {
			continue // its indicators include the lower end, so that reflection moves a draw
		}
		if got := f(affine); math.Abs(got-want) > 1e-10*want {
			t.Errorf("%s = %v of 3 − 2x, %v of x", name, got, want)
		}
	}
}

// TestMCSEIsTheSpreadOfEstimates: over repeated runs the standard deviation of an estimate is its MCSE.
func TestMCSEIsTheSpreadOfEstimates(t *testing.T) {
	const runs = 300
	sd := func(draws [][]float64) float64 { return diag.Summarise(draws, 0.9).SD }
	mean := func(draws [][]float64) float64 { return diag.Summarise(draws, 0.9).Mean }
	for name, pair := range map[string][2]func([][]float64) float64{
		"mean":   {mean, diag.MCSEMean},
		"sd":     {sd, diag.MCSESD},
		"median": {func(d [][]float64) float64 { return diag.Quantile(d, 0.5) }, diag.MCSEMedian},
		"quantile": {func(d [][]float64) float64 { return diag.Quantile(d, 0.9) },
			func(d [][]float64) float64 { return diag.MCSEQuantile(d, 0.9) }},
	} {
		var sum, squares, claimed float64
		for seed := range uint64(runs) {
			draws := ar1Chains(1000+seed, 4, 500, 0.5)
			estimate := pair[0](draws)
			sum += estimate
			squares += estimate * estimate
			claimed += pair[1](draws) * pair[1](draws)
		}
		spread := math.Sqrt((squares - sum*sum/runs) / (runs - 1))
		// A standard deviation from 300 runs has relative error 1/√600 = 4 %; five of them, and 3 % for the mean of
		// the squared claims, whose own spread is about half of itself.
		if ratio := spread / math.Sqrt(claimed/runs); math.Abs(ratio-1) > 0.23 {
			t.Errorf("%s: spread of estimates is %v times the MCSE", name, ratio)
		}
	}
}

// TestEBFMIOfAR1: energies with autocorrelation rho at lag one have E-BFMI 2(1−rho).
func TestEBFMIOfAR1(t *testing.T) {
	const n = 20_000
	for _, rho := range []float64{0, 0.5, 0.9} {
		want := 2 * (1 - rho)
		for _, got := range diag.EBFMI(ar1Chains(7, 4, n, rho)) {
			// The estimate is 2(1−r) with r the lag-one autocorrelation, whose standard error is √((1−rho²)/n).
			if limit := 5 * 2 * math.Sqrt((1-rho*rho)/n); math.Abs(got-want) > limit {
				t.Errorf("EBFMI at rho = %v: %v, want %v ± %v", rho, got, want, limit)
			}
			if flagged := got < diag.MinEBFMI; flagged != (rho == 0.9) {
				t.Errorf("EBFMI %v at rho = %v: flagged is %v", got, rho, flagged)
			}
		}
	}
}
