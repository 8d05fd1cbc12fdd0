package main

import (
	"fmt"
	"slices"
	"strings"
)

// Programs that a tool runs: drey's own sampler under measurement, drey's command as a user types it, and the peers.
const (
	programDrey    = "dreybench"
	programXLA     = "dreybench-xla" // the same, built with cgo, on XLA for CPUs
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
	XLA            bool   // both tools on XLA for CPUs, all chains in one program
	Precision      string
	Warmup, Draws  int // per chain; Draws in a case from start to summary only
	Shorten        int // what -quick divides the lengths by: the slower a leapfrog, the less, else noise is all there is
	Tools          []Tool
}

// plan returns the comparison in the order in which it runs. Two lengths differ by at least 100,000 draws of eight
// schools over all chains, and elsewhere by what takes the peers as long as the warmup that nutpie runs each time, or longer.
func plan() []Case {
	return append(ownEngines(), xlaCases()...)
}

// ownEngines returns the cases in which each tool runs on what it takes by itself.
func ownEngines() []Case {
	return []Case{
		{Name: "eight-schools", Precision: "f64", Model: "eight-schools", Warmup: 1000, Shorten: 10, Tools: []Tool{
			{Name: "drey", Program: programDrey, Chains: 1, Lengths: [2]int{100_000, 400_000}},
			{Name: "nutpie", Program: programNutpie, Chains: 1, Lengths: [2]int{50_000, 150_000}},
			{Name: "numpyro", Program: programNumPyro, Chains: 1, Method: "sequential", Lengths: [2]int{50_000, 150_000}},
			{Name: "numpyro-64", Program: programNumPyro, Chains: 64, Method: "vectorized", Lengths: [2]int{1_000, 2_600}},
			{Name: "numpyro-1024", Program: programNumPyro, Chains: 1024, Method: "vectorized", Lengths: [2]int{50, 150}},
		}},
		{Name: "radon", Precision: "f64", Model: "radon", Warmup: 1000, Shorten: 10, Tools: oneChain([2]int{5_000, 25_000})},
		{Name: "gp", Precision: "f64", Model: "gp", Warmup: 1000, Shorten: 3, Tools: oneChain([2]int{500, 4_500})},
		{Name: "logistic-regression", Precision: "f64", Model: "logistic-regression", Warmup: 1000, Shorten: 3, Tools: oneChain([2]int{200, 1_700})},
		{Name: "start-to-summary", Precision: "f64", Model: "eight-schools", StartToSummary: true, Warmup: 1000, Draws: 1000, Tools: []Tool{
			{Name: "drey", Program: programCommand, Chains: 4},
			{Name: "nutpie", Program: programNutpie, Chains: 4},
			{Name: "numpyro-parallel", Program: programNumPyro, Chains: 4, Method: "parallel"},
			{Name: "numpyro-vectorized", Program: programNumPyro, Chains: 4, Method: "vectorized"},
		}},
	}
}

// groupXLA is the name by which -models selects all cases on XLA.
const groupXLA = "xla"

// xlaCases returns the cases on XLA, in both precisions.
func xlaCases() []Case {
	var out []Case
	for _, precision := range []string{"f32", "f64"} {
		for _, c := range []struct {
			model         string
			chains        int
			drey, lengths [2]int // drey's are longer where those of NumPyro would take it a few hundredths of a second
		}{
			{"eight-schools", 1, [2]int{20_000, 220_000}, [2]int{2_000, 22_000}},
			{"eight-schools", 64, [2]int{2_000, 22_000}, [2]int{1_000, 5_000}},
			{"eight-schools", 1024, [2]int{50, 350}, [2]int{50, 350}},
			{"radon", 64, [2]int{50, 250}, [2]int{50, 250}},
		} {
			out = append(out, Case{
				Name: xlaCase(c.model, c.chains, precision), Model: c.model, XLA: true, Precision: precision, Warmup: 300, Shorten: 3,
				Tools: []Tool{
					{Name: "drey", Program: programXLA, Chains: c.chains, Lengths: c.drey},
					{Name: "numpyro", Program: programNumPyro, Chains: c.chains, Method: "vectorized", Lengths: c.lengths},
				},
			})
		}
	}
	return out
}

func xlaCase(model string, chains int, precision string) string {
	return fmt.Sprintf("%s-%s-%d-%s", groupXLA, model, chains, precision)
}

// oneChain returns the three tools with one chain each and the same two lengths.
func oneChain(lengths [2]int) []Tool {
	return []Tool{
		{Name: "drey", Program: programDrey, Chains: 1, Lengths: lengths},
		{Name: "nutpie", Program: programNutpie, Chains: 1, Lengths: lengths},
		{Name: "numpyro", Program: programNumPyro, Chains: 1, Method: "sequential", Lengths: lengths},
	}
}

// selectCases keeps the cases named in models (groupXLA names all of XLA) and, of their tools, those whose name or program is named in only; an empty
// list keeps all. A name that nothing has is an error that lists what there is.
func selectCases(cases []Case, models, only []string) ([]Case, error) {
	var kept []Case
	names, tools := []string{groupXLA}, []string{}
	for _, c := range cases {
		names = append(names, c.Name)
		var keptTools []Tool
		for _, tool := range c.Tools {
			tools = append(tools, tool.Name, tool.Program)
			if len(only) == 0 || slices.Contains(only, tool.Name) || slices.Contains(only, tool.Program) {
				keptTools = append(keptTools, tool)
			}
		}
		if len(keptTools) > 0 && (len(models) == 0 || slices.Contains(models, c.Name) || c.XLA && slices.Contains(models, groupXLA)) {
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
