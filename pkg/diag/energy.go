package diag

import "math"

// EBFMI returns, for each chain of energies [chain][draw], the estimated Bayesian fraction of missing information
// Σ(E(t) − E(t−1))²/(n−1) over the variance of E (divisor n−1): the E-BFMI of Betancourt (2016). Below MinEBFMI a fresh
// momentum moves the energy too little to explore it. A chain that is constant, shorter than two draws, or holds a NaN
// or an infinity gives NaN. Chains may have different lengths: each value rests on one.
func EBFMI(energies [][]float64) []float64 {
	fractions := make([]float64, len(energies))
	for c, energy := range energies {
		if len(energy) < 2 {
			fractions[c] = math.NaN()
			continue
		}
		sum := 0.0
		for t := 1; t < len(energy); t++ {
			step := energy[t] - energy[t-1]
			sum += step * step
		}
		fractions[c] = sum / float64(len(energy)-1) / variance(energy, mean(energy))
	}
	return fractions
}
