// Command metrics samples the posteriors of integration/posteriors and the examples with each diagonal metric, and prints
// which one has the larger least effective sample size a leapfrog step, as the table of docs/metric.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s, models, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "metrics:", err)
		os.Exit(2)
	}
	results, err := s.measure(ctx, models)
	if err == nil {
		err = s.print(os.Stdout, results)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "metrics:", err)
		os.Exit(1)
	}
}

// settings say what is run.
type settings struct {
	seeds         int
	chains        int
	warmup, draws int // of each chain
	workers       int
	progress      io.Writer // gets a line a run
}

// parse reads the command line and returns the targets it names.
func parse(args []string) (settings, []target, error) {
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
	if flags.NArg() > 0 {
		return s, nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	for _, n := range []struct {
		name         string
		value, least int
	}{{"seeds", s.seeds, 1}, {"chains", s.chains, 2}, {"warmup", s.warmup, 0}, {"draws", s.draws, 4}} {
		if n.value < n.least {
			return s, nil, fmt.Errorf("-%s %d: want at least %d", n.name, n.value, n.least)
		}
	}
	name, err := regexp.Compile(*pattern)
	if err != nil {
		return s, nil, fmt.Errorf("-models: %w", err)
	}
	var chosen []target
	for _, t := range targets() {
		if name.MatchString(t.name) {
			chosen = append(chosen, t)
		}
	}
	if len(chosen) == 0 {
		return s, nil, fmt.Errorf("-models %q: no model has such a name", *pattern)
	}
	return s, chosen, nil
}
