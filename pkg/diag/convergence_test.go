package diag_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

// TestConvergenceIsItsParts: sharing the sort changes no bit, whatever the number of draws and chains, with draws that are not finite too.
func TestConvergenceIsItsParts(t *testing.T) {
	same := func(a, b float64) bool {
		return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
	}
	for _, odd := range []float64{0.25, math.Inf(1), math.NaN(), math.Copysign(0, -1)} {
		for _, size := range [][2]int{{4, 200}, {3, 201}, {1, 77}, {2, 4}, {2, 3}, {1, 1}} {
			draws := ar1Chains(9, size[0], size[1], 0.5)
			draws[0][0] = odd
			rhat, ess, err := diag.Convergence(t.Context(), draws)
			if want := min(diag.ESSBulk(draws), diag.ESSTail(draws)); err != nil || !same(rhat, diag.RHat(draws)) || !same(ess, want) {
				t.Errorf("%v with %v: R-hat %v, ESS %v, %v; want %v and %v", size, odd, rhat, ess, err, diag.RHat(draws), want)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := diag.Convergence(ctx, ar1Chains(9, 4, 200, 0.5)); !errors.Is(err, context.Canceled) {
		t.Errorf("figures that nobody waits for any more: %v", err)
	}
}
