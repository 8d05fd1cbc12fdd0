package diag

import (
	"math"
	"slices"
)

// constantRange is the spread below which draws count as all equal: ArviZ's rule, absolute, the decimal resolution of a
// float64. It bears on the ESS of a mean or a standard deviation only; ranks and indicators have spreads of order one.
const constantRange = 1e-15

// Tail probabilities whose quantiles' ESS make the tail ESS: Vehtari et al. (2021), section 4.
const (
	tailLow  = 0.05
	tailHigh = 0.95
)

// ESSBulk returns the effective sample size of the normal scores of the split draws: the efficiency in the bulk of the
// distribution, defined even without moments. Like every ESS here it is at most S·log10(S), S all draws.
func ESSBulk(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	return p.correlogram().ess(p.halves(p.bulkScores()))
}

// ESSTail returns the smaller of the effective sample sizes of the 5 % and 95 % quantiles.
func ESSTail(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	return p.essTail(p.correlogram())
}

// ESSMean returns the effective sample size of the mean: of the split draws themselves.
func ESSMean(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	return p.correlogram().ess(p.halves(p.flat))
}

// ESSSD returns the effective sample size of the standard deviation: of the draws' squared distances from the mean.
func ESSSD(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	return p.correlogram().ess(p.halves(p.squares(mean(p.flat))))
}

// ESSMedian returns the effective sample size of the median.
func ESSMedian(draws [][]float64) float64 { return ESSQuantile(draws, 0.5) }

// ESSQuantile returns the effective sample size of the quantile at prob: of the indicator that a draw is not above it
// (Vehtari et al. 2021, section 4). It panics unless prob is in [0, 1].
func ESSQuantile(draws [][]float64, prob float64) float64 {
	checkProbability(prob)
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	return p.essQuantile(p.correlogram(), prob)
}

// ESSLocal returns the effective sample size of the probability between the quantiles at low and high: of the indicator
// that a draw lies between them. It panics unless both are in [0, 1].
func ESSLocal(draws [][]float64, low, high float64) float64 {
	checkProbability(low)
	checkProbability(high)
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	p.sortValues()
	from, to := quantileOfSorted(p.sorted, low), quantileOfSorted(p.sorted, high)
	return p.essOf(p.correlogram(), func(v float64) bool { return from <= v && v <= to })
}

// ESSMAD returns the effective sample size of the median absolute deviation: of the indicator that a draw is no farther
// from the median than that.
func ESSMAD(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	p.sortValues()
	median := quantileOfSorted(p.sorted, 0.5)
	distances := make([]float64, len(p.flat))
	for i, v := range p.flat {
		distances[i] = math.Abs(v - median)
	}
	slices.Sort(distances)
	mad := quantileOfSorted(distances, 0.5)
	return p.essOf(p.correlogram(), func(v float64) bool { return math.Abs(v-median) <= mad })
}

// ESSFolded returns the effective sample size of the normal scores of the split draws' distances from their median: the
// efficiency in the scale of the distribution. NaN where the median is infinite.
func ESSFolded(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	z, ok := p.foldedScores()
	if !ok {
		return math.NaN()
	}
	return p.correlogram().ess(p.halves(z))
}

// ESSWhole returns the effective sample size of the mean from whole chains, neither split nor ranked (ArviZ's
// "identity"); it misses a trend that all chains share.
func ESSWhole(draws [][]float64) float64 {
	p := newPool(draws)
	if !p.estimable(1) {
		return math.NaN()
	}
	return newCorrelogram(p.draws).ess(p.rows(p.flat))
}

// correlogram returns one for the chains' halves.
func (p *pool) correlogram() *correlogram { return newCorrelogram(p.draws / 2) }

func (p *pool) essTail(g *correlogram) float64 {
	return min(p.essQuantile(g, tailLow), p.essQuantile(g, tailHigh))
}

func (p *pool) essQuantile(g *correlogram, prob float64) float64 {
	p.sortValues()
	quantile := quantileOfSorted(p.sorted, prob)
	return p.essOf(g, func(v float64) bool { return v <= quantile })
}

