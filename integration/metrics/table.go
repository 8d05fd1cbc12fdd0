package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// print writes the table in Markdown, and what it says in all.
func (s settings) print(w io.Writer, results []result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d × (%d + %d) draws, seeds 1 to %d together.\n\n", s.chains, s.warmup, s.draws, s.seeds)
	fmt.Fprintf(&b, "| model | D | %s | %s | ratio | with warmup | %s | %s | ratio | divergences |\n", metrics[0], metrics[1], metrics[0], metrics[1])
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	sampling, overall := summary{}, summary{}
	for _, r := range results {
		d, g := r.figures[0], r.figures[1]
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %.2f | | %s | %s | %.2f | %d, %d |\n", r.name, r.dimension,
			figure(d.efficiency()), figure(g.efficiency()), g.efficiency()/d.efficiency(),
			figure(d.overall()), figure(g.overall()), g.overall()/d.overall(), d.divergences, g.divergences)
		sampling.add(g.efficiency() / d.efficiency())
		overall.add(g.overall() / d.overall())
	}
	fmt.Fprintf(&b, "\n%s over %s: sampling %v; with warmup %v.\n", metrics[1], metrics[0], sampling, overall)
	_, err := io.WriteString(w, b.String())
	return err
}

// figure writes a number to three digits, without an exponent.
func figure(x float64) string {
	digits := 2 - int(math.Floor(math.Log10(x)))
	return fmt.Sprintf("%.*f", max(0, digits), x)
}

// summary gathers ratios.
type summary struct {
	n, wins int
	logs    float64
}

func (s *summary) add(ratio float64) {
	s.n++
	s.logs += math.Log(ratio)
	if ratio > 1 {
		s.wins++
	}
}

// String gives the geometric mean of the ratios and how many are above 1.
func (s summary) String() string {
	return fmt.Sprintf("geometric mean of the ratios %.3f, above 1 for %d of %d", math.Exp(s.logs/float64(s.n)), s.wins, s.n)
}
