package main

import (
	"fmt"
	"math"

	bm "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// problem asks for the polynomial p of the given degree that minimises the largest |weight(u) (p(u) - f(u))| on [lo, hi].
type problem struct {
	f, weight func(u bm.Float) bm.Float
	lo, hi    bm.Float
	degree    int
}

// sample is f and weight at a point of the search grid.
type sample struct{ u, f, w bm.Float }

const gridPerTerm = 24

// grid returns samples at Chebyshev points, denser towards the ends, where the extrema crowd.
func (p problem) grid() []sample {
	n := gridPerTerm * (p.degree + 2)
	centre, radius := bm.Ldexp(bm.Add(p.lo, p.hi), -1), bm.Ldexp(bm.Sub(p.hi, p.lo), -1)
	out := make([]sample, n)
	for i := range out {
		u := bm.Sub(centre, bm.Mul(radius, bm.New(math.Cos(math.Pi*(float64(i)+0.5)/float64(n)))))
		out[i] = sample{u, p.f(u), p.weight(u)}
	}
	return out
}

// solve returns the coefficients, lowest first, and the largest weighted error over the grid, by the second algorithm of
// Remez: interpolate with an alternating error on degree+2 points, then move each to the extremum beside it.
func (p problem) solve() ([]bm.Float, float64, error) {
	grid := p.grid()
	reference := make([]int, p.degree+2)
	for i := range reference {
		x := math.Cos(math.Pi * float64(i) / float64(len(reference)-1))
		reference[i] = int(math.Round((1 - math.Acos(x)/math.Pi) * float64(len(grid)-1)))
		reference[i] = len(grid) - 1 - reference[i]
	}
	var c []bm.Float
	for range 30 {
		var level bm.Float
		c, level = alternate(grid, reference)
		errs := make([]bm.Float, len(grid))
		largest := 0.0
		for i, s := range grid {
			errs[i] = bm.Mul(s.w, bm.Sub(horner(c, s.u), s.f))
			e, _ := bm.Abs(errs[i]).Float64()
			largest = math.Max(largest, e)
		}
		l, _ := bm.Abs(level).Float64()
		if largest <= l*1.002 {
			return c, largest, nil
		}
		next := extrema(errs, len(reference))
		if next == nil {
			return nil, 0, fmt.Errorf("the error has fewer than %d alternations", len(reference))
		}
		reference = next
	}
	return nil, 0, fmt.Errorf("no convergence in 30 exchanges")
}

// alternate solves w (p(u) - f(u)) = ±level on the reference points.
func alternate(grid []sample, reference []int) (c []bm.Float, level bm.Float) {
	n := len(reference)
	rows := make([][]bm.Float, n)
	sign := 1.0
	for i, r := range reference {
		s := grid[r]
		row := make([]bm.Float, n+1)
		power := bm.New(1)
		for j := range n - 1 {
			row[j] = power
			power = bm.Mul(power, s.u)
		}
		row[n-1] = bm.Quo(bm.New(sign), s.w)
		row[n] = s.f
		rows[i] = row
		sign = -sign
	}
	x := eliminate(rows)
	return x[:n-1], x[n-1]
}

// eliminate solves the augmented system by Gaussian elimination with partial pivoting.
func eliminate(rows [][]bm.Float) []bm.Float {
	n := len(rows)
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if bm.Abs(rows[i][k]).Cmp(bm.Abs(rows[pivot][k])) > 0 {
				pivot = i
			}
		}
		rows[k], rows[pivot] = rows[pivot], rows[k]
		for i := k + 1; i < n; i++ {
			q := bm.Quo(rows[i][k], rows[k][k])
			for j := k; j <= n; j++ {
				rows[i][j] = bm.Sub(rows[i][j], bm.Mul(q, rows[k][j]))
			}
		}
	}
	x := make([]bm.Float, n)
	for i := n - 1; i >= 0; i-- {
		s := rows[i][n]
		for j := i + 1; j < n; j++ {
			s = bm.Sub(s, bm.Mul(rows[i][j], x[j]))
		}
		x[i] = bm.Quo(s, rows[i][i])
	}
	return x
}

// extrema returns want points of alternating sign with the largest errors: one in each run of equal signs, then the
// smaller end dropped while there are too many.
func extrema(errs []bm.Float, want int) []int {
	var points []int
	for i := range errs {
		if len(points) > 0 && errs[points[len(points)-1]].Sign() == errs[i].Sign() {
			if bm.Abs(errs[i]).Cmp(bm.Abs(errs[points[len(points)-1]])) > 0 {
				points[len(points)-1] = i
			}
			continue
		}
		points = append(points, i)
	}
	for len(points) > want {
		if bm.Abs(errs[points[0]]).Cmp(bm.Abs(errs[points[len(points)-1]])) < 0 {
			points = points[1:]
		} else {
			points = points[:len(points)-1]
		}
	}
	if len(points) < want {
		return nil
	}
	return points
}

func horner(c []bm.Float, u bm.Float) bm.Float {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = bm.Add(bm.Mul(y, u), c[i])
	}
	return y
}
