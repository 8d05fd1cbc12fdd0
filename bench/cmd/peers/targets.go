package main

import (
	"maps"
	"slices"
)

// Target says how many times better than the best of some peers drey has to be by one metric of one case.
type Target struct {
	Case    string
	Metric  Metric
	Against []string // names of tools; the best of them counts
	AtLeast float64
}

// targets are what the project promises of its speed; bench/README.md says why these.
func targets() []Target {
	return append([]Target{
		{"eight-schools", microsPerLeapfrog, []string{"nutpie"}, 8},
		{"eight-schools", microsPerLeapfrog, []string{"numpyro"}, 30},
		{"eight-schools", microsPerLeapfrog, []string{"numpyro", "numpyro-64", "numpyro-1024"}, 5},
		{"eight-schools", essPerSecond, []string{"nutpie"}, 6},
		{"eight-schools", essPerLeapfrog, []string{"numpyro", "nutpie"}, 0.9},
		{"radon", microsPerLeapfrog, []string{"nutpie"}, 2.5},
		{"gp", microsPerLeapfrog, []string{"numpyro", "nutpie"}, 1.5},
		// Within 5 % of the better peer.
		{"logistic-regression", microsPerLeapfrog, []string{"numpyro", "nutpie"}, 1 / 1.05},
		{"start-to-summary", secondsTotal, []string{"numpyro-parallel", "numpyro-vectorized", "nutpie"}, 20},
	}, xlaTargets()...)
}

// xlaTargets are those of XLA on both sides, against NumPyro's vectorised chains in the same precision.
func xlaTargets() []Target {
	var out []Target
	for _, precision := range []string{"f32", "f64"} {
		for _, t := range []struct {
			model   string
			chains  int
			atLeast float64
		}{{"eight-schools", 1, 1}, {"eight-schools", 64, 1.3}, {"eight-schools", 1024, 2.5}, {"radon", 64, 1}} {
			name := xlaCase(t.model, t.chains, precision)
			out = append(out, Target{name, microsPerLeapfrog, []string{"numpyro"}, t.atLeast}, Target{name, essPerLeapfrog, []string{"numpyro"}, 0.9})
		}
	}
	return out
}

// Outcome is a target with what was measured.
type Outcome struct {
	Target
	Measured bool    // drey and every tool of Against ran
	Ratio    float64 // of the medians, drey against the best of Against
	Min, Max float64 // of the same ratio within each round
}

// Met reports whether the ratio of medians reaches the target.
func (o Outcome) Met() bool { return o.Measured && o.Ratio >= o.AtLeast }

// outcome compares drey with the best peer by medians over the rounds, and in each round that all of them finished.
func (t Target) outcome(records []Record) Outcome {
	result := Outcome{Target: t}
	drey := over(records, t.Case, "drey", t.Metric)
	if drey.N == 0 {
		return result
	}
	ours := byRound(records, t.Case, "drey", t.Metric) // loses the rounds that a peer did not finish
	perRound := map[int]float64{}                      // the least advantage in each round, over the peers so far
	for i, peer := range t.Against {
		theirs := over(records, t.Case, peer, t.Metric)
		if theirs.N == 0 {
			return result
		}
		ratio := t.Metric.advantage(drey.Median, theirs.Median)
		if i == 0 || ratio < result.Ratio {
			result.Ratio = ratio
		}
		values := byRound(records, t.Case, peer, t.Metric)
		for round, value := range ours {
			theirs, ok := values[round]
			if !ok {
				delete(ours, round)
				delete(perRound, round)
				continue
			}
			ratio := t.Metric.advantage(value, theirs)
			if least, ok := perRound[round]; !ok || ratio < least {
				perRound[round] = ratio
			}
		}
	}
	s := spread(slices.Collect(maps.Values(perRound)))
	result.Measured, result.Min, result.Max = true, s.Min, s.Max
	return result
}
