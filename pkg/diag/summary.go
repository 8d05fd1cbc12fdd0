package diag

import "math"

// Summary describes the draws of one parameter.
type Summary struct {
	Mean, SD, Median  float64 // of all draws; SD has divisor S−1
	QLow, QHigh       float64 // quantiles at (1−prob)/2 and 1−(1−prob)/2
	HPDILow, HPDIHigh float64 // the ends of HPDI at prob
	MCSEMean, MCSESD  float64 // Monte Carlo standard errors of Mean and SD
	ESSBulk, ESSTail  float64
	RHat              float64 // the larger of RHatBulk and RHatFolded
}

// Summarise returns the Summary of draws [chain][draw] with intervals of probability prob. Each field is what the
// function of its name returns; the draws are copied and sorted once for all of them. Without draws every field is NaN.
// It panics unless prob is in [0, 1].
func Summarise(draws [][]float64, prob float64) Summary {
	checkProbability(prob)
	p := newPool(draws)
	nan := math.NaN()
	s := Summary{Median: nan, QLow: nan, QHigh: nan, MCSEMean: nan, MCSESD: nan, ESSBulk: nan, ESSTail: nan, RHat: nan}
	s.Mean = mean(p.flat)
	s.SD = math.Sqrt(variance(p.flat, s.Mean))
	if p.hasNaN {
		p.sortValues()
	} else {
		p.rank()
		s.Median = quantileOfSorted(p.sorted, 0.5)
		s.QLow = quantileOfSorted(p.sorted, (1-prob)/2)
		s.QHigh = quantileOfSorted(p.sorted, 1-(1-prob)/2)
	}
	s.HPDILow, s.HPDIHigh = hpdiOfSorted(p.sorted, prob)
	if !p.estimable(1) {
		return s
	}
	g := p.correlogram()
	s.MCSEMean = s.SD / math.Sqrt(g.ess(p.halves(p.flat)))
	s.MCSESD = p.mcseSD(g, s.Mean)
	s.ESSTail = p.essTail(g)
	bulk := p.halves(p.bulkScores())
	s.ESSBulk = g.ess(bulk)
	if p.chains > 1 {
		s.RHat = largerRHat(potentialScaleReduction(bulk), p.rhatFolded())
	}
	return s
}
