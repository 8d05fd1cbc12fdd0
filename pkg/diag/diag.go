// Package diag computes R-hat, ESS, MCSE, HPDI, E-BFMI and summaries of draws.
//
// Draws of one parameter are a [][]float64 indexed [chain][draw], all chains of one length; every function reads them
// and leaves them as they are. Draws are in whatever space the caller chose: nothing here depends on it. Chains of
// unequal lengths are a caller's mistake and panic; so are probabilities outside [0, 1].
//
// What cannot be estimated is NaN: fewer than four draws a chain (R-hat, ESS, MCSE), fewer than two chains (R-hat), a
// NaN among the draws (everything). All draws equal: R-hat is NaN and ESS is the number of draws. An infinity among
// the draws makes what rests on moments NaN and leaves what rests on ranks finite. These are ArviZ's rules.
//
// R-hat, ESS and MCSE are those of Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), "Rank-normalization,
// folding, and localization: an improved R-hat for assessing convergence of MCMC", Bayesian Analysis 16(2), cited
// below as Vehtari et al. (2021).
package diag

import (
	"fmt"
	"math"
)

// Thresholds beyond which a run should not be trusted as it stands.
const (
	// MaxRHat is the largest rank-normalised R-hat of a run that has mixed: Vehtari et al. (2021), section 4.
	MaxRHat = 1.01
	// MinESSPerChain is the smallest bulk or tail ESS, a chain, at which ESS and R-hat are themselves estimated
	// well enough: Vehtari et al. (2021), section 4, "400 with four chains".
	MinESSPerChain = 100
	// MinEBFMI is the smallest E-BFMI of a chain whose momentum refreshment keeps up with the energy's marginal
	// distribution: Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo",
	// with the bound that Stan's documentation settled on.
	MinEBFMI = 0.3
)

// minDraws is the fewest draws a chain for R-hat, ESS and MCSE: split halves need a variance.
const minDraws = 4

// shape returns the number of chains and of draws in each, and panics if the chains' lengths differ.
func shape(draws [][]float64) (chains, n int) {
	if len(draws) == 0 {
		return 0, 0
	}
	n = len(draws[0])
	for c, chain := range draws {
		if len(chain) != n {
			panic(fmt.Sprintf("diag: chain %d has %d draws, chain 0 has %d", c, len(chain), n))
		}
	}
	return len(draws), n
}

// checkProbability panics unless prob is in [0, 1].
func checkProbability(prob float64) {
	if !(prob >= 0 && prob <= 1) {
		panic(fmt.Sprintf("diag: probability %v is outside [0, 1]", prob))
	}
}

// mean returns the arithmetic mean of x, NaN where x is empty. The second pass makes the mean of equal values that
// value to the bit, so that a constant chain has exactly zero variance.
func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	m := sum / float64(len(x))
	if math.IsInf(m, 0) || math.IsNaN(m) {
		return m
	}
	rest := 0.0
	for _, v := range x {
		rest += v - m
	}
	return m + rest/float64(len(x))
}

// variance returns the variance of x about m, its mean, with divisor len(x)−1; NaN where that is not positive. No machine fuses
// the products with the sum: warmup takes decisions by it.
func variance(x []float64, m float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	sum := 0.0
	for _, v := range x {
		sum += float64((v - m) * (v - m))
	}
	return sum / float64(len(x)-1)
}

// rowMoments returns the mean and the variance (divisor length−1) of each row.
func rowMoments(rows [][]float64) (means, variances []float64) {
	means, variances = make([]float64, len(rows)), make([]float64, len(rows))
	for i, row := range rows {
		means[i] = mean(row)
		variances[i] = variance(row, means[i])
	}
	return means, variances
}

// finite reports whether no element of rows is NaN or infinite, and returns the smallest and the largest.
func finite(rows [][]float64) (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, row := range rows {
		for _, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return 0, 0, false
			}
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high, true
}
