package diag_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

// TestAutocovarianceIsTheSum compares the transform with the sum it stands for, at lengths about powers of two.
func TestAutocovarianceIsTheSum(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 100} {
		chain := ar1Chains(uint64(n), 1, n, 0.4)[0]
		mean := 0.0
		for _, x := range chain {
			mean += x / float64(n)
		}
		got := diag.Autocovariance(chain)
		if len(got) != n {
			t.Fatalf("%d lags of %d draws", len(got), n)
		}
		for lag := range n {
			want := 0.0
			for i := range n - lag {
				want += (chain[i] - mean) * (chain[i+lag] - mean) / float64(n)
			}
			if math.Abs(got[lag]-want) > 1e-14 {
				t.Errorf("n = %d, lag %d: %v, want %v", n, lag, got[lag], want)
			}
		}
	}
}

func TestAutocorrelationOfNothing(t *testing.T) {
	if r := diag.Autocorrelation(nil); len(r) != 0 {
		t.Errorf("Autocorrelation of no draws = %v", r)
	}
	for _, chain := range [][]float64{{2, 2, 2, 2}, {1, math.NaN(), 2}, {1, math.Inf(1), 2}} {
		for lag, r := range diag.Autocorrelation(chain) {
			if !math.IsNaN(r) {
				t.Errorf("Autocorrelation of %v at %d = %v, want NaN", chain, lag, r)
			}
		}
	}
}
