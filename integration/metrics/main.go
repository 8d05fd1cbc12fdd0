// Command metrics samples the posteriors of integration/posteriors and the examples with each diagonal metric, and prints
// which one has the larger least effective sample size a leapfrog step, as the table of docs/metric.md.
package main

import (
	"flag"
	"io"
	"os"
	"runtime"

	"github.com/drey-sampler/drey/integration/internal/survey"
)

func main() { survey.Main("metrics", parse, settings.measure, settings.print) }

// settings say what is run.
type settings struct {
	seeds         int
	chains        int
	warmup, draws int // of each chain
	workers       int
	progress      io.Writer // gets a line a run
}

// parse reads the command line and returns the targets it names.
func parse(args []string) (settings, []survey.Target, error) {
	s := settings{workers: runtime.GOMAXPROCS(0), progress: os.Stderr}
	flags := flag.NewFlagSet("metrics", flag.ContinueOnError)
	pattern := flags.String("models", "", "regular expression of the names of models; all where empty")
	flags.IntVar(&s.seeds, "seeds", 3, "runs of each model and metric, with seeds 1, 2, …")
	flags.IntVar(&s.chains, "chains", 4, "chains of a run, at least 2")
	flags.IntVar(&s.warmup, "warmup", 1000, "warmup transitions of a chain")
	flags.IntVar(&s.draws, "draws", 1000, "draws of a chain")
	if err := flags.Parse(args); err != nil {
		return s, nil, err
	}
	if err := survey.Check(flags, map[string]int{"seeds": 1, "chains": 2, "warmup": 0, "draws": 4}); err != nil {
		return s, nil, err
	}
	chosen, err := survey.Matching(targets(), *pattern)
	return s, chosen, err
}
