package compare

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// blockLength returns the length of blocks for chains of draws: n^(1/3), the rate that is best for the variance of a mean
// (Künsch 1989, "The jackknife and the bootstrap for general stationary observations"), but at least twice the longest
// integrated autocorrelation time.
func blockLength(draws [][]float64, leastESS float64) int {
	n := len(draws[0])
	time := float64(len(draws)*n) / leastESS
	return min(n, max(int(math.Ceil(math.Cbrt(float64(n)))), int(math.Ceil(2*time))))
}

// correlation returns the correlation of the means of quantities [quantity][chain][draw], by a bootstrap of blocks of draws:
// a replicate's means are those of as many blocks as there are, drawn with replacement.
func correlation(draws [][][]float64, length int, random *rand.Rand) *mat.SymDense {
	d := len(draws)
	blocks := blockMeans(draws, length)
	n, _ := blocks.Dims()
	counts := mat.NewDense(bootstraps, n, nil)
	for b := range bootstraps {
		for range n {
			k := random.IntN(n)
			counts.Set(b, k, counts.At(b, k)+1)
		}
	}
	var replicates mat.Dense
	replicates.Mul(counts, blocks)
	standardise(&replicates)
	r := mat.NewSymDense(d, nil)
	r.SymOuterK(1, replicates.T())
	for i := range d {
		r.SetSym(i, i, 1) // also where all draws are equal
	}
	return r
}

// blockMeans returns the means of blocks, a row each; draws that fill no block are left out at the chains' beginnings.
func blockMeans(draws [][][]float64, length int) *mat.Dense {
	chains, per := len(draws[0]), len(draws[0][0])/length
	out := mat.NewDense(chains*per, len(draws), nil)
	for q, x := range draws {
		for c, chain := range x {
			chain = chain[len(chain)-per*length:]
			for b := range per {
				sum := 0.0
				for _, v := range chain[b*length : (b+1)*length] {
					sum += v
				}
				out.Set(c*per+b, q, sum/float64(length))
			}
		}
	}
	return out
}

// standardise subtracts the mean of each column and scales it to a sum of squares of 1.
func standardise(m *mat.Dense) {
	rows, columns := m.Dims()
	for j := range columns {
		mean, squares := 0.0, 0.0
		for i := range rows {
			mean += m.At(i, j) / float64(rows)
		}
		for i := range rows {
			squares += (m.At(i, j) - mean) * (m.At(i, j) - mean)
		}
		for i := range rows {
			if squares > 0 {
				m.Set(i, j, (m.At(i, j)-mean)/math.Sqrt(squares))
			}
		}
	}
}

// squareRoot returns a matrix S with S·Sᵀ = r, which may be singular: eigenvectors scaled by the roots of their eigenvalues.
func squareRoot(r *mat.SymDense) *mat.Dense {
	var e mat.EigenSym
	if !e.Factorize(r, true) {
		panic("compare: eigenvalues of a correlation matrix did not converge")
	}
	var s mat.Dense
	e.VectorsTo(&s)
	for j, v := range e.Values(nil) {
		scale := math.Sqrt(math.Max(0, v))
		for i := range r.SymmetricDim() {
			s.Set(i, j, s.At(i, j)*scale)
		}
	}
	return &s
}

// exceedance returns the fractions of so many vectors of N(0, S·Sᵀ) whose largest |element| and sum of squares are at least those given.
func exceedance(s *mat.Dense, largest, sum float64, vectors int, random *rand.Rand) (pLargest, pSum float64) {
	const batch = 1000
	d, _ := s.Dims()
	normal, x := mat.NewDense(batch, d, nil), mat.NewDense(batch, d, nil)
	for range vectors / batch {
		raw := normal.RawMatrix().Data
		for i := range raw {
			raw[i] = random.NormFloat64()
		}
		x.Mul(normal, s.T())
		for i := range batch {
			m, q := 0.0, 0.0
			for _, v := range x.RawRowView(i) {
				m, q = math.Max(m, math.Abs(v)), q+v*v
			}
			if m >= largest {
				pLargest += 1 / float64(vectors)
			}
			if q >= sum {
				pSum += 1 / float64(vectors)
			}
		}
	}
	return pLargest, pSum
}
