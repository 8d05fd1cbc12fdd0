package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// enough is the share of the efficiency after the longest warmup that a warmup has to reach.
const enough = 0.9

// print writes a table for each model and one of what warmup costs until it is long enough, in Markdown.
func (s settings) print(w io.Writer, results []result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d chains × %d draws, medians of seeds 1 to %d.\n\n", s.chains, s.draws, s.seeds)
	fmt.Fprintf(&b, "| model | %s: warmup | gradients | %s: warmup | gradients | ratio |\n|---|---|---|---|---|---|\n", modes[0], modes[1])
	for _, r := range results {
		n, g := r.reaches(0)
		m, h := r.reaches(1)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %.2f |\n", r.name, length(n), thousands(g), length(m), thousands(h), h/g)
	}
	for _, r := range results {
		fmt.Fprintf(&b, "\n%s\n\n| warmup | gradients | | ESS a gradient | | divergences | | largest R-hat | |\n|---|---|---|---|---|---|---|---|---|\n", r.name)
		for i, n := range warmups {
			p, q := r.figures[0][i], r.figures[1][i]
			of := func(f []figures, get func(figures) float64) float64 { return median(f, get) }
			fmt.Fprintf(&b, "| %d | %s | %s | %.3g | %.3g | %.0f | %.0f | %.3f | %.3f |\n", n,
				thousands(of(p, gradients)), thousands(of(q, gradients)), of(p, efficiency), of(q, efficiency),
				of(p, divergences), of(q, divergences), of(p, largestRHat), of(q, largestRHat))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func gradients(f figures) float64   { return float64(f.warmup) }
func efficiency(f figures) float64  { return f.efficiency }
func divergences(f figures) float64 { return float64(f.divergences) }
func largestRHat(f figures) float64 { return f.rhat }

// reaches returns the shortest warmup of a mode after which each seed samples with enough of the efficiency that it has after the longest
// one, and the gradients spent by then: medians over seeds. Infinite where a seed has none.
func (r *result) reaches(mode int) (warmup, gradients float64) {
	last := len(warmups) - 1
	want := enough * median(r.figures[mode][last], efficiency)
	var lengths, costs []float64
	for seed := range r.figures[mode][last] {
		length, cost := math.Inf(1), math.Inf(1)
		for i := last - 1; i >= 0; i-- {
			if f := r.figures[mode][i][seed]; f.efficiency >= want {
				length, cost = float64(warmups[i]), float64(f.warmup)
			}
		}
		lengths, costs = append(lengths, length), append(costs, cost)
	}
	return middle(lengths), middle(costs)
}

// median returns that of a figure over seeds.
func median(f []figures, get func(figures) float64) float64 {
	var x []float64
	for _, v := range f {
		x = append(x, get(v))
	}
	return middle(x)
}

// middle returns the median of numbers, of an even number the mean of the two in the middle.
func middle(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}

func length(x float64) string {
	if math.IsInf(x, 1) {
		return fmt.Sprintf("more than %d", warmups[len(warmups)-2])
	}
	return fmt.Sprintf("%.0f", x)
}

// thousands writes a number of gradients.
func thousands(x float64) string {
	if math.IsInf(x, 1) {
		return ""
	}
	return fmt.Sprintf("%.3g k", x/1000)
}
