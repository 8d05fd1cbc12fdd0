package diag

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mathext"
)

// normalScores replaces values by the normal quantiles of their fractional ranks, ties sharing their average rank:
// z = Φ⁻¹((r − 3/8)/(S + 1/4)), Vehtari et al. (2021), section 4, after Blom (1958). order lists indices of values
// in ascending order of the values; the result has the length of values and is zero at indices that order leaves out.
func normalScores(values []float64, order []int32) []float64 {
	z := make([]float64, len(values))
	size := float64(len(order))
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		rank := float64(i+1+j) / 2 // of the ranks i+1 … j
		score := mathext.NormalQuantile((rank - 0.375) / (size + 0.25))
		for ; i < j; i++ {
			z[order[i]] = score
		}
	}
	return z
}

// bulkScores returns the normal scores of the split draws, laid out as p.flat.
func (p *pool) bulkScores() []float64 {
	p.rank()
	return normalScores(p.flat, p.inHalves())
}

// foldedScores returns the normal scores of the split draws' distances from their median, laid out as p.flat:
// Vehtari et al. (2021), section 4. ok is false where the median is infinite: distances from it have no order.
func (p *pool) foldedScores() (z []float64, ok bool) {
	p.rank()
	order := p.inHalves()
	at := func(i int) float64 { return p.flat[order[i]] }
	n := len(order)
	median := 0.5*at((n-1)/2) + 0.5*at(n/2)
	if math.IsInf(median, 0) || math.IsNaN(median) {
		return nil, false
	}
	folded := make([]float64, len(p.flat))
	for _, i := range order {
		folded[i] = math.Abs(p.flat[i] - median)
	}
	// Distances fall up to the median and rise from it: merging the two runs sorts them.
	merged := make([]int32, 0, n)
	right := sort.Search(n, func(i int) bool { return at(i) >= median })
	left := right - 1
	for len(merged) < n {
		if right == n || left >= 0 && folded[order[left]] < folded[order[right]] {
			merged = append(merged, order[left])
			left--
		} else {
			merged = append(merged, order[right])
			right++
		}
	}
	return normalScores(folded, merged), true
}
