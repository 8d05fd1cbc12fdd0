package chain

import (
	"errors"
	"fmt"
	"sync"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Start says where a chain begins: Init is model.Bundle.Init, and Given the elements of each site it takes, little-endian.
type Start struct {
	Init  *tensor.Func
	Given [][]byte
}

// Program is a model under a kernel, compiled for an engine: what the chains of a run share. It is safe for concurrent use.
type Program struct {
	cfg     Config
	bundle  *model.Bundle
	engine  engine.Engine
	columns [][]byte
	sites   []model.SiteInfo // what the sink gets
	windows []adapt.Window   // of warmup, as planned

	run, transform *compiled
	layout         *layout
	starters       map[*tensor.Func]*starter // by Start.Init
	tuner          *tuner
	inverseMass    []byte
	capacity       int
}

// Compile makes the programs of a model's bundle for data columns, for chains that begin as starts say: one start for all
// chains, or one a chain.
func Compile(eng engine.Engine, b *model.Bundle, columns []model.Column, cfg Config, starts []Start) (*Program, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	dim := b.Manifest.Dimension
	if cfg.dense(dim) && cfg.Metric != adapt.MetricDense && cfg.Metric != adapt.MetricUnit {
		return nil, fmt.Errorf("chain: a full inverse mass matrix is given, but the metric is %s: use %s to adapt it or %s to keep it", cfg.Metric, adapt.MetricDense, adapt.MetricUnit)
	}
	p := &Program{cfg: cfg, bundle: b, engine: eng, windows: cfg.adaptation().Windows(cfg.Warmup), starters: map[*tensor.Func]*starter{}}
	for _, c := range columns {
		p.columns = append(p.columns, c.Bytes)
	}
	var keep []int
	width := dim
	for i, s := range b.Manifest.Kept() {
		if cfg.Keep == nil || cfg.Keep(s.Name) {
			p.sites, keep = append(p.sites, s), append(keep, i)
			width = max(width, tensor.NumElements(s.Shape))
		}
	}
	p.capacity = max(1, min(largestCapacity, bufferBytes/(8*width)))
	if cfg.Batch > 0 {
		rows := min(max(packDraws/cfg.Batch, packCapacity), largestCapacity)
		p.capacity = max(1, min(rows, packBytes/(8*width*cfg.Batch)))
	}
	t, err := newTracer(b, cfg, len(columns), p.capacity, cfg.Batch > 0 && eng.Name() == repeats)
	if err != nil {
		return nil, err
	}
	if err := p.compile(t, keep, starts); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// repeats is the engine that computes an instruction again for each use of its result, and takes loops as they are. (A GPU
// starts a program of its own for each turn of one.)
const repeats = "xla:cpu"

// A Worker's buffers hold so many draws, or bytes of the widest of positions and sites: enough that a call of a millisecond
// seldom fills them, and little beside the cache.
const (
	largestCapacity = 1024
	bufferBytes     = 256 << 10
)

// The same of a PackWorker, whose buffers are those of all its chains: for packDraws draws, and packCapacity of each chain, so
// that a narrow pack's calls, which cost as much as a wide one's, are as long.
const (
	packCapacity = 64
	packDraws    = 16 << 10
	packBytes    = 16 << 20
)

// lanes returns the number of chains that the programs compute at a time.
func (p *Program) lanes() int { return max(1, p.cfg.Batch) }

// compile traces and compiles the programs, the largest first, concurrently.
func (p *Program) compile(t *tracer, keep []int, starts []Start) error {
	k, err := t.kernel()
	if err != nil {
		return err
	}
	if p.layout, err = newLayout(k); err != nil {
		return err
	}
	factor := k.init.In[2]
	inverseMass, err := p.cfg.inverseMass(factor.DType, factor.Shape)
	if err != nil {
		return err
	}
	p.inverseMass = engine.Bytes(inverseMass)
	var jobs []func() error
	job := func(f *tensor.Func, apart func(param int) bool, opt engine.Options) *compiled {
		c := &compiled{}
		jobs = append(jobs, func() error { return c.compile(p, f, apart, opt) })
		return c
	}
	p.run = job(k.run, func(i int) bool { return i >= controlChain }, engine.Options{Donate: p.layout.donations()})
	p.tuner = newTuner(p, job(k.tune, func(i int) bool { return i != tuneSeed && i != tuneOccasion }, engine.Options{}))
	for _, s := range starts {
		if p.starters[s.Init] != nil {
			continue
		}
		f, err := t.start(s.Init, k.init)
		if err != nil {
			return err
		}
		given := len(f.In) - len(p.columns) - 2 - startGiven
		apart := func(i int) bool { return i == startIndex || i >= startGiven && i < startGiven+given }
		p.starters[s.Init] = newStarter(f, p, given, job(f, apart, engine.Options{Seldom: true}))
	}
	transform, err := t.transform(keep)
	if err != nil {
		return err
	}
	p.transform = job(transform, func(i int) bool { return i != transformRows }, engine.Options{Donate: donateAll(transformValues, len(keep))})
	return concurrently(jobs)
}

// concurrently runs jobs at the same time and returns the first error in their order.
func concurrently(jobs []func() error) error {
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	for i, job := range jobs {
		wg.Go(func() { errs[i] = Guard(job) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// donateAll makes the n parameters from first on hold the n results.
func donateAll(first, n int) []engine.Donation {
	out := make([]engine.Donation, n)
	for i := range out {
		out[i] = engine.Donation{In: first + i, Out: i}
	}
	return out
}

// Sites describes what a Batch holds of each draw.
func (p *Program) Sites() []model.SiteInfo { return p.sites }

// Close frees the programs; workers must be closed before.
func (p *Program) Close() error {
	var errs []error
	for _, s := range p.starters {
		errs = append(errs, s.close())
	}
	if p.tuner != nil {
		errs = append(errs, p.tuner.close())
	}
	return errors.Join(append(errs, p.run.close(), p.transform.close())...)
}
