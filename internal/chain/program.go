package chain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
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
	windows []adapt.Window

	run, transform engine.Executable
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
	p := &Program{cfg: cfg, bundle: b, engine: eng, windows: adapt.Schedule(cfg.Warmup), starters: map[*tensor.Func]*starter{}}
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
	t, err := newTracer(b, cfg, len(columns), p.capacity)
	if err != nil {
		return nil, err
	}
	if err := p.compile(t, keep, starts); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// A Worker's buffers hold so many draws, or bytes of the widest of positions and sites: enough that a call of a millisecond
// seldom fills them, and little beside the cache.
const (
	largestCapacity = 1024
	bufferBytes     = 256 << 10
)

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
	job := func(f *tensor.Func, donate []engine.Donation, done func(engine.Executable)) {
		jobs = append(jobs, func() error {
			x, err := p.engine.Compile(simplify.Run(f), engine.Options{Donate: donate})
			if err == nil {
				done(x)
			}
			return err
		})
	}
	job(k.run, p.layout.donations(), func(x engine.Executable) { p.run = x })
	p.tuner = newTuner(k.tune, p)
	job(k.tune, nil, func(x engine.Executable) { p.tuner.exe = x })
	for _, s := range starts {
		if p.starters[s.Init] != nil {
			continue
		}
		f, err := t.start(s.Init, k.init)
		if err != nil {
			return err
		}
		st := newStarter(f, p)
		p.starters[s.Init] = st
		job(f, nil, func(x engine.Executable) { st.exe = x })
	}
	transform, err := t.transform(keep)
	if err != nil {
		return err
	}
	job(transform, donateAll(2+len(p.columns), len(keep)), func(x engine.Executable) { p.transform = x })
	return concurrently(jobs)
}

// concurrently runs jobs at the same time and returns the first error in their order.
func concurrently(jobs []func() error) error {
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	for i, job := range jobs {
		wg.Go(func() { errs[i] = job() })
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
	for _, x := range []engine.Executable{p.run, p.transform} {
		if x != nil {
			errs = append(errs, x.Close())
		}
	}
	return errors.Join(errs...)
}

// putColumns puts the data into the parameters from first on.
func (p *Program) putColumns(s engine.Session, first int) error {
	for i, c := range p.columns {
		if err := s.Put(first+i, c); err != nil {
			return err
		}
	}
	return nil
}

// layout says where the parts of a chain lie among the parameters and results of the run program.
type layout struct {
	params []tensor.Param // of the chain
	state  []int          // those that are state between calls, in order: indices into params
	adapt  int            // the first of the adaptation's among state
	adapts int            // number of the adaptation's

	draw, row, skipped, leapfrogs, divergences, running, stepSize int // indices into params
	positions, draws                                              int
	stats                                                         [statCount]int // -1: the kernel has none
}

// Statistics of a draw in the order of Batch.
const (
	statLogDensity = iota
	statEnergy
	statAcceptanceRate
	statStepSize
	statDiverging
	statTreeDepth
	statSteps
	statCount
)

var statNames = [statCount]string{"LogDensity", "Energy", "AcceptanceRate", "StepSize", "Diverging", "TreeDepth", "Steps"}

func newLayout(k *traced) (*layout, error) {
	l := &layout{params: k.run.In[kernels.ControlInputs : kernels.ControlInputs+len(k.run.Out)], adapt: -1}
	for i, p := range l.params {
		if strings.HasPrefix(p.Name, bufferPrefix) {
			continue
		}
		if strings.HasPrefix(p.Name, "Adapt.") {
			if l.adapt < 0 {
				l.adapt = len(l.state)
			}
			l.adapts++
		}
		l.state = append(l.state, i)
	}
	var missing error
	index := func(name string) int {
		i := slices.IndexFunc(l.params, func(p tensor.Param) bool { return p.Name == name })
		if i < 0 {
			missing = fmt.Errorf("chain: the kernel's program has no %s", name)
		}
		return i
	}
	l.draw, l.row, l.skipped = index("Counts.Draw"), index("Counts.Row"), index("Counts.Skipped")
	l.leapfrogs, l.divergences = index("Counts.Leapfrogs"), index("Counts.Divergences")
	l.running, l.stepSize = index("Running"), index("Adapt.StepSize")
	l.positions, l.draws = index("Buffers.Positions"), index("Buffers.Draws")
	if missing != nil {
		return nil, missing
	}
	for i, name := range statNames {
		l.stats[i] = index(bufferPrefix + "Stats." + name)
	}
	return l, nil
}

// donations let all parts of a chain stay where they are between calls.
func (l *layout) donations() []engine.Donation {
	return donateAll(kernels.ControlInputs, len(l.params))
}

// size returns the bytes of part i.
func (l *layout) size(i int) int { return engine.SizeOf(l.params[i]) }
