package diag

import (
	"math"
	"slices"
)

// Place says where some draws of a parameter lie among all of them: those from which divergent trajectories begin, say. Betancourt and
// Girolami (2015), "Hamiltonian Monte Carlo for hierarchical models": where divergences gather, the density is too steep for the step size.
type Place struct {
	Count  int     // of the draws that are placed
	Low    int     // of them, below the 10 % quantile of all draws
	High   int     // above their 90 % quantile
	Median float64 // of the shares of all draws that lie below them, half of those equal among these; NaN for no draws
}

// placeTail is the share of all draws in each tail of a Place.
const placeTail = 0.1

// PlaceAmong returns where some draws lie among all. NaNs are in no place.
func PlaceAmong(some []float64, all [][]float64) Place {
	sorted := slices.Concat(all...)
	sorted = slices.DeleteFunc(sorted, math.IsNaN)
	slices.Sort(sorted)
	var shares []float64
	p := Place{Median: math.NaN()}
	for _, x := range some {
		if math.IsNaN(x) || len(sorted) == 0 {
			continue
		}
		below, _ := slices.BinarySearch(sorted, x)
		equal, _ := slices.BinarySearchFunc(sorted[below:], x, func(e, x float64) int {
			if e <= x {
				return -1
			}
			return 1
		})
		share := (float64(below) + float64(equal)/2) / float64(len(sorted))
		shares = append(shares, share)
		switch {
		case share < placeTail:
			p.Low++
		case share > 1-placeTail:
			p.High++
		}
	}
	if p.Count = len(shares); p.Count > 0 {
		slices.Sort(shares)
		p.Median = quantileOfSorted(shares, 0.5)
	}
	return p
}

// Tail returns how many of the draws are in the tail that has more.
func (p Place) Tail() int { return max(p.Low, p.High) }

// Gathered reports whether a tail has more of the draws than would be there by chance: at least a quarter, and four standard deviations
// more than a tenth.
func (p Place) Gathered() bool {
	n, k := float64(p.Count), float64(p.Tail())
	return k >= n/4 && k-placeTail*n >= 4*math.Sqrt(n*placeTail*(1-placeTail)) && n > 0
}
