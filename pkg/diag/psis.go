package diag

import (
	"fmt"
	"math"
	"slices"
)

// Constants of the Pareto fit: Zhang and Stephens (2009), "A new and efficient estimation method for the generalized
// Pareto distribution", and the prior on k of Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed
// importance sampling", worth ten observations of k = 1/2.
const (
	gridBase       = 30
	gridPrior      = 3
	shapePriorSize = 10
	shapePriorMean = 0.5
)

// minTail is the fewest draws a generalised Pareto distribution is fitted to, as the loo package and ArviZ have it.
const minTail = 5

// PSIS returns the Pareto smoothed importance weights of draws with the given log importance ratios (up to a constant),
// as normalised logarithms in the ratios' order, and the shape k of the Pareto distribution fitted to the tail: Vehtari,
// Simpson, Gelman, Yao and Gabry (2024). The largest min(S/5, 3√(S/relativeESS)) ratios are replaced by the
// quantiles of that distribution, none above the largest raw ratio. relativeESS is the draws' effective sample size over
// their number, 1 for independent draws.
//
// The estimate that the weights give is reliable where k < min(1 − 1/log10(S), 0.7). Where the tail has fewer than five
// ratios above the cut nothing is smoothed and k is +Inf; where they are too nearly equal to fit, k is NaN. A NaN or +Inf among the ratios, or none that is
// finite, gives NaNs. It panics unless relativeESS is positive.
func PSIS(logRatios []float64, relativeESS float64) (logWeights []float64, k float64) {
	if !(relativeESS > 0) {
		panic(fmt.Sprintf("diag: relative ESS %v is not positive", relativeESS))
	}
	x := slices.Clone(logRatios)
	if len(x) == 0 {
		return x, math.NaN()
	}
	largest := x[0]
	for _, v := range x {
		largest = max(largest, v) // NaN if any is
	}
	if math.IsNaN(largest) || math.IsInf(largest, 0) {
		for i := range x {
			x[i] = math.NaN()
		}
		return x, math.NaN()
	}
	for i := range x {
		x[i] -= largest
	}
	k = smoothTail(x, relativeESS)
	total := logSumExp(x)
	for i := range x {
		x[i] -= total
	}
	return x, k
}

// smoothTail replaces the tail of x, log ratios whose largest is zero, and returns the fitted shape.
func smoothTail(x []float64, relativeESS float64) (k float64) {
	size := float64(len(x))
	tailSize := int(math.Ceil(min(size/5, 3*math.Sqrt(size/relativeESS))))
	sorted := slices.Sorted(slices.Values(x))
	// Below the smallest normal number ratios have lost their digits.
	cut := max(sorted[max(len(x)-tailSize-1, 0)], math.Log(0x1p-1022))
	var tail []int
	for i, v := range x {
		if v > cut {
			tail = append(tail, i)
		}
	}
	if len(tail) < minTail {
		return math.Inf(1)
	}
	slices.SortStableFunc(tail, func(a, b int) int {
		if x[a] < x[b] {
			return -1
		} else if x[a] > x[b] {
			return 1
		}
		return 0
	})
	base := math.Exp(cut)
	excess := make([]float64, len(tail))
	for i, at := range tail {
		excess[i] = math.Exp(x[at]) - base
	}
	k, sigma := fitPareto(excess)
	if math.IsNaN(k) || math.IsInf(k, 0) {
		return k
	}
	for i, at := range tail {
		prob := (float64(i) + 0.5) / float64(len(tail))
		x[at] = min(math.Log(base+paretoQuantile(prob, k, sigma)), 0)
	}
	return k
}

// fitPareto returns the shape k and scale sigma of the generalised Pareto distribution for ascending positive x: Zhang
// and Stephens' (2009) average over a grid of b = −k/sigma weighted by the profile likelihood, with k shrunk to 1/2.
func fitPareto(x []float64) (k, sigma float64) {
	n := len(x)
	grid := gridBase + int(math.Sqrt(float64(n)))
	quartile := x[int(float64(n)/4+0.5)-1]
	b := make([]float64, grid)
	logLikelihood := make([]float64, grid)
	for i := range b {
		b[i] = (1-math.Sqrt(float64(grid)/(float64(i)+0.5)))/(gridPrior*quartile) + 1/x[n-1]
		shape := paretoShape(b[i], x)
		logLikelihood[i] = float64(n) * (math.Log(-b[i]/shape) - shape - 1)
	}
	var total, sum float64
	for i := range b {
		relative := 0.0 // all likelihoods over this one
		for _, other := range logLikelihood {
			relative += math.Exp(other - logLikelihood[i])
		}
		total += 1 / relative
		sum += b[i] / relative
	}
	mean := sum / total
	k = paretoShape(mean, x)
	sigma = -k / mean
	return (float64(n)*k + shapePriorSize*shapePriorMean) / float64(n+shapePriorSize), sigma
}

// paretoShape returns the shape k that maximises the likelihood of x given b = −k/sigma.
func paretoShape(b float64, x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Log1p(-b * v)
	}
	return sum / float64(len(x))
}

// paretoQuantile returns the quantile at prob of the generalised Pareto distribution with location zero, NaN where sigma
// is not positive.
func paretoQuantile(prob, k, sigma float64) float64 {
	switch {
	case !(sigma > 0):
		return math.NaN()
	case math.Abs(k) < 0x1p-52:
		return -sigma * math.Log1p(-prob)
	}
	return sigma * math.Expm1(-k*math.Log1p(-prob)) / k
}

// logSumExp returns log Σ exp(x), NaN if an element is.
func logSumExp(x []float64) float64 {
	largest := math.Inf(-1)
	for _, v := range x {
		largest = max(largest, v)
	}
	if math.IsInf(largest, 0) || math.IsNaN(largest) {
		return largest
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - largest)
	}
	return largest + math.Log(sum)
}
