package diag

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSortedOrder: the order is that of a stable sort by comparison, for numbers of all sizes and signs, and many that are equal.
func TestSortedOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3000} {
		for _, draw := range []func() float64{
			r.NormFloat64,
			func() float64 { return float64(r.IntN(7) - 3) },
			func() float64 { return math.Ldexp(r.NormFloat64(), r.IntN(2000)-1000) },
			func() float64 {
				return []float64{math.Inf(-1), -math.MaxFloat64, -1, -5e-324, 0, 5e-324, 1, math.Inf(1)}[r.IntN(8)]
			},
		} {
			values, keys, want := make([]float64, n), make([]uint64, n), make([]int32, n)
			for i := range values {
				values[i] = draw()
				keys[i], want[i] = sortKey(values[i]), int32(i)
			}
			slices.SortStableFunc(want, func(a, b int32) int {
				switch x, y := values[a], values[b]; {
				case x < y:
					return -1
				case x > y:
					return 1
				}
				return 0
			})
			if got := sortedOrder(keys); !slices.Equal(got, want) {
				t.Fatalf("%d numbers: %v, want %v", n, got, want)
			}
		}
	}
}
