package diag

import (
	"math"
	"testing"
)

// TestIntegratedTimeOfAR1: with the exact autocorrelations phi^lag the sum is (1+phi)/(1−phi).
func TestIntegratedTimeOfAR1(t *testing.T) {
	for _, phi := range []float64{0.3, 0.9, 0.99} {
		got := integratedTime(func(lag int) float64 { return math.Pow(phi, float64(lag)) }, 5000)
		if want := (1 + phi) / (1 - phi); math.Abs(got-want) > 1e-10*want {
			t.Errorf("integratedTime at phi = %v is %v, want %v", phi, got, want)
		}
	}
}

// TestIntegratedTimeByHand walks Geyer's (1992) two sequences on correlations chosen to reach each rule.
func TestIntegratedTimeByHand(t *testing.T) {
	for _, c := range []struct {
		name string
		rho  []float64
		want float64
	}{
		// Γ0 = 1.5, Γ1 = 0.5, Γ2 = −0.1 stops: −1 + 2(1.5 + 0.5).
		{"stops at a negative pair", []float64{1, 0.5, 0.3, 0.2, -0.2, 0.1, 9, 9, 9, 9}, 3},
		// Γ1 = 0.2 − 0.3 stops, but ρ(2) = 0.2 is added once.
		{"adds the even term once", []float64{1, 0.5, 0.2, -0.3, 9, 9, 9, 9, 9, 9}, 2.2},
		// Γ = 1.5, 0.2, 0.6 → 0.2, then −1.
		{"monotone", []float64{1, 0.5, 0.1, 0.1, 0.3, 0.3, -0.5, -0.5, 9, 9}, 2.8},
		// Γ0 = −0.2 already: −1 + ρ(0).
		{"antithetic", []float64{1, -1.2, 9, 9, 9, 9, 9, 9, 9, 9}, 0},
		// n − 3 is the last lag an even term is read at: Γ3 is not summed, its even term is.
		{"ends with the chain", []float64{1, 0.5, 0.4, 0.4, 0.3, 0.3, 0.2, 0.2, 9, 9}, -1 + 2*(1.5+0.8+0.6) + 0.2},
		// As above, where that term is negative but its pair is not.
		{"ends with a negative even term", []float64{1, 0.5, 0.4, 0.4, 0.3, 0.3, -0.1, 0.2, 9, 9}, -1 + 2*(1.5+0.8+0.6) - 0.1},
	} {
		got := integratedTime(func(lag int) float64 { return c.rho[lag] }, len(c.rho))
		if math.Abs(got-c.want) > 1e-14 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
