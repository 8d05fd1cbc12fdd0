package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
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
func (s settings) measure(ctx context.Context, models []target) ([]result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]result, len(models))
	var mu sync.Mutex // guards results
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
	for i, t := range models {
		for k, metric := range metrics {
			for seed := range s.seeds {
				job := func() error {
					d, f, err := s.run(t, metric, uint64(seed+1))
					if err != nil {
						return fmt.Errorf("%s, %s, seed %d: %w", t.name, metric, seed+1, err)
					}
					mu.Lock()
					defer mu.Unlock()
					results[i].name, results[i].dimension = t.name, d
					results[i].figures[k].add(f)
					fmt.Fprintf(s.progress, "%s %s seed %d: ESS %.0f, %d + %d leapfrogs, %d divergences\n", t.name, metric, seed+1, f.ess, f.warmup, f.leapfrogs, f.divergences)
					return nil
				}
				select {
				case jobs <- job:
				case <-ctx.Done():
				}
			}
		}
	}
	close(jobs)
	wg.Wait()
	return results, context.Cause(ctx)
}

// run samples a target once. Its ESS is the least of all elements of the sites that have a part of the position.
func (s settings) run(t target, metric adapt.MetricKind, seed uint64) (dimension int, f figures, err error) {
	m, err := t.model()
	if err != nil {
		return 0, f, err
	}
	cfg := t.config(seed)
	cfg.Chain.Metric, cfg.Chain.Warmup = metric, s.warmup
	cfg.Chains, cfg.Draws, cfg.MostDraws = s.chains, s.draws, s.draws
	cfg.Needs = sampling.Precision{RHat: math.Inf(1)} // so many draws, however good
	quantities, dimension, err := positionElements(m, cfg)
	if err != nil {
		return 0, f, err
	}
	r, err := sampling.Sample(m, cfg, quantities)
	if err != nil {
		return 0, f, err
	}
	return dimension, figures{r.LeastESS, r.Leapfrogs, r.Warmup, r.Divergences}, nil
}

// positionElements returns the elements of a model's latent and auxiliary sites, and the length of its position.
func positionElements(m *model.Model, cfg sampling.Config) ([]sampling.Quantity, int, error) {
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
