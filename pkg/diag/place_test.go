package diag_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

func TestPlaceAmong(t *testing.T) {
	hundred := [][]float64{nil, nil}
	for i := range 100 {
		hundred[i%2] = append(hundred[i%2], float64(i))
	}
	nan := math.NaN()
	for _, c := range []struct {
		some []float64
		all  [][]float64
		want diag.Place
	}{
		{[]float64{0, 3, 9, 9.5, 50, 90, 99}, hundred, diag.Place{Count: 7, Low: 3, High: 2, Median: 0.1}},
		{[]float64{9, -1, nan, 200}, hundred, diag.Place{Count: 3, Low: 2, High: 1, Median: 0.095}},
		{[]float64{7, 7}, [][]float64{{7, 7}, {7, 7}}, diag.Place{Count: 2, Median: 0.5}},
		{[]float64{1}, [][]float64{{nan, 0}, {2, nan}}, diag.Place{Count: 1, Median: 0.5}},
		{nil, hundred, diag.Place{Median: nan}},
		{[]float64{1}, nil, diag.Place{Median: nan}},
	} {
		got := diag.PlaceAmong(c.some, c.all)
		same := got.Median == c.want.Median || math.IsNaN(got.Median) && math.IsNaN(c.want.Median)
		if got.Count != c.want.Count || got.Low != c.want.Low || got.High != c.want.High || !same {
			t.Errorf("%v: %+v, want %+v", c.some, got, c.want)
		}
	}
}

// TestGathered: draws from anywhere gather nowhere; those of a funnel's neck do, whichever end it is at.
func TestGathered(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	all := [][]float64{make([]float64, 2000)}
	for i := range all[0] {
		all[0][i] = r.NormFloat64()
	}
	false4 := 0 // at four standard deviations the tails of small counts are longer than a normal's
	for range 300 {
		some := make([]float64, 1+r.IntN(200))
		for i := range some {
			some[i] = r.NormFloat64()
		}
		if diag.PlaceAmong(some, all).Gathered() {
			false4++
		}
	}
	if false4 > 2 {
		t.Errorf("%d of 300 sets at random are gathered", false4)
	}
	for _, sign := range []float64{-1, 1} {
		var some []float64
		for i := range 20 {
			x := math.Abs(r.NormFloat64())
			if i < 8 {
				x = 1.5 + x
			}
			some = append(some, sign*x)
		}
		p := diag.PlaceAmong(some, all)
		if !p.Gathered() || p.Tail() < 8 || (p.Low > p.High) != (sign < 0) || (p.Median < 0.5) != (sign < 0) {
			t.Errorf("with sign %v: %+v", sign, p)
		}
	}
	if (diag.Place{}).Gathered() || (diag.Place{Count: 1, Low: 1}).Gathered() || !(diag.Place{Count: 5, High: 4}).Gathered() {
		t.Error("few draws")
	}
}
