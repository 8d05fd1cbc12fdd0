// Command pooling compares pooled warmup with that of chains on their own: how long warmup has to be until sampling is as efficient as
// after a long one. It prints the tables of docs/warmup.md.
package main

import (
	"flag"
	"io"
	"os"
	"runtime"

	"github.com/drey-sampler/drey/integration/internal/survey"
)

func main() { survey.Main("pooling", parse, settings.measure, settings.print) }

// settings say what is run.
type settings struct {
	seeds    int
	chains   int
	draws    int // of each chain
	workers  int
	progress io.Writer // gets a line a run
}

// warmups are the lengths that are compared; the last one stands for a warmup that is long enough.
var warmups = []int{50, 100, 200, 400, 800, 1600, 3200}

// parse reads the command line and returns the targets it names.
func parse(args []string) (settings, []survey.Target, error) {
	s := settings{workers: runtime.GOMAXPROCS(0), progress: os.Stderr}
	flags := flag.NewFlagSet("pooling", flag.ContinueOnError)
	pattern := flags.String("models", "", "regular expression of the names of models; all where empty")
	flags.IntVar(&s.seeds, "seeds", 10, "runs of each model, warmup and mode, with seeds 1, 2, …")
	flags.IntVar(&s.chains, "chains", 64, "chains of a run, at least 16")
	flags.IntVar(&s.draws, "draws", 200, "draws of a chain")
	if err := flags.Parse(args); err != nil {
		return s, nil, err
	}
	if err := survey.Check(flags, map[string]int{"seeds": 1, "chains": 16, "draws": 4}); err != nil {
		return s, nil, err
	}
	chosen, err := survey.Matching(targets(), *pattern)
	return s, chosen, err
}
