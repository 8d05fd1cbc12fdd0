package main

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/integration/internal/survey"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/diag"
)

// modes are the two that are compared.
var modes = [2]string{"per chain", "pooled"}

// figures are what one run gave.
type figures struct {
	efficiency  float64 // least bulk ESS a gradient of sampling
	warmup      int64   // gradients before
	divergences int64   // of sampling
	rhat        float64 // the largest
}

// result is what a model gave: by mode, warmup and seed.
type result struct {
	name    string
	figures [len(modes)][][]figures
}

// measure runs every target with every mode, warmup and seed, some at a time, and returns the results in the order of targets.
func (s settings) measure(ctx context.Context, models []survey.Target) ([]result, error) {
	results := make([]result, len(models))
	var mu sync.Mutex // guards s.progress
	var jobs []func() error
	for i, t := range models {
		results[i].name = t.Name
		for mode := range modes {
			for _, warmup := range warmups {
				cell := make([]figures, s.seeds)
				results[i].figures[mode] = append(results[i].figures[mode], cell)
				for seed := range cell {
					jobs = append(jobs, func() error {
						f, err := s.run(t, mode == 1, warmup, uint64(seed+1))
						if err != nil {
							return fmt.Errorf("%s, %s, warmup %d, seed %d: %w", t.Name, modes[mode], warmup, seed+1, err)
						}
						cell[seed] = f
						mu.Lock()
						defer mu.Unlock()
						fmt.Fprintf(s.progress, "%s %s warmup %d seed %d: ESS a gradient %.4g, %d gradients of warmup, %d divergences, R-hat %.3f\n",
							t.Name, modes[mode], warmup, seed+1, f.efficiency, f.warmup, f.divergences, f.rhat)
						return nil
					})
				}
			}
		}
	}
	err := survey.Run(ctx, s.workers, jobs)
	return results, err
}

// run samples a target once.
func (s settings) run(t survey.Target, pooled bool, warmup int, seed uint64) (f figures, err error) {
	m, err := t.Model()
	if err != nil {
		return f, err
	}
	cfg := t.Config(seed)
	cfg.Chain.Warmup, cfg.Chain.Metric, cfg.WholeWarmup = warmup, adapt.DefaultAdaptation().Metric, true
	cfg.Chains, cfg.Draws, cfg.MostDraws = s.chains, s.draws, s.draws
	cfg.Needs = sampling.Precision{RHat: math.Inf(1)} // so many draws, however good
	if pooled {
		cfg.Chain.Pooled, cfg.Chain.Superchain = true, adapt.SuperchainSize(s.chains)
	}
	quantities, _, err := survey.Position(m)
	if err != nil {
		return f, err
	}
	r, err := sampling.Sample(m, cfg, quantities)
	if err != nil {
		return f, err
	}
	f = figures{efficiency: r.LeastESS / float64(r.Leapfrogs), warmup: r.Warmup, divergences: r.Divergences}
	for _, x := range r.Draws {
		f.rhat = max(f.rhat, diag.RHat(x))
	}
	return f, nil
}
