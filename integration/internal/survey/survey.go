// Package survey is what the commands have in common that sample many models in several ways and print a table.
package survey

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"sync"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Main is the main function of a command: it parses the command line, measures until interrupted, and prints. It exits with status 2 for
// wrong use and 1 for any other error.
func Main[Settings, Result any](
	name string,
	parse func(args []string) (Settings, []Target, error),
	measure func(Settings, context.Context, []Target) ([]Result, error),
	print func(Settings, io.Writer, []Result) error,
) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s, targets, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	results, err := measure(s, ctx, targets)
	if err == nil {
		err = print(s, os.Stdout, results)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Target is a posterior to sample.
type Target struct {
	Name   string
	Config func(seed uint64) sampling.Config
	Model  func() (*model.Model, error)
}

// Example returns the target of a model with its data, in f64.
func Example[D any](name string, fn func(*model.Context, D), data func() (model.Data, error)) Target {
	return Target{name, sampling.DefaultConfig, func() (*model.Model, error) {
		d, err := data()
		if err != nil {
			return nil, err
		}
		return model.New(name, tensor.F64, fn, d)
	}}
}

// Matching returns the targets whose names match a regular expression, which comes from the flag -models. None is an error.
func Matching(targets []Target, pattern string) ([]Target, error) {
	name, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("-models: %w", err)
	}
	var chosen []Target
	for _, t := range targets {
		if name.MatchString(t.Name) {
			chosen = append(chosen, t)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-models %q: no model has such a name", pattern)
	}
	return chosen, nil
}

// Check returns an error if arguments are left, or a flag of integers is less than the least value given for it.
func Check(flags *flag.FlagSet, least map[string]int) (err error) {
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	flags.VisitAll(func(f *flag.Flag) {
		if n, ok := least[f.Name]; ok && err == nil && f.Value.(flag.Getter).Get().(int) < n {
			err = fmt.Errorf("-%s %v: want at least %d", f.Name, f.Value, n)
		}
	})
	return err
}

// Run runs jobs, so many at a time. It returns the error of the first that fails, after which the others are passed over, or why ctx ended.
func Run(ctx context.Context, workers int, jobs []func() error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan func() error)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for job := range next {
				if err := job(); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, job := range jobs {
		select {
		case next <- job:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// Position returns the elements of a model's latent and auxiliary sites, and the length of its position.
func Position(m *model.Model) ([]sampling.Quantity, int, error) {
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		return nil, 0, err
	}
	var out []sampling.Quantity
	for _, site := range b.Manifest.Kept() {
		if site.UnconstrainedSize == 0 {
			continue
		}
		for e := range tensor.NumElements(site.Shape) {
			out = append(out, sampling.Quantity{Name: fmt.Sprintf("%s[%d]", site.Name, e), Site: site.Name, Element: e})
		}
	}
	if len(out) == 0 {
		return nil, 0, errors.New("no site has a part of the position")
	}
	return out, b.Manifest.Dimension, nil
}
