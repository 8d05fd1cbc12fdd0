package diag

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Probabilities one standard deviation below and above the mean of a normal distribution, to the seven digits that the
// posterior package and ArviZ use.
const (
	oneSDBelow = 0.1586553
	oneSDAbove = 0.8413447
)

// MCSEMean returns the Monte Carlo standard error of the mean: sd/√ESSMean.
func MCSEMean(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	sd := math.Sqrt(variance(p.flat, mean(p.flat)))
	return sd / math.Sqrt(p.correlogram().ess(p.halves(p.flat)))
}

// MCSESD returns the Monte Carlo standard error of the standard deviation, by the delta method from the squared
// distances from the mean: √(Var(d²)/(4·E(d²)·ESSSD)), Vehtari et al. (2021), section 4. NaN where all draws are equal.
func MCSESD(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	return p.mcseSD(p.correlogram(), mean(p.flat))
}

// MCSEMedian returns the Monte Carlo standard error of the median.
func MCSEMedian(draws [][]float64) float64 { return MCSEQuantile(draws, 0.5) }

// MCSEQuantile returns the Monte Carlo standard error of the quantile at prob: half the distance between the order
// statistics at the ±1 sd quantiles of Beta(ESS·prob + 1, ESS·(1−prob) + 1), ESS that of the quantile (Vehtari et al.
// 2021, section 4). It panics unless prob is in [0, 1].
func MCSEQuantile(draws [][]float64, prob float64) float64 {
	checkProbability(prob)
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	ess := p.essQuantile(p.correlogram(), prob)
	a, b := ess*prob+1, ess*(1-prob)+1
	size := float64(len(p.sorted))
	below := max(mathext.InvRegIncBeta(a, b, oneSDBelow)*size-1, 0)
	above := min(mathext.InvRegIncBeta(a, b, oneSDAbove)*size-1, size-1)
	return (p.sorted[int(math.Ceil(above))] - p.sorted[int(below)]) / 2
}

func (p *pool) mcseSD(g *correlogram, m float64) float64 {
	squares := p.squares(m)
	expected := mean(squares)
	sum := 0.0
	for _, s := range squares {
		sum += (s - expected) * (s - expected)
	}
	return math.Sqrt(sum / float64(len(squares)) / g.ess(p.halves(squares)) / expected / 4)
}
