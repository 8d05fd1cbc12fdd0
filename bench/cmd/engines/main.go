// Command engines runs models on wasm, on XLA for CPUs and as --engine auto chooses, in turn, and says how auto compares with the
// better of the two.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	o := options{out: os.Stdout, log: os.Stderr}
	flag.IntVar(&o.rounds, "rounds", 3, "how often each engine runs a case, in turn with the others")
	flag.StringVar(&o.models, "models", "", "comma-separated models (default: all)")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 {
		fmt.Fprintln(os.Stderr, "engines: it takes no arguments but flags, and at least one round")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds   int
	models   string
	out, log io.Writer
}

// allowed is how much slower than the better engine auto may be.
const allowed = 1.1

// setting is a run that is timed from the start of its process to its end.
type setting struct {
	model                 string
	chains, warmup, draws int
}

func (s setting) String() string {
	return fmt.Sprintf("%s, %d × (%d + %d)", s.model, s.chains, s.warmup, s.draws)
}

// settings are small and large models with few and many chains.
var settings = []setting{
	{"eight-schools", 1, 1000, 1000}, {"eight-schools", 4, 1000, 1000}, {"eight-schools", 64, 500, 2000}, {"eight-schools", 1024, 300, 500},
	{"radon", 4, 1000, 1000}, {"radon", 64, 300, 300},
	{"gp", 4, 300, 300},
	{"logistic-regression", 1, 100, 100}, {"logistic-regression", 4, 100, 100}, {"logistic-regression", 64, 60, 40},
}

// engines are compared in this order; auto is the last.
var engines = []string{"wasm", "xla:cpu", "auto"}

// run builds drey, times it and prints the table. It fails where auto is too slow.
func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "drey-engines-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "drey"), "./cmd/drey")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build, which wants the repository's root and gcc: %w\n%s", err, out)
	}
	fmt.Fprintf(o.out, "| run | wasm, s | xla:cpu, s | auto, s | auto is | auto / the better |\n|%s\n", strings.Repeat(" --- |", 6))
	slow := 0
	for _, s := range settings {
		if o.models != "" && !slices.Contains(strings.Split(o.models, ","), s.model) {
			continue
		}
		ratio, err := s.compare(ctx, o, dir)
		if err != nil {
			return err
		}
		if ratio > allowed {
			slow++
		}
	}
	if slow > 0 {
		return fmt.Errorf("auto was slower than %g times the better engine in %d of the runs", allowed, slow)
	}
	return nil
}

// compare times a setting and prints its line; the ratio is of medians.
func (s setting) compare(ctx context.Context, o options, dir string) (ratio float64, err error) {
	times := make([][]float64, len(engines))
	choice := ""
	for round := range o.rounds {
		for i := range engines {
			k := (i + round) % len(engines) // a machine that slows down favours none
			seconds, said, err := s.time(ctx, dir, engines[k], round)
			if err != nil {
				return 0, err
			}
			times[k] = append(times[k], seconds)
			if said != "" {
				choice = said
			}
			fmt.Fprintf(o.log, "round %d, %s, %s: %.2f s\n", round+1, s, engines[k], seconds)
		}
	}
	var medians []float64
	for _, t := range times {
		slices.Sort(t)
		medians = append(medians, t[len(t)/2])
	}
	ratio = medians[2] / min(medians[0], medians[1])
	fmt.Fprintf(o.out, "| %s | %.2f | %.2f | %.2f | %s | %.2f |\n", s, medians[0], medians[1], medians[2], choice, ratio)
	return ratio, nil
}

// time runs drey once and returns its wall time and what auto has chosen.
func (s setting) time(ctx context.Context, dir, engine string, seed int) (seconds float64, choice string, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "drey"), "run", s.model, "--chains", strconv.Itoa(s.chains), "--warmup", strconv.Itoa(s.warmup),
		"--draws", strconv.Itoa(s.draws), "--engine", engine, "--seed", strconv.Itoa(seed), "--out", filepath.Join(dir, "run"), "--overwrite")
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	seconds = time.Since(begin).Seconds()
	if err != nil {
		return 0, "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	if _, rest, ok := strings.Cut(string(out), "engine auto: "); ok {
		choice, _, _ = strings.Cut(rest, " ")
		choice = strings.TrimRight(choice, ":,")
	}
	return seconds, choice, nil
}
