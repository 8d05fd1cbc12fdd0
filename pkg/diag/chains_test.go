package diag_test

import (
	"math"
	"math/rand/v2"
)

// normalChains returns chains of independent standard normal draws.
func normalChains(seed uint64, chains, n int) [][]float64 { return ar1Chains(seed, chains, n, 0) }

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

// mapped returns f of each draw, given its chain and place in it.
func mapped(draws [][]float64, f func(chain, draw int, x float64) float64) [][]float64 {
	out := make([][]float64, len(draws))
	for c, chain := range draws {
		out[c] = make([]float64, len(chain))
		for t, x := range chain {
			out[c][t] = f(c, t, x)
		}
	}
	return out
}

// cauchy turns a standard normal draw into a standard Cauchy one.
func cauchy(x float64) float64 { return math.Tan(math.Pi / 2 * math.Erf(x/math.Sqrt2)) }
