package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Results is what results.json holds.
type Results struct {
	Machine       Machine           `json:"machine"`
	Rounds        int               `json:"rounds"`
	Quick         bool              `json:"quick"`
	Skipped       map[string]string `json:"skipped,omitempty"`  // program → why it did not run
	Failures      []string          `json:"failures,omitempty"` // a tool that ran and failed
	Records       []Record          `json:"records"`
	Disagreements []Disagreement    `json:"disagreements,omitempty"`
	Targets       []TargetResult    `json:"targets"`
}

// TargetResult is an Outcome in results.json.
type TargetResult struct {
	Case    string   `json:"case"`
	Metric  string   `json:"metric"`
	Against []string `json:"against"`
	AtLeast float64  `json:"at_least"`
	Ratio   *float64 `json:"ratio"` // null: not measured
	Min     *float64 `json:"min"`
	Max     *float64 `json:"max"`
	Met     bool     `json:"met"`
}

// write puts results.json and results.md into dir and returns the Markdown.
func (r *Results) write(dir string, cases []Case) (string, error) {
	r.Disagreements = disagreements(r.Records)
	r.Targets = nil
	var outcomes []Outcome
	for _, target := range targets() {
		if !slices.ContainsFunc(cases, func(c Case) bool { return c.Name == target.Case }) {
			continue
		}
		o := target.outcome(r.Records)
		outcomes = append(outcomes, o)
		result := TargetResult{Case: o.Case, Metric: o.Metric.Name, Against: o.Against, AtLeast: o.AtLeast, Met: o.Met()}
		if o.Measured {
			result.Ratio, result.Min, result.Max = &o.Ratio, &o.Min, &o.Max
		}
		r.Targets = append(r.Targets, result)
	}
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "results.json"), append(encoded, '\n'), 0o644); err != nil {
		return "", err
	}
	text := r.markdown(cases, outcomes)
	return text, os.WriteFile(filepath.Join(dir, "results.md"), []byte(text), 0o644)
}

func (r *Results) markdown(cases []Case, outcomes []Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s; %s.\n", r.Machine, plural(r.Rounds, "round"), "medians, with the least and the most in brackets")
	if r.Quick {
		b.WriteString("\nA quick run: short lengths, good for seeing that it works and not for quoting.\n")
	}
	for _, c := range cases {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", c.Name, c.describe())
		r.table(&b, c)
	}
	if len(outcomes) > 0 {
		b.WriteString("\n### Targets\n\n")
		writeOutcomes(&b, outcomes)
	}
	for _, d := range r.Disagreements {
		fmt.Fprintf(&b, "\n**The posteriors differ** in %s, round %d: the mean of %s by %s and by %s lies %.1f standard errors apart.\n",
			d.Case, d.Round, d.Parameter, d.Tool, d.Other, d.StandardErrors)
	}
	for _, program := range slices.Sorted(maps.Keys(r.Skipped)) {
		fmt.Fprintf(&b, "\nskipped: %s (%s)\n", program, r.Skipped[program])
	}
	for _, failure := range r.Failures {
		fmt.Fprintf(&b, "\nfailed: %s\n", failure)
	}
	return b.String()
}

func (c Case) describe() string {
	if c.StartToSummary {
		return fmt.Sprintf("4 chains × (%d + %d), f64, from process start to summary, on all cores; drey to its exit.", c.Warmup, c.Draws)
	}
	engine := ""
	if c.XLA {
		engine = ", XLA for CPUs on both sides, chains vectorised"
	}
	return fmt.Sprintf("%s, one core%s, %d warmup draws, fixed cost subtracted.", c.Precision, engine, c.Warmup)
}

// table writes a case's Markdown table: a row a tool, drey's advantage in the case's first metric last.
func (r *Results) table(b *strings.Builder, c Case) {
	metrics := []Metric{microsPerLeapfrog, gradientMicros, essPerLeapfrog, essPerSecond, divergences, peakMemory}
	if c.StartToSummary {
		metrics = []Metric{secondsTotal, minESS, essPerLeapfrog, divergences, peakMemory}
	}
	if c.XLA {
		metrics = []Metric{microsPerLeapfrog, essPerLeapfrog, essPerSecond, compileSeconds, divergences, peakMemory}
	}
	header := []string{"tool"}
	for _, metric := range metrics {
		header = append(header, metric.Name)
	}
	header = append(header, "drey is better by")
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat(" --- |", len(header)))
	drey := over(r.Records, c.Name, "drey", metrics[0])
	for _, tool := range c.Tools {
		cells := []string{tool.Name}
		for _, metric := range metrics {
			cells = append(cells, over(r.Records, c.Name, tool.Name, metric).String())
		}
		ratio := "–"
		if own := over(r.Records, c.Name, tool.Name, metrics[0]); tool.Name != "drey" && drey.N > 0 && own.N > 0 {
			ratio = significant(metrics[0].advantage(drey.Median, own.Median)) + "×"
		}
		fmt.Fprintf(b, "| %s | %s |\n", strings.Join(cells, " | "), ratio)
	}
}

func writeOutcomes(b *strings.Builder, outcomes []Outcome) {
	b.WriteString("| case | metric | against the best of | target | measured | |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, o := range outcomes {
		measured, verdict := "–", "not measured"
		if o.Measured {
			measured = fmt.Sprintf("%s× [%s, %s]", significant(o.Ratio), significant(o.Min), significant(o.Max))
			verdict = "missed"
		}
		if o.Met() {
			verdict = "met"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s× | %s | %s |\n", o.Case, o.Metric.Name, strings.Join(o.Against, ", "), significant(o.AtLeast), measured, verdict)
	}
}

// String prints the median and, of several rounds, the extremes, to three significant digits; – where nothing was measured.
func (s Spread) String() string {
	switch s.N {
	case 0:
		return "–"
	case 1:
		return significant(s.Median)
	}
	return fmt.Sprintf("%s [%s, %s]", significant(s.Median), significant(s.Min), significant(s.Max))
}

// significant prints x to three significant digits without an exponent, and a whole number as it is.
func significant(x float64) string {
	if x == math.Trunc(x) || math.IsNaN(x) {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(x)))))
	return fmt.Sprintf("%.*f", digits, x)
}

// plural counts a noun whose plural takes an s.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
