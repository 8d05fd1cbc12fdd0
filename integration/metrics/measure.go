package main

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/integration/internal/survey"
	"github.com/drey-sampler/drey/pkg/adapt"
)

// metrics are the two that are compared.
var metrics = [2]adapt.MetricKind{adapt.MetricDraws, adapt.MetricGradients}

// figures are what runs of one model under one metric gave, all seeds together.
type figures struct {
	ess         float64 // sum of the least bulk ESS of each run
	leapfrogs   int64   // of sampling
	warmup      int64   // leapfrogs before
	divergences int64   // of sampling
}

// add adds the figures of another run.
func (f *figures) add(g figures) {
	f.ess += g.ess
	f.leapfrogs, f.warmup, f.divergences = f.leapfrogs+g.leapfrogs, f.warmup+g.warmup, f.divergences+g.divergences
}

// efficiency returns the least bulk ESS a leapfrog step of sampling.
func (f figures) efficiency() float64 { return f.ess / float64(f.leapfrogs) }

// overall returns the least bulk ESS a leapfrog step of the whole run.
func (f figures) overall() float64 { return f.ess / float64(f.leapfrogs+f.warmup) }

// result is what a model gave.
type result struct {
	name      string
	dimension int
	figures   [len(metrics)]figures
}

// measure runs every target with every metric and seed, some at a time, and returns the results in the order of targets.
func (s settings) measure(ctx context.Context, models []survey.Target) ([]result, error) {
	results := make([]result, len(models))
	var mu sync.Mutex // guards results
	var jobs []func() error
	for i, t := range models {
		for k, metric := range metrics {
			for seed := range s.seeds {
				jobs = append(jobs, func() error {
					d, f, err := s.run(t, metric, uint64(seed+1))
					if err != nil {
						return fmt.Errorf("%s, %s, seed %d: %w", t.Name, metric, seed+1, err)
					}
					mu.Lock()
					defer mu.Unlock()
					results[i].name, results[i].dimension = t.Name, d
					results[i].figures[k].add(f)
					fmt.Fprintf(s.progress, "%s %s seed %d: ESS %.0f, %d + %d leapfrogs, %d divergences\n", t.Name, metric, seed+1, f.ess, f.warmup, f.leapfrogs, f.divergences)
					return nil
				})
			}
		}
	}
	err := survey.Run(ctx, s.workers, jobs)
	return results, err
}

// run samples a target once. Its ESS is the least of all elements of the sites that have a part of the position.
func (s settings) run(t survey.Target, metric adapt.MetricKind, seed uint64) (dimension int, f figures, err error) {
	m, err := t.Model()
	if err != nil {
		return 0, f, err
	}
	cfg := t.Config(seed)
	cfg.Chain.Metric, cfg.Chain.Warmup = metric, s.warmup
	cfg.Chains, cfg.Draws, cfg.MostDraws = s.chains, s.draws, s.draws
	cfg.Needs = sampling.Precision{RHat: math.Inf(1)} // so many draws, however good
	quantities, dimension, err := survey.Position(m)
	if err != nil {
		return 0, f, err
	}
	r, err := sampling.Sample(m, cfg, quantities)
	if err != nil {
		return 0, f, err
	}
	return dimension, figures{r.LeastESS, r.Leapfrogs, r.Warmup, r.Divergences}, nil
}
