// Command dreybench measures drey on one model and prints one JSON object; bench/README.md defines its keys.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"

	"github.com/drey-sampler/drey/bench"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "dreybench:", err)
		os.Exit(2)
	}
	result, err := s.measure(ctx)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dreybench:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	model          string
	chains, warmup int
	seed           uint64
	precision      string
	engine         string
	batch          int    // chains of a call of the engine; 0: as many as the runner takes
	rows           int    // of the logistic regression; 0: as many as the example has
	draws          int    // of the one run, where lengths are not given
	lengths        []int  // none, or two: draws per chain of two runs, the shorter one first
	repeat         string // the flag that lengths come from
}

// parse reads the command line.
func parse(args []string) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("dreybench", flag.ContinueOnError)
	flags.StringVar(&s.model, "model", "", "one of "+strings.Join(bench.Names(), ", "))
	flags.IntVar(&s.chains, "chains", 1, "chains")
	flags.IntVar(&s.warmup, "warmup", 1000, "warmup transitions of each chain")
	flags.IntVar(&s.draws, "draws", 1000, "draws of each chain, in a start-to-summary run")
	flags.StringVar(&s.repeat, "repeat-lengths", "", "A,B: two numbers of draws, to subtract fixed cost")
	flags.Uint64Var(&s.seed, "seed", 0, "seed")
	flags.StringVar(&s.precision, "precision", string(model.F64), "one of "+strings.Join(model.Precisions(), ", "))
	flags.StringVar(&s.engine, "engine", runner.EngineAuto, "one of "+strings.Join(runner.Engines(), ", "))
	flags.IntVar(&s.batch, "batch", 0, "chains that a call of the engine advances")
	flags.IntVar(&s.rows, "rows", 0, "rows of the data of logistic-regression")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if !slices.Contains(bench.Names(), s.model) {
		return nil, fmt.Errorf("--model %q: want one of %s", s.model, strings.Join(bench.Names(), ", "))
	}
	if s.rows < 0 || s.rows > 0 && s.model != "logistic-regression" {
		return nil, fmt.Errorf("--rows %d: want a positive number, and --model logistic-regression", s.rows)
	}
	if !slices.Contains(model.Precisions(), s.precision) {
		return nil, fmt.Errorf("--precision %q: want one of %s", s.precision, strings.Join(model.Precisions(), ", "))
	}
	var err error
	s.lengths, err = parseLengths(s.repeat)
	return s, err
}

// parseLengths reads "A,B" with 0 < A < B; "" is none.
func parseLengths(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	short, long, _ := strings.Cut(text, ",")
	a, err1 := strconv.Atoi(short)
	b, err2 := strconv.Atoi(long)
	if err1 != nil || err2 != nil || a < 1 || b <= a {
		return nil, fmt.Errorf("--repeat-lengths %q: want A,B with 0 < A < B", text)
	}
	return []int{a, b}, nil
}
