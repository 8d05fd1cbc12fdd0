// Package report writes a run's summary as people read it: the table of parameters, and what to do about a bad run.
package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/drey-sampler/drey/internal/runner"
)

// column is a column of the table.
type column struct {
	title  string
	format func(p *runner.Parameter) string
}

// columns are those of NumPyro's print_summary, with the median, the tail ESS and the Monte Carlo error of the mean.
func columns(prob float64) []column {
	low, high := (1-prob)/2, 1-(1-prob)/2
	value := func(x func(p *runner.Parameter) float64) func(p *runner.Parameter) string {
		return func(p *runner.Parameter) string { return number(x(p), decimals(p.SD)) }
	}
	return []column{
		{"mean", value(func(p *runner.Parameter) float64 { return p.Mean })},
		{"std", value(func(p *runner.Parameter) float64 { return p.SD })},
		{"median", value(func(p *runner.Parameter) float64 { return p.Median })},
		{percent(low), value(func(p *runner.Parameter) float64 { return p.QLow })},
		{percent(high), value(func(p *runner.Parameter) float64 { return p.QHigh })},
		{"n_eff", func(p *runner.Parameter) string { return number(p.ESSBulk, 0) }},
		{"ess_tail", func(p *runner.Parameter) string { return number(p.ESSTail, 0) }},
		{"r_hat", func(p *runner.Parameter) string { return number(p.RHat, 3) }},
		{"mcse", func(p *runner.Parameter) string { return number(p.MCSEMean, decimals(p.SD)+1) }},
	}
}

const (
	minWidth    = 9 // of a column, as NumPyro has it
	minDecimals = 2
	maxDecimals = 6   // numbers that need more are written with an exponent
	wide        = 1e9 // so are numbers from here on
)

// decimals returns how many decimals show two significant digits of a spread, at least two.
func decimals(spread float64) int {
	if !(spread > 0) || math.IsInf(spread, 0) {
		return minDecimals
	}
	return max(minDecimals, 1-int(math.Floor(math.Log10(spread))))
}

func number(x float64, decimals int) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 0):
		return strings.TrimPrefix(strconv.FormatFloat(x, 'f', -1, 64), "+")
	case a >= wide, decimals > maxDecimals:
		return strconv.FormatFloat(x, 'e', 3, 64)
	}
	return strconv.FormatFloat(x, 'f', decimals, 64)
}

func percent(p float64) string { return strconv.FormatFloat(100*p, 'f', 1, 64) + "%" }

// Table writes the table of the parameters that are shown, the number of divergences, and a sentence of advice for each
// thing that is wrong with the run.
func Table(w io.Writer, s *runner.Summary) error {
	var b strings.Builder
	if s.Notice != "" {
		fmt.Fprintf(&b, "Note: %s.\n", s.Notice)
	}
	if s.Draws == 0 {
		b.WriteString("draws 0: not every chain has a draw on disk.\n")
		_, err := io.WriteString(w, b.String())
		return err
	}
	rows(&b, s)
	if s.Run.Schema.SampleStats {
		fmt.Fprintf(&b, "\nNumber of divergences: %d\n", s.Divergences)
	}
	for _, line := range Advice(s) {
		fmt.Fprintf(&b, "%s\n", line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rows writes the header and a line a parameter, columns to the right.
func rows(b *strings.Builder, s *runner.Summary) {
	cols := columns(s.Prob)
	table := [][]string{{""}}
	for _, c := range cols {
		table[0] = append(table[0], c.title)
	}
	for i := range s.Parameters {
		p := &s.Parameters[i]
		row := []string{p.Name}
		for _, c := range cols {
			row = append(row, c.format(p))
		}
		table = append(table, row)
	}
	width := make([]int, len(cols)+1)
	for i := range width {
		if i > 0 {
			width[i] = minWidth
		}
		for _, row := range table {
			width[i] = max(width[i], utf8.RuneCountInString(row[i]))
		}
	}
	b.WriteByte('\n')
	for _, row := range table {
		for i, cell := range row {
			gap := 1
			if i == 0 {
				gap = 2
			}
			b.WriteString(strings.Repeat(" ", gap+width[i]-utf8.RuneCountInString(cell)))
			b.WriteString(cell)
		}
		b.WriteByte('\n')
	}
}
