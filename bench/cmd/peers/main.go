// Command peers measures drey, NumPyro and nutpie in turn on the same models, data and cores, and compares them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.models, "models", "", "comma-separated cases to run (default: all)")
	flag.StringVar(&o.only, "only", "", "comma-separated tools or programs to run (default: all)")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each tool runs, in turn with the others")
	flag.BoolVar(&o.quick, "quick", false, "one round of short runs, to see that it works")
	flag.StringVar(&o.singleCore, "core", "", "the core that one-core runs are pinned to (default: the last that may be used)")
	flag.StringVar(&o.allCores, "cores", "", "the cores of start-to-summary runs, as a taskset list (default: all that may be used)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		var usage usageError
		if errors.As(err, &usage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

type options struct {
	models, only         string // comma-separated
	rounds               int
	quick                bool
	singleCore, allCores string // taskset lists; "" chooses
}

// usageError is a wrong use of the command: exit status 2.
type usageError struct{ error }

// run measures all cases, prints the tables, and writes them under bench/out after every round, so that an
// interrupted comparison keeps what it has. It fails where a tool failed or two tools' posteriors differ, and, with peers
// in DREY_REQUIRE, where a tool was skipped.
func run(ctx context.Context, o options) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if _, err := os.Stat("bench/peers/requirements.txt"); err != nil {
		return usageError{errors.New("run it from the repository's root")}
	}
	cases, err := selectCases(plan(), list(o.models), list(o.only))
	if err != nil {
		return usageError{err}
	}
	if o.rounds < 1 || len(cases) == 0 || flag.NArg() > 0 {
		return usageError{errors.New("needs at least one round, one case with one tool, and no arguments but flags")}
	}
	if o.quick {
		cases, o.rounds = quick(cases), 1
	}
	machine, err := thisMachine(o.singleCore, o.allCores)
	if err != nil {
		return err
	}
	b := &bench{root: root, out: filepath.Join(root, "bench", "out"), singleCore: machine.SingleCore, allCores: machine.AllCores}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	results := &Results{Machine: machine, Rounds: o.rounds, Quick: o.quick, Skipped: b.skipped(cases)}
	for program, reason := range results.Skipped {
		fmt.Fprintf(os.Stderr, "skipped: %s (%s)\n", program, reason)
	}
	return results.measureAll(ctx, b, cases)
}

// skipped returns those of b.missing that a case asks for.
func (b *bench) skipped(cases []Case) map[string]string {
	asked := map[string]string{}
	for _, c := range cases {
		for _, tool := range c.Tools {
			if reason, missing := b.missing[tool.Program]; missing {
				asked[tool.Program] = reason
			}
		}
	}
	return asked
}

func (r *Results) measureAll(ctx context.Context, b *bench, cases []Case) error {
	var text string
	for round := range r.Rounds {
		for _, c := range cases {
			r.measureCase(ctx, b, c, round)
		}
		var err error
		if text, err = r.write(b.out, cases); err != nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Print(text)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted: what was measured is in bench/out")
	case len(r.Failures) > 0:
		return fmt.Errorf("%s failed", plural(len(r.Failures), "run"))
	case len(r.Disagreements) > 0:
		return errors.New("the tools' posteriors differ: they did not sample the same model")
	case len(r.Skipped) > 0 && slices.Contains(list(os.Getenv("DREY_REQUIRE")), "peers"):
		return errors.New("DREY_REQUIRE=peers: a tool was skipped")
	}
	return nil
}

// measureCase runs each tool of a case once. Every round starts with another tool, so that a machine that slows down or
// warms up favours none; the seed is the round, so that no tool's figures rest on one warmup.
func (r *Results) measureCase(ctx context.Context, b *bench, c Case, round int) {
	for i := range c.Tools {
		tool := c.Tools[(i+round)%len(c.Tools)]
		if _, missing := b.missing[tool.Program]; missing || ctx.Err() != nil {
			continue
		}
		start := time.Now()
		m, err := b.measure(ctx, c, tool, round)
		name := fmt.Sprintf("round %d, %s, %s", round+1, c.Name, tool.Name)
		if err != nil {
			if ctx.Err() == nil {
				r.Failures = append(r.Failures, fmt.Sprintf("%s: %v", name, err))
				fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			}
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %.1f s\n", name, time.Since(start).Seconds())
		r.Records = append(r.Records, Record{Case: c.Name, Tool: tool.Name, Round: round, Measurement: m})
	}
}

// list splits a comma-separated flag; "" is the empty list.
func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}
