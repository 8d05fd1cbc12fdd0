// Package compare is the project's rule for comparing posterior means with a reference: one made so that a correct sampler
// almost never fails and no seed has to be chosen.
package compare

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/drey-sampler/drey/pkg/diag"
)

// Estimate is a mean to compare.
type Estimate struct {
	Name  string
	Draws [][]float64 // chain, draw
	Mean  float64     // the reference's
	Error float64     // its Monte Carlo standard error, 0 for an exact one
}

// Result says how far the means of one posterior are from their references.
type Result struct {
	Z       []float64
	Worst   string  // the name of the estimate with the largest |z|
	Largest float64 // |z|
	Sum     float64 // of z²
	// PLargest and PSum are the probabilities of a Largest or Sum as large under N(0, R), R = the correlation of the estimates.
	PLargest, PSum float64
}

// suiteLevel is the probability that a suite of correct posteriors fails.
const suiteLevel = 1e-3

// Level returns the p-value below which a posterior of a suite of n comparisons fails: two p-values each share suiteLevel.
func Level(n int) float64 { return suiteLevel / float64(2*n) }

// Fails reports whether the means differ from their references, in a suite of n comparisons.
func (r Result) Fails(n int) bool { return min(r.PLargest, r.PSum) < Level(n) }

// String describes the result.
func (r Result) String() string {
	return fmt.Sprintf("%d means: largest |z| %.2f (%s), p = %.3g; Σz² %.1f, p = %.3g", len(r.Z), r.Largest, r.Worst, r.PLargest, r.Sum, r.PSum)
}

const (
	bootstraps = 1000    // replicates behind R
	vectors    = 100_000 // simulated ones behind a p-value
)

// Means compares estimates of one posterior. z = (mean - reference)/√(both squared errors); R comes from a block bootstrap of
// the draws. The result is a function of the arguments.
func Means(estimates []Estimate, seed uint64) Result { return means(estimates, seed, vectors) }

func means(estimates []Estimate, seed uint64, vectors int) Result {
	r := Result{Z: make([]float64, len(estimates))}
	leastESS := math.Inf(1)
	for i, e := range estimates {
		mcse := diag.MCSEMean(e.Draws)
		z := (mean(e.Draws) - e.Mean) / math.Hypot(mcse, e.Error)
		r.Z[i], r.Sum = z, r.Sum+z*z
		if !(math.Abs(z) <= r.Largest) {
			r.Largest, r.Worst = math.Abs(z), e.Name
		}
		leastESS = min(leastESS, diag.ESSMean(e.Draws))
	}
	random := rand.New(rand.NewPCG(seed, 0))
	draws := make([][][]float64, len(estimates))
	for i, e := range estimates {
		draws[i] = e.Draws
	}
	root := squareRoot(correlation(draws, blockLength(draws[0], leastESS), random))
	r.PLargest, r.PSum = exceedance(root, r.Largest, r.Sum, vectors, random)
	return r
}

func mean(draws [][]float64) float64 {
	sum, n := 0.0, 0
	for _, chain := range draws {
		for _, x := range chain {
			sum += x
		}
		n += len(chain)
	}
	return sum / float64(n)
}
