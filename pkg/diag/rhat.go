package diag

import (
	"fmt"
	"math"
)

// RHat returns the rank-normalised split R-hat of draws [chain][draw]: the larger of RHatBulk and RHatFolded, as Stan's
// posterior package and ArviZ's "rank" have it (Vehtari et al. 2021, section 4). Where only the folded value is NaN
// (all draws equally far from their median, or an infinite median) it is the bulk one.
func RHat(draws [][]float64) float64 {
	p := newPool(draws)
	return largerRHat(p.rhatBulk(), p.rhatFolded())
}

// RHatBulk returns the split R-hat of the draws' normal scores: it sees chains that differ in location.
func RHatBulk(draws [][]float64) float64 { return newPool(draws).rhatBulk() }

// RHatFolded returns the split R-hat of the normal scores of the draws' distances from their median: it sees chains that
// differ in scale.
func RHatFolded(draws [][]float64) float64 { return newPool(draws).rhatFolded() }

// GelmanRubin returns the classic R-hat of whole chains, without splitting or ranks: Gelman and Rubin (1992), "Inference
// from iterative simulation using multiple sequences", as NumPyro's gelman_rubin. NaN for fewer than two chains or draws.
func GelmanRubin(draws [][]float64) float64 {
	chains, n := shape(draws)
	if chains < 2 || n < 2 {
		return math.NaN()
	}
	return potentialScaleReduction(draws)
}

// SplitGelmanRubin returns the R-hat of the chains' halves, without ranks, as NumPyro's split_gelman_rubin: it sees a
// trend within chains, and is defined for one chain. NaN for fewer than four draws.
func SplitGelmanRubin(draws [][]float64) float64 {
	chains, n := shape(draws)
	if chains < 1 || n < minDraws {
		return math.NaN()
	}
	p := newPool(draws)
	return potentialScaleReduction(p.halves(p.flat))
}

// NestedRHat returns the nested R-hat of chains grouped, in order, into superchains of equal size: Margossian, Hoffman,
// Sountsov, Riou-Durand, Vehtari and Gelman (2024), "Nested R-hat: assessing the convergence of Markov chain Monte Carlo
// when running many short chains", Bayesian Analysis. The draws are neither split nor rank-normalised; a superchain of one
// chain, and a chain of one draw, add nothing to the variance within. NaN for fewer than two superchains. It panics
// unless superchains is positive and divides the number of chains.
func NestedRHat(draws [][]float64, superchains int) float64 {
	_, n := shape(draws)
	means, variances := rowMoments(draws)
	if n == 1 {
		variances = nil
	}
	return NestedRHatOf(means, variances, superchains)
}

// NestedRHatOf is NestedRHat from the mean of each chain and its variance, of n − 1 degrees of freedom; variances is nil for
// chains of one draw. All chains have equally many draws.
func NestedRHatOf(chainMeans, chainVariances []float64, superchains int) float64 {
	if superchains < 1 || len(chainMeans)%superchains != 0 {
		panic(fmt.Sprintf("diag: %d chains do not make %d superchains of equal size", len(chainMeans), superchains))
	}
	if superchains < 2 || len(chainMeans) == 0 {
		return math.NaN()
	}
	each := len(chainMeans) / superchains
	means := make([]float64, superchains)
	within := 0.0
	for k := range means {
		group := chainMeans[k*each : (k+1)*each]
		means[k] = mean(group)
		if each > 1 {
			within += variance(group, means[k])
		}
		if chainVariances != nil {
			within += mean(chainVariances[k*each : (k+1)*each])
		}
	}
	between := variance(means, mean(means))
	return math.Sqrt(1 + between/(within/float64(superchains)))
}

// potentialScaleReduction returns sqrt(((n−1)/n·W + B/n)/W) for rows of n draws, W the mean of the rows' variances and
// B/n the variance of their means: Vehtari et al. (2021), section 3.1. +Inf where each row is constant but not all
// are equal, NaN where all are.
func potentialScaleReduction(rows [][]float64) float64 {
	means, variances := rowMoments(rows)
	return scaleReduction(means, variances, float64(len(rows[0])))
}

// scaleReduction is potentialScaleReduction from the rows' means and variances.
func scaleReduction(means, variances []float64, n float64) float64 {
	within := mean(variances)
	between := variance(means, mean(means))
	return math.Sqrt(between/within + (n-1)/n)
}

// largerRHat returns folded where it is the larger, else bulk: also where folded alone is NaN.
func largerRHat(bulk, folded float64) float64 {
	if folded > bulk {
		return folded
	}
	return bulk
}

func (p *pool) rhatBulk() float64 {
	if !p.estimable(2) {
		return math.NaN()
	}
	return potentialScaleReduction(p.halves(p.bulkScores()))
}

func (p *pool) rhatFolded() float64 {
	if !p.estimable(2) {
		return math.NaN()
	}
	z, ok := p.foldedScores()
	if !ok {
		return math.NaN()
	}
	return potentialScaleReduction(p.halves(z))
}
