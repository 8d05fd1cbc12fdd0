package main

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/drey-sampler/drey/bench"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
)

// Result is the JSON object. A pointer is nil, null in JSON, where the run does not measure that.
type Result struct {
	Tool        string    `json:"tool"`
	Version     string    `json:"version"`
	Model       string    `json:"model"`
	Precision   string    `json:"precision"`
	Chains      int       `json:"chains"`
	Warmup      int       `json:"warmup"`
	Seed        uint64    `json:"seed"`
	Lengths     []int     `json:"lengths"`
	Leapfrogs   []int64   `json:"leapfrogs"`
	Seconds     []float64 `json:"seconds"`
	Divergences int64     `json:"divergences"`

	MicrosPerLeapfrog *float64 `json:"us_per_leapfrog"`
	GradientMicros    *float64 `json:"gradient_us"`
	MinESSBulk        float64  `json:"min_ess_bulk"`
	MinESSPerLeapfrog float64  `json:"min_ess_per_leapfrog"`
	MinESSPerSecond   *float64 `json:"min_ess_per_second"`
	SecondsTotal      *float64 `json:"seconds_total"`
	CompileSeconds    float64  `json:"compile_seconds"` // of the first run's programs
	PeakRSSMB         *float64 `json:"peak_rss_mb"`

	Posterior map[string]Estimate `json:"posterior"`
}

// Estimate is what the draws say of a parameter.
type Estimate struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
	ESS  float64 `json:"ess"` // bulk
}

// measure makes the runs that the settings ask for.
func (s *settings) measure(ctx context.Context) (*Result, error) {
	m, err := s.load()
	if err != nil {
		return nil, err
	}
	r := &Result{Tool: "drey", Model: s.model, Precision: s.precision, Chains: s.chains, Warmup: s.warmup, Seed: s.seed}
	if len(s.lengths) == 0 {
		if err := s.sample(ctx, m, s.draws, true, r); err != nil {
			return nil, err
		}
		r.SecondsTotal = secondsSinceProcessStart()
		r.PeakRSSMB = peakRSSMB()
		return r, nil
	}
	for i, draws := range s.lengths {
		// What the first run leaves would spare the second one the system's work of giving it memory.
		debug.FreeOSMemory()
		if err := s.sample(ctx, m, draws, i == len(s.lengths)-1, r); err != nil {
			return nil, err
		}
	}
	if err := r.rates(); err != nil {
		return nil, err
	}
	if s.engine == runner.EngineAuto || s.engine == runner.EngineWasm {
		if r.GradientMicros, err = gradientMicros(m); err != nil {
			return nil, err
		}
	}
	r.PeakRSSMB = peakRSSMB()
	return r, nil
}

// load returns the model with its data.
func (s *settings) load() (*model.Model, error) {
	if s.rows > 0 {
		return bench.Regression(model.Precision(s.precision), s.rows)
	}
	return bench.Model(model.Precision(s.precision), s.model)
}

// sample makes one run in memory and, where it is the last one, takes its summary.
func (s *settings) sample(ctx context.Context, m *model.Model, draws int, last bool, r *Result) error {
	cfg := runner.DefaultConfig()
	cfg.Chains, cfg.Warmup, cfg.Draws, cfg.Seed = s.chains, s.warmup, draws, &s.seed
	cfg.Engine, cfg.Batch = s.engine, s.batch
	out, err := runner.Run(ctx, cfg, runner.Model{Model: m}, nil)
	if err != nil {
		if out != nil {
			err = errors.Join(err, out.Draws.Close())
		}
		return err
	}
	run := out.Draws.Run()
	if len(r.Lengths) == 0 {
		r.CompileSeconds = float64(run.Seconds.Compile)
	}
	r.Version = run.Versions.Drey + " (" + run.Versions.CodeGenerator + ", " + run.Versions.Go + ")"
	r.Lengths = append(r.Lengths, draws)
	r.Leapfrogs = append(r.Leapfrogs, run.Counts.Leapfrogs)
	r.Seconds = append(r.Seconds, float64(run.Seconds.Sampling))
	r.Divergences = run.Counts.Divergences
	if last {
		err = r.summarise(out.Draws)
	}
	return errors.Join(err, out.Draws.Close())
}

// summarise takes the figures of the model's own sites: latent and deterministic ones, auxiliaries left out.
func (r *Result) summarise(d runner.Draws) error {
	r.Posterior = map[string]Estimate{}
	first := true
	for _, site := range d.Run().Schema.Sites {
		if site.Kind == store.Auxiliary {
			continue
		}
		a, err := d.Site(site.Name, store.Sampling)
		if err != nil {
			return err
		}
		for i, name := range store.FlatNames(site) {
			draws, err := a.Element(i)
			if err != nil {
				return err
			}
			e := estimate(draws)
			r.Posterior[name] = e
			if first || e.ESS < r.MinESSBulk {
				r.MinESSBulk, first = e.ESS, false
			}
		}
	}
	r.MinESSPerLeapfrog = r.MinESSBulk / float64(r.Leapfrogs[len(r.Leapfrogs)-1])
	return nil
}

func estimate(draws [][]float64) Estimate {
	s := diag.Summarise(draws, 0.9)
	return Estimate{s.Mean, s.SD, s.ESSBulk}
}

// rates takes the fixed cost out of two runs.
func (r *Result) rates() error {
	leapfrogs := r.Leapfrogs[1] - r.Leapfrogs[0]
	if leapfrogs <= 0 {
		return errors.New("the longer run has no more leapfrogs than the shorter one")
	}
	micros := (r.Seconds[1] - r.Seconds[0]) / float64(leapfrogs) * 1e6
	perSecond := r.MinESSPerLeapfrog / micros * 1e6
	r.MicrosPerLeapfrog, r.MinESSPerSecond = &micros, &perSecond
	return nil
}

// gradientMicros measures the gradient alone, on the wasm engine.
func gradientMicros(m *model.Model) (micros *float64, err error) {
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		return nil, err
	}
	g, err := bench.NewGradient(wasm.Engine{}, m, b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	x, err := g.Micros()
	return &x, err
}
