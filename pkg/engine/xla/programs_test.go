package xla_test

import (
	"math/rand/v2"
	"testing"
	"time"

	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	"github.com/drey-sampler/drey/examples/gp"
	"github.com/drey-sampler/drey/examples/mixture"
	"github.com/drey-sampler/drey/examples/radon"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// bundle is a compiled model with its data.
type bundle struct {
	*model.Bundle
	columns []model.Column
}

func bundleOf[D any](t testing.TB, name string, fn func(*model.Context, D), data func() (model.Data, error)) bundle {
	t.Helper()
	d, err := data()
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(name, tensor.F64, fn, d)
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return bundle{b, m.Columns}
}

// TestModels compares log densities and gradients at random positions with tensor/eval.
func TestModels(t *testing.T) {
	e := open(t)
	for _, b := range []bundle{
		bundleOf(t, "eight-schools", eightschools.EightSchools, eightschools.Data), bundleOf(t, "gp", gp.GP, gp.Data),
		bundleOf(t, "mixture", mixture.Mixture, mixture.Data), bundleOf(t, "radon", radon.Radon, radon.Data),
	} {
		t.Run(b.Manifest.Model, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			position := make([]float64, b.Manifest.Dimension)
			for i := range position {
				position[i] = 0.5 * r.NormFloat64()
			}
			c := enginetest.Case{Func: b.LogDensity, Args: []*tensor.Array{tensor.ArrayOf(tensor.F64, []int{len(position)}, position)}}
			for _, col := range b.columns {
				c.Args = append(c.Args, engine.ArrayOf(col.DType, col.Shape, col.Bytes))
			}
			if problem := enginetest.CloseTo(e, c, 3); problem != "" {
				t.Error(problem)
			}
		})
	}
}

// TestSampler compares the programs of a sampler: each with the arguments that it first meets in a chain on another engine.
func TestSampler(t *testing.T) {
	e := open(t)
	b := bundleOf(t, "eight-schools", eightschools.EightSchools, eightschools.Data)
	rec := &recorder{Engine: wasm.Engine{}}
	advance(t, rec, b, 20)
	if len(rec.cases) < 4 {
		t.Fatalf("%d programs ran, want those of start, step size, transitions and draws", len(rec.cases))
	}
	for _, c := range rec.cases {
		if problem := enginetest.CloseTo(e, *c, 3); problem != "" {
			t.Errorf("%s: %.3000s", c.Func.Name, problem)
		}
	}
}

// advance runs a chain of some draws.
func advance(t testing.TB, e engine.Engine, b bundle, draws int) (leapfrogs int64, took time.Duration) {
	t.Helper()
	cfg := chain.DefaultConfig()
	cfg.Seed, cfg.Warmup = 7, draws
	p, err := chain.Compile(e, b.Bundle, b.columns, cfg, []chain.Start{{Init: b.Init}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := p.NewWorker()
	if err != nil {
		t.Fatal(err)
	}
	c := p.NewChain(0, chain.Start{Init: b.Init})
	begin := time.Now()
	if err := w.Advance(c, chain.Goal{Draws: draws, Slice: time.Hour}, discard{}); err != nil {
		t.Fatal(err)
	}
	took = time.Since(begin)
	for _, err := range []error{w.Close(), p.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
	return c.Totals().Leapfrogs + c.Totals().WarmupLeapfrogs, took
}

type discard struct{}

func (discard) Append(*chain.Batch) error { return nil }

// recorder keeps each program with the arguments of its first run.
type recorder struct {
	engine.Engine
	cases []*enginetest.Case
}

func (r *recorder) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	x, err := r.Engine.Compile(f, opt)
	return &recordedExecutable{x, r, f}, err
}

type recordedExecutable struct {
	engine.Executable
	r *recorder
	f *tensor.Func
}

func (x *recordedExecutable) NewSession() (engine.Session, error) {
	s, err := x.Executable.NewSession()
	out := &recordedSession{Session: s, x: x}
	for _, p := range x.f.In {
		out.args = append(out.args, tensor.NewArray(p.DType, p.Shape))
	}
	return out, err
}

type recordedSession struct {
	engine.Session
	x    *recordedExecutable
	args []*tensor.Array
	ran  bool
}

func (s *recordedSession) Put(param int, data []byte) error {
	if !s.ran {
		engine.Decode(s.args[param], data)
	}
	return s.Session.Put(param, data)
}

func (s *recordedSession) Run() error {
	if !s.ran {
		s.ran = true
		s.x.r.cases = append(s.x.r.cases, &enginetest.Case{Func: s.x.f, Args: s.args})
	}
	return s.Session.Run()
}

// BenchmarkSchools runs one chain of eight schools; the metric is the time of a leapfrog step.
func BenchmarkSchools(b *testing.B) {
	e := open(b)
	schools := bundleOf(b, "eight-schools", eightschools.EightSchools, eightschools.Data)
	leapfrogs, took := int64(0), time.Duration(0)
	for b.Loop() {
		n, d := advance(b, e, schools, 1000)
		leapfrogs, took = leapfrogs+n, took+d
	}
	b.ReportMetric(float64(took.Microseconds())/float64(leapfrogs), "µs/leapfrog")
}
