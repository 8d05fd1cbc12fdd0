package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
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
func (s settings) measure(ctx context.Context, models []target) ([]result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]result, len(models))
	jobs := make(chan func() error)
	var wg sync.WaitGroup
	for range s.workers {
		wg.Go(func() {
			for job := range jobs {
				if err := job(); err != nil {
					cancel(err)
				}
			}
		})
	}
	var mu sync.Mutex // guards s.progress
	for i, t := range models {
		results[i].name = t.name
		for mode := range modes {
			results[i].figures[mode] = make([][]figures, len(warmups))
			for w := range warmups {
				results[i].figures[mode][w] = make([]figures, s.seeds)
				for seed := range s.seeds {
					job := func() error {
						f, err := s.run(t, mode == 1, warmups[w], uint64(seed+1))
						if err != nil {
							return fmt.Errorf("%s, %s, warmup %d, seed %d: %w", t.name, modes[mode], warmups[w], seed+1, err)
						}
						results[i].figures[mode][w][seed] = f
						mu.Lock()
						defer mu.Unlock()
						fmt.Fprintf(s.progress, "%s %s warmup %d seed %d: ESS a gradient %.4g, %d gradients of warmup, %d divergences, R-hat %.3f\n",
							t.name, modes[mode], warmups[w], seed+1, f.efficiency, f.warmup, f.divergences, f.rhat)
						return nil
					}
					select {
					case jobs <- job:
					case <-ctx.Done():
					}
				}
			}
		}
	}
	close(jobs)
	wg.Wait()
	return results, context.Cause(ctx)
}

// run samples a target once.
func (s settings) run(t target, pooled bool, warmup int, seed uint64) (f figures, err error) {
	m, err := t.model()
	if err != nil {
		return f, err
	}
	cfg := t.config(seed)
	cfg.Chain.Warmup, cfg.Chain.Metric, cfg.WholeWarmup = warmup, adapt.DefaultAdaptation().Metric, true
	cfg.Chains, cfg.Draws, cfg.MostDraws = s.chains, s.draws, s.draws
	cfg.Needs = sampling.Precision{RHat: math.Inf(1)} // so many draws, however good
	if pooled {
		cfg.Chain.Pooled, cfg.Chain.Superchain = true, adapt.SuperchainSize(s.chains)
	}
	quantities, err := positionElements(m)
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

// positionElements returns the elements of a model's latent and auxiliary sites.
func positionElements(m *model.Model) ([]sampling.Quantity, error) {
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		return nil, err
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
		return nil, errors.New("no site has a part of the position")
	}
	return out, nil
}