// essOf returns the effective sample size of an indicator over the split draws.
func (p *pool) essOf(g *correlogram, holds func(float64) bool) float64 {
	indicator := make([]float64, len(p.flat))
	for i, v := range p.flat {
		if holds(v) {
			indicator[i] = 1
		}
	}
	return g.ess(p.halves(indicator))
}

// squares returns the squared distances of the draws from m, laid out as p.flat.
func (p *pool) squares(m float64) []float64 {
	s := make([]float64, len(p.flat))
	for i, v := range p.flat {
		s[i] = (v - m) * (v - m)
	}
	return s
}

// ess returns the effective sample size of rows taken as chains: S/τ, τ from the autocorrelations of all rows together
// (Vehtari et al. 2021, section 3.2). NaN where an element is NaN or infinite; S, all elements, where they are
// all equal; at most S·log10(S), which bounds what antithetic chains can claim (τ is not estimated well near zero).
func (g *correlogram) ess(rows [][]float64) float64 {
	low, high, ok := finite(rows)
	if !ok {
		return math.NaN()
	}
	size := float64(len(rows) * g.draws)
	if high-low < constantRange {
		return size
	}
	means := make([]float64, len(rows))
	for i, row := range rows {
		means[i] = mean(row)
	}
	lags := g.meanAutocovariance(rows)
	n := float64(g.draws)
	within := lags[0] * n / (n - 1)
	total := lags[0]
	if len(rows) > 1 {
		total += variance(means, mean(means))
	}
	time := integratedTime(func(lag int) float64 { return 1 - (within-lags[lag])/total }, g.draws)
	return size / max(time, 1/math.Log10(size))
}

// integratedTime returns the integrated autocorrelation time 1 + 2·Σρ(lag) of a chain of n draws with autocorrelation
// rho, truncated and smoothed by Geyer's (1992, section 3.3) initial positive and initial monotone sequences of the
// sums Γ(k) = ρ(2k) + ρ(2k+1). The first term beyond the cut, ρ(2K), is added once where it is positive: it improves the
// estimate for antithetic chains (Vehtari et al. 2021, section 3.2). rho is asked for lags 1 … n−1 only.
func integratedTime(rho func(lag int) float64, n int) float64 {
	even, odd := 1.0, rho(1)
	time := -1.0
	smallest := math.Inf(1)
	for lag := 2; lag < n-2 && even+odd > 0; lag += 2 {
		smallest = min(smallest, even+odd)
		time += 2 * smallest
		even, odd = rho(lag), rho(lag+1)
	}
	if even > 0 || even+odd >= 0 {
		time += even
	}
	return time
}

// EffectiveSampleSize returns NumPyro's effective sample size of draws [chain][draw]: whole chains, Geyer's initial
// monotone sequence, no ranks, no cap: with few draws, or strongly antithetic chains, it can be negative or exceed the
// number of draws. NaN for fewer than two draws, for a NaN or an infinity among them, and where all are equal.
func EffectiveSampleSize(draws [][]float64) float64 {
	chains, n := shape(draws)
	if chains < 1 || n < 2 {
		return math.NaN()
	}
	if _, _, ok := finite(draws); !ok {
		return math.NaN()
	}
	means, variances := rowMoments(draws)
	within := mean(variances)
	total := within * float64(n-1) / float64(n)
	if chains > 1 {
		total += variance(means, mean(means))
	} else {
		within = total
	}
	lags := newCorrelogram(n).meanAutocovariance(draws)
	rho := func(lag int) float64 { return 1 - (within-lags[lag])/total }
	time := -1 + 2*(1+rho(1))
	smallest := math.Inf(1)
	for lag := 2; lag+1 < n; lag += 2 {
		smallest = min(smallest, max(0, rho(lag)+rho(lag+1)))
		time += 2 * smallest
	}
	return float64(chains*n) / time
}
