package diag

import "math"

// Quantile returns the quantile of all draws at prob, interpolating linearly between order statistics (type 7 of Hyndman
// and Fan 1996, the default of R and NumPy). NaN where there is a NaN or no draw. It panics unless prob is in [0, 1].
func Quantile(draws [][]float64, prob float64) float64 {
	checkProbability(prob)
	p := newPool(draws)
	if p.hasNaN {
		return math.NaN()
	}
	p.sortValues()
	return quantileOfSorted(p.sorted, prob)
}

// HPDI returns the ends of the shortest interval that holds ⌊prob·S⌋ + 1 of all S draws, at most all: of intervals
// equally short the lowest. For draws with one mode it estimates the interval of highest posterior density. With NaNs
// among the draws the upper end is NaN, as ArviZ and NumPyro have it; without draws both are. It panics unless prob is
// in [0, 1].
func HPDI(draws [][]float64, prob float64) (low, high float64) {
	checkProbability(prob)
	p := newPool(draws)
	p.sortValues()
	return hpdiOfSorted(p.sorted, prob)
}

// quantileOfSorted returns the quantile at prob of ascending x. The products are rounded one by one on every
// architecture: a quantile that should equal a draw decides, in ESSQuantile, on which side that draw is.
func quantileOfSorted(x []float64, prob float64) float64 {
	n := len(x)
	if n == 0 {
		return math.NaN()
	}
	if n == 1 {
		return x[0]
	}
	at := float64(float64(n)*prob) + (1 - prob) // counted from 1
	k := int(min(max(at, 1), float64(n-1)))
	weight := min(max(at-float64(k), 0), 1)
	below, above := x[k-1], x[k]
	switch {
	case weight == 0 || below == above:
		return below
	case weight == 1:
		return above
	}
	return float64((1-weight)*below) + float64(weight*above)
}

// hpdiOfSorted returns the HPDI of x, ascending with NaNs last.
func hpdiOfSorted(x []float64, prob float64) (low, high float64) {
	n := len(x)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	span := min(int(prob*float64(n)), n-1)
	best, shortest := 0, math.Inf(1)
	for i := range n - span {
		width := x[i+span] - x[i]
		if math.IsNaN(width) {
			best = i
			break
		}
		if width < shortest {
			best, shortest = i, width
		}
	}
	return x[best], x[best+span]
}
