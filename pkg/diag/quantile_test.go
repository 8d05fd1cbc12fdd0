package diag_test

import (
	"math"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

func TestQuantileByHand(t *testing.T) {
	draws := [][]float64{{4, 1}, {3, 2}}
	for prob, want := range map[float64]float64{0: 1, 0.25: 1.75, 0.5: 2.5, 2.0 / 3: 3, 0.75: 3.25, 1: 4} {
		if got := diag.Quantile(draws, prob); math.Abs(got-want) > 1e-15 {
			t.Errorf("Quantile at %v = %v, want %v", prob, got, want)
		}
	}
	inf := math.Inf(1)
	if got := diag.Quantile([][]float64{{1, 2, inf}}, 0.5); got != 2 {
		t.Errorf("median beside an infinity = %v, want 2", got)
	}
}

// TestQuantileBetweenTies: between equal draws a quantile is that value to the bit, so that none of them is above it.
func TestQuantileBetweenTies(t *testing.T) {
	for i := range 100 {
		v := 1 / float64(i+3)
		for j := range 100 {
			if prob := float64(j) / 99; diag.Quantile([][]float64{{v, v, v}, {v, v, v}}, prob) != v {
				t.Fatalf("quantile at %v of draws all %v is another", prob, v)
			}
		}
	}
}

// TestHPDIIsTheShortest compares with all intervals between draws that hold as many.
func TestHPDIIsTheShortest(t *testing.T) {
	draws := mapped(normalChains(5, 2, 60), func(_, _ int, x float64) float64 { return x * x })
	x := slices.Sorted(slices.Values(slices.Concat(draws...)))
	for _, prob := range []float64{0, 0.1, 0.5, 0.9, 0.99, 1} {
		low, high := diag.HPDI(draws, prob)
		i, _ := slices.BinarySearch(x, low)
		j, _ := slices.BinarySearch(x, high)
		count := min(int(prob*120)+1, 120)
		if j-i+1 != count {
			t.Errorf("prob %v: the interval holds %d draws, want %d", prob, j-i+1, count)
		}
		for k := 0; k+count <= len(x); k++ {
			if x[k+count-1]-x[k] < high-low {
				t.Errorf("prob %v: [%v, %v] is shorter than [%v, %v]", prob, x[k], x[k+count-1], low, high)
			}
		}
	}
}
