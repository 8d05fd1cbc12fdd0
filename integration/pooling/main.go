// Command pooling compares pooled warmup with that of chains on their own: how long warmup has to be until sampling is as efficient as
// after a long one. It prints the tables of docs/warmup.md.
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
		fmt.Fprintln(os.Stderr, "pooling:", err)
		os.Exit(2)
	}
	results, err := s.measure(ctx, models)
	if err == nil {
		err = print(os.Stdout, s, results)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pooling:", err)
		os.Exit(1)
	}
}

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
func parse(args []string) (settings, []target, error) {
	s := settings{workers: runtime.GOMAXPROCS(0), progress: os.Stderr}
	flags := flag.NewFlagSet("pooling", flag.ContinueOnError)
	pattern := flags.String("models", "", "regular expression of the names of models; all where empty")
	flags.IntVar(&s.seeds, "seeds", 10, "runs of each model, warmup and mode, with seeds 1, 2, …")
	flags.IntVar(&s.chains, "chains", 64, "chains of a run, at least 16")
	flags.IntVar(&s.draws, "draws", 200, "draws of a chain")
	if err := flags.Parse(args); err != nil {
		return s, nil, err
	}
	switch {
	case flags.NArg() > 0:
		return s, nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.seeds < 1:
		return s, nil, fmt.Errorf("-seeds %d: want at least 1", s.seeds)
	case s.chains < 16:
		return s, nil, fmt.Errorf("-chains %d: want at least 16", s.chains)
	case s.draws < 4:
		return s, nil, fmt.Errorf("-draws %d: want at least 4", s.draws)
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
