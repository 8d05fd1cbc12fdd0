package main

import (
	"fmt"
	"slices"
	"strings"
)

// Programs that a tool runs: drey's own sampler under measurement, drey's command as a user types it, and the peers.
const (
	programDrey    = "dreybench"
	programCommand = "drey"
	programNutpie  = "nutpie"
	programNumPyro = "numpyro"
)

// Tool is one way of sampling a case: a program with a number of chains and how it runs them.
type Tool struct {
	Name    string // unique within the case: the row of the table
	Program string // one of the constants above
	Chains  int
	Method  string // NumPyro's chain_method; "" for the other programs
	Lengths [2]int // draws per chain of the two runs; zero in a case from start to summary
}

// Case is a model, where it may run, and the tools that are compared on it.
type Case struct {
	Name           string // the heading of its table
	Model          string // a name of examples/
	StartToSummary bool   // one cold run on all cores, timed from process start; else two lengths on one core
	Warmup, Draws  int    // per chain; Draws in a case from start to summary only
	Shorten        int    // what -quick divides the lengths by: the slower a leapfrog, the less, else noise is all there is
	Tools          []Tool
}

// plan returns the comparison in the order in which it runs. Two lengths differ by at least 100,000 draws of eight
// schools over all chains, and elsewhere by what takes the peers as long as the warmup that nutpie runs each time, or longer.
func plan() []Case {
	return []Case{
		{Name: "eight-schools", Model: "eight-schools", Warmup: 1000, Shorten: 10, Tools: []Tool{
			{Name: "drey", Program: programDrey, Chains: 1, Lengths: [2]int{100_000, 400_000}},
			{Name: "nutpie", Program: programNutpie, Chains: 1, Lengths: [2]int{50_000, 150_000}},
			{Name: "numpyro", Program: programNumPyro, Chains: 1, Method: "sequential", Lengths: [2]int{50_000, 150_000}},
			{Name: "numpyro-64", Program: programNumPyro, Chains: 64, Method: "vectorized", Lengths: [2]int{1_000, 2_600}},
			{Name: "numpyro-1024", Program: programNumPyro, Chains: 1024, Method: "vectorized", Lengths: [2]int{50, 150}},
		}},
		{Name: "radon", Model: "radon", Warmup: 1000, Shorten: 10, Tools: oneChain([2]int{5_000, 25_000})},
		{Name: "gp", Model: "gp", Warmup: 1000, Shorten: 3, Tools: oneChain([2]int{500, 4_500})},
		{Name: "logistic-regression", Model: "logistic-regression", Warmup: 1000, Shorten: 3, Tools: oneChain([2]int{200, 1_700})},
		{Name: "start-to-summary", Model: "eight-schools", StartToSummary: true, Warmup: 1000, Draws: 1000, Tools: []Tool{
			{Name: "drey", Program: programCommand, Chains: 4},
			{Name: "nutpie", Program: programNutpie, Chains: 4},
			{Name: "numpyro-parallel", Program: programNumPyro, Chains: 4, Method: "parallel"},
			{Name: "numpyro-vectorized", Program: programNumPyro, Chains: 4, Method: "vectorized"},
		}},
	}
}

// oneChain returns the three tools with one chain each and the same two lengths.
func oneChain(lengths [2]int) []Tool {
	return []Tool{
		{Name: "drey", Program: programDrey, Chains: 1, Lengths: lengths},
		{Name: "nutpie", Program: programNutpie, Chains: 1, Lengths: lengths},
		{Name: "numpyro", Program: programNumPyro, Chains: 1, Method: "sequential", Lengths: lengths},
	}
}

// selectCases keeps the cases named in models and, of their tools, those whose name or program is named in only; an empty
// list keeps all. A name that nothing has is an error that lists what there is.
func selectCases(cases []Case, models, only []string) ([]Case, error) {
	var kept []Case
	names, tools := []string{}, []string{}
	for _, c := range cases {
		names = append(names, c.Name)
		var keptTools []Tool
		for _, tool := range c.Tools {
			tools = append(tools, tool.Name, tool.Program)
			if len(only) == 0 || slices.Contains(only, tool.Name) || slices.Contains(only, tool.Program) {
				keptTools = append(keptTools, tool)
			}
		}
		if len(keptTools) > 0 && (len(models) == 0 || slices.Contains(models, c.Name)) {
			c.Tools = keptTools
			kept = append(kept, c)
		}
	}
	if err := known("-models", models, names); err != nil {
		return nil, err
	}
	if err := known("-only", only, tools); err != nil {
		return nil, err
	}
	return kept, nil
}

func known(flag string, asked, names []string) error {
	for _, name := range asked {
		if !slices.Contains(names, name) {
			slices.Sort(names)
			return fmt.Errorf("%s: nothing is called %q: one of %s", flag, name, strings.Join(slices.Compact(names), ", "))
		}
	}
	return nil
}

// quick returns the cases with a part of the draws and 300 warmup draws, enough to see that all of it works. The case
// from start to summary stays as it is: its length is part of what it says.
func quick(cases []Case) []Case {
	for i := range cases {
		if cases[i].StartToSummary {
			continue
		}
		cases[i].Warmup = 300
		for j := range cases[i].Tools {
			for k := range cases[i].Tools[j].Lengths {
				cases[i].Tools[j].Lengths[k] /= cases[i].Shorten
			}
		}
	}
	return cases
}
