package main

import (
	"fmt"
	"math"

	. "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// problem asks for the polynomial p of the given degree that minimises the largest |weight(u) (p(u) - f(u))| on [lo, hi].
type problem struct {
	f, weight func(u Float) Float
	lo, hi    Float
	degree    int
}

// sample is f and weight at a point of the search grid.
type sample struct{ u, f, w Float }

const gridPerTerm = 24

// grid returns samples at Chebyshev points, denser towards the ends, where the extrema crowd.
func (p problem) grid() []sample {
	n := gridPerTerm * (p.degree + 2)
	centre, radius := Ldexp(Add(p.lo, p.hi), -1), Ldexp(Sub(p.hi, p.lo), -1)
	out := make([]sample, n)
	for i := range out {
		u := Sub(centre, Mul(radius, New(math.Cos(math.Pi*(float64(i)+0.5)/float64(n)))))
		out[i] = sample{u, p.f(u), p.weight(u)}
	}
	return out
}

// solve returns the coefficients, lowest first, and the largest weighted error over the grid, by the second algorithm of
// Remez: interpolate with an alternating error on degree+2 points, then move each to the extremum beside it.
func (p problem) solve() ([]Float, float64, error) {
	grid := p.grid()
	reference := make([]int, p.degree+2)
	for i := range reference {
		x := math.Cos(math.Pi * float64(i) / float64(len(reference)-1))
		reference[i] = int(math.Round((1 - math.Acos(x)/math.Pi) * float64(len(grid)-1)))
		reference[i] = len(grid) - 1 - reference[i]
	}
	var c []Float
	for range 30 {
		var level Float
		c, level = alternate(grid, reference)
		errs := make([]Float, len(grid))
		largest := 0.0
		for i, s := range grid {
			errs[i] = Mul(s.w, Sub(horner(c, s.u), s.f))
			e, _ := Abs(errs[i]).Float64()
			largest = math.Max(largest, e)
		}
		l, _ := Abs(level).Float64()
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
func alternate(grid []sample, reference []int) (c []Float, level Float) {
	n := len(reference)
	rows := make([][]Float, n)
	sign := 1.0
	for i, r := range reference {
		s := grid[r]
		row := make([]Float, n+1)
		power := New(1)
		for j := range n - 1 {
			row[j] = power
			power = Mul(power, s.u)
		}
		row[n-1] = Quo(New(sign), s.w)
		row[n] = s.f
		rows[i] = row
		sign = -sign
	}
	x := eliminate(rows)
	return x[:n-1], x[n-1]
}

// eliminate solves the augmented system by Gaussian elimination with partial pivoting.
func eliminate(rows [][]Float) []Float {
	n := len(rows)
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if Abs(rows[i][k]).Cmp(Abs(rows[pivot][k])) > 0 {
				pivot = i
			}
		}
		rows[k], rows[pivot] = rows[pivot], rows[k]
		for i := k + 1; i < n; i++ {
			q := Quo(rows[i][k], rows[k][k])
			for j := k; j <= n; j++ {
				rows[i][j] = Sub(rows[i][j], Mul(q, rows[k][j]))
			}
		}
	}
	x := make([]Float, n)
	for i := n - 1; i >= 0; i-- {
		s := rows[i][n]
		for j := i + 1; j < n; j++ {
			s = Sub(s, Mul(rows[i][j], x[j]))
		}
		x[i] = Quo(s, rows[i][i])
	}
	return x
}

// extrema returns want points of alternating sign with the largest errors: one in each run of equal signs, then the
// smaller end dropped while there are too many.
func extrema(errs []Float, want int) []int {
	var points []int
	for i := range errs {
		if len(points) > 0 && errs[points[len(points)-1]].Sign() == errs[i].Sign() {
			if Abs(errs[i]).Cmp(Abs(errs[points[len(points)-1]])) > 0 {
				points[len(points)-1] = i
			}
			continue
		}
		points = append(points, i)
	}
	for len(points) > want {
		if Abs(errs[points[0]]).Cmp(Abs(errs[points[len(points)-1]])) < 0 {
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

func horner(c []Float, u Float) Float {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = Add(Mul(y, u), c[i])
	}
	return y
}
