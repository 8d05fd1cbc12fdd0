package diag

import (
	"fmt"
	"math"
)

// maxLogVariance is the variance of an observation's log likelihood above which WAIC is unreliable: Vehtari, Gelman and
// Gabry (2017), "Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC".
const maxLogVariance = 0.4

// Predictive is an estimate of a model's expected log pointwise predictive density, on the log scale: larger is better.
type Predictive struct {
	ELPD                float64   // the sum of Pointwise
	SE                  float64   // its standard error over observations
	EffectiveParameters float64   // log pointwise predictive density of the data used, less ELPD; WAIC: sum of variances
	Pointwise           []float64 // by observation
	ParetoK             []float64 // by observation, LOO only
	GoodK               float64   // LOO only: min(1 − 1/log10(S), 0.7), up to which a ParetoK is good
	Unreliable          bool      // LOO: a ParetoK is above GoodK; WAIC: a variance is above 0.4; or a value is NaN
}

// LOO returns the leave-one-out estimate from log likelihoods [chain][draw][observation] by Pareto smoothed importance
// sampling: Vehtari, Gelman and Gabry (2017). relativeESS is as PSIS takes it. Without draws or with a NaN,
// affected values are NaN. It panics if chains or draws have unequal lengths, or unless relativeESS is positive.
func LOO(logLikelihood [][][]float64, relativeESS float64) Predictive {
	columns := byObservation(logLikelihood)
	estimate := Predictive{Pointwise: make([]float64, len(columns)), ParetoK: make([]float64, len(columns))}
	density := 0.0
	for i, column := range columns {
		size := float64(len(column))
		estimate.GoodK = min(1-1/math.Log10(size), 0.7)
		ratios := make([]float64, len(column))
		for s, v := range column {
			ratios[s] = -v
		}
		weights, k := PSIS(ratios, relativeESS)
		for s, v := range column {
			weights[s] += v
		}
		estimate.Pointwise[i], estimate.ParetoK[i] = logSumExp(weights), k
		estimate.Unreliable = estimate.Unreliable || !(k <= estimate.GoodK)
		density += logSumExp(column) - math.Log(size)
	}
	estimate.sum()
	estimate.EffectiveParameters = density - estimate.ELPD
	return estimate
}

// WAIC returns the widely applicable information criterion's estimate from log likelihoods [chain][draw][observation]:
// Watanabe (2010), with the variance form of the effective number of parameters (Vehtari, Gelman and Gabry 2017;
// divisor S, as ArviZ). It panics if chains or draws have unequal lengths.
func WAIC(logLikelihood [][][]float64) Predictive {
	columns := byObservation(logLikelihood)
	estimate := Predictive{Pointwise: make([]float64, len(columns))}
	for i, column := range columns {
		size := float64(len(column))
		m := mean(column)
		squares := 0.0
		for _, v := range column {
			squares += (v - m) * (v - m)
		}
		spread := squares / size
		estimate.Pointwise[i] = logSumExp(column) - math.Log(size) - spread
		estimate.EffectiveParameters += spread
		estimate.Unreliable = estimate.Unreliable || !(spread <= maxLogVariance)
	}
	estimate.sum()
	return estimate
}

// sum fills ELPD and SE from Pointwise.
func (e *Predictive) sum() {
	for _, v := range e.Pointwise {
		e.ELPD += v
	}
	n := float64(len(e.Pointwise))
	squares := 0.0
	for _, v := range e.Pointwise {
		squares += (v - e.ELPD/n) * (v - e.ELPD/n)
	}
	e.SE = math.Sqrt(squares) // n times the variance with divisor n
}

// byObservation returns the log likelihoods [observation][draw], chain after chain.
func byObservation(logLikelihood [][][]float64) [][]float64 {
	var columns [][]float64
	for c, chain := range logLikelihood {
		if len(chain) != len(logLikelihood[0]) {
			panic(fmt.Sprintf("diag: chain %d has %d draws, chain 0 has %d", c, len(chain), len(logLikelihood[0])))
		}
		for s, draw := range chain {
			if columns == nil {
				columns = make([][]float64, len(draw))
			}
			if len(draw) != len(columns) {
				panic(fmt.Sprintf("diag: draw %d of chain %d has %d observations, the first has %d", s, c, len(draw), len(columns)))
			}
			for i, v := range draw {
				columns[i] = append(columns[i], v)
			}
		}
	}
	return columns
}
