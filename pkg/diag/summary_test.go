package diag_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

// normalChains returns chains of independent standard normal draws.
func normalChains(seed uint64, chains, n int) [][]float64 {
	return ar1Chains(seed, chains, n, 0)
}

// ar1Chains returns stationary chains x(t) = phi·x(t−1) + √(1−phi²)·e(t) with standard normal margins.
func ar1Chains(seed uint64, chains, n int, phi float64) [][]float64 {
	draws := make([][]float64, chains)
	for c := range draws {
		random := rand.New(rand.NewPCG(seed, uint64(c)))
		draws[c] = make([]float64, n)
		x := random.NormFloat64()
		for t := range draws[c] {
			draws[c][t] = x
			x = phi*x + math.Sqrt(1-phi*phi)*random.NormFloat64()
		}
	}
	return draws
}

func BenchmarkSummarise(b *testing.B) {
	draws := ar1Chains(1, 4, 100_000, 0.5)
	for b.Loop() {
		diag.Summarise(draws, 0.9)
	}
}
