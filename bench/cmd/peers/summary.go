package main

import (
	"maps"
	"math"
	"slices"
)

// Record is one measurement of one tool in one round.
type Record struct {
	Case  string `json:"case"`
	Tool  string `json:"tool_name"`
	Round int    `json:"round"`
	Measurement
}

// Metric reads one number of a measurement; nil where the run did not measure it.
type Metric struct {
	Name           string
	HigherIsBetter bool
	Of             func(Measurement) *float64
}

var (
	microsPerLeapfrog = Metric{"µs per leapfrog", false, func(m Measurement) *float64 { return m.MicrosPerLeapfrog }}
	gradientMicros    = Metric{"gradient, µs", false, func(m Measurement) *float64 { return m.GradientMicros }}
	essPerSecond      = Metric{"min-ESS per second", true, func(m Measurement) *float64 { return m.MinESSPerSecond }}
	essPerLeapfrog    = Metric{"min-ESS per leapfrog", true, func(m Measurement) *float64 { return m.MinESSPerLeapfrog }}
	minESS            = Metric{"min-ESS", true, func(m Measurement) *float64 { return m.MinESSBulk }}
	secondsTotal      = Metric{"seconds to summary", false, func(m Measurement) *float64 { return m.SecondsTotal }}
	compileSeconds    = Metric{"compile, s", false, func(m Measurement) *float64 { return m.CompileSeconds }}
	peakMemory        = Metric{"peak memory, MB", false, func(m Measurement) *float64 { return m.PeakRSSMB }}
	divergences       = Metric{"divergences", false, func(m Measurement) *float64 { n := float64(m.Divergences); return &n }}
)

// Spread is the median of a metric over the rounds, with its extremes. N = 0 means that nothing was measured.
type Spread struct {
	Median, Min, Max float64
	N                int
}

// spread returns the Spread of values; the median of an even number is the mean of the middle two.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Spread{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1], N: len(sorted)}
}

// byRound returns a tool's values of a metric by round.
func byRound(records []Record, caseName, tool string, metric Metric) map[int]float64 {
	values := map[int]float64{}
	for _, r := range records {
		if value := metric.Of(r.Measurement); r.Case == caseName && r.Tool == tool && value != nil {
			values[r.Round] = *value
		}
	}
	return values
}

// over returns the spread of a tool's metric over the rounds.
func over(records []Record, caseName, tool string, metric Metric) Spread {
	return spread(slices.Collect(maps.Values(byRound(records, caseName, tool, metric))))
}

// advantage returns how many times better ours is than theirs: above 1, ours wins.
func (m Metric) advantage(ours, theirs float64) float64 {
	if m.HigherIsBetter {
		return ours / theirs
	}
	return theirs / ours
}

// Disagreement is a parameter whose posterior means differ between two tools by more than Monte Carlo error allows: they
// did not sample the same posterior, so their speeds must not be compared.
type Disagreement struct {
	Case, Parameter, Tool, Other string
	Round                        int
	StandardErrors               float64
}

// allowedErrors is how many standard errors of a difference two means may lie apart. At 6, a normal difference is beyond
// it once in 5e8; the ESS itself is an estimate, for which the rest of the room is.
const allowedErrors = 6

// disagreements compares, within each case and round, every tool's posterior means with those of the first tool.
func disagreements(records []Record) []Disagreement {
	var found []Disagreement
	for i, r := range records {
		first := slices.IndexFunc(records[:i], func(o Record) bool { return o.Case == r.Case && o.Round == r.Round })
		if first < 0 {
			continue
		}
		for name, ours := range r.Posterior {
			theirs, ok := records[first].Posterior[name]
			if !ok {
				continue
			}
			errors := math.Abs(ours.Mean-theirs.Mean) / math.Sqrt(ours.SD*ours.SD/ours.ESS+theirs.SD*theirs.SD/theirs.ESS)
			if !(errors <= allowedErrors) {
				found = append(found, Disagreement{r.Case, name, r.Tool, records[first].Tool, r.Round, errors})
			}
		}
	}
	return found
}
