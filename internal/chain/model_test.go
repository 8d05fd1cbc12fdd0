package chain_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type schools struct {
	Y     tensor.Value `drey:"y,optional"`
	Sigma tensor.Value `drey:"sigma"`
}

func eightSchools(c *model.Context, d schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	school := c.Plate("school", d.Sigma.Dim(0))
	theta := school.Sample("theta", dist.Normal(mu, tau))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

// nonCentred is eight schools with theta = mu + tau·theta_base.
func nonCentred(c *model.Context, d schools) {
	model.With(eightSchools, model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{}}))(c, d)
}

func schoolsData() model.Data {
	return model.Data{"y": []float64{28, 8, -3, 7, -1, 1, 18, 12}, "sigma": []int{15, 10, 16, 11, 9, 11, 10, 18}}
}

// fixture is a compiled model.
type fixture struct {
	model   *model.Model
	bundle  *model.Bundle
	config  chain.Config
	program *chain.Program
	start   chain.Start
}

func build[D any](t testing.TB, fn func(*model.Context, D), data model.Data, eng engine.Engine, cfg chain.Config) *fixture {
	t.Helper()
	m, err := model.New("test", tensor.F64, fn, data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{model: m, bundle: b, config: cfg, start: chain.Start{Init: b.Init}}
	if f.program, err = chain.Compile(eng, b, m.Columns, cfg, []chain.Start{f.start}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.program.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func schoolsFixture(t testing.TB, change func(*chain.Config)) *fixture {
	t.Helper()
	cfg := chain.DefaultConfig()
	cfg.Seed = 7
	if change != nil {
		change(&cfg)
	}
	return build(t, nonCentred, schoolsData(), wasm.Engine{}, cfg)
}

func (f *fixture) worker(t testing.TB) *chain.Worker {
	t.Helper()
	w, err := f.program.NewWorker()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// recorder keeps the draws of a chain: the bytes of all that a Batch holds, a draw after another.
type recorder struct {
	t           testing.TB
	sites       []model.SiteInfo
	rows        [2][][]byte // by phase: sampling, warmup
	stepSizes   [2][]float64
	divergences int64
}

func (f *fixture) recorder(t testing.TB) *recorder { return &recorder{t: t, sites: f.program.Sites()} }

func (r *recorder) Append(b *chain.Batch) error {
	phase := 0
	if b.Warmup {
		phase = 1
	}
	if b.First != int64(len(r.rows[phase])) {
		r.t.Errorf("chain %d: batch of draws from %d on after %d draws", b.Chain, b.First, len(r.rows[phase]))
	}
	for k := range b.Len {
		var row []byte
		for _, x := range []float64{b.LogDensity[k], b.Energy[k], b.AcceptanceRate[k], b.StepSize[k], float64(b.TreeDepth[k]), float64(b.Steps[k])} {
			row = binary.LittleEndian.AppendUint64(row, math.Float64bits(x))
		}
		if b.Diverging[k] {
			row = append(row, 1)
			r.divergences++
		}
		for i, s := range r.sites {
			n := tensor.NumElements(s.Shape) * tensor.ParseDType(s.DType).Size()
			row = append(row, b.Values[i][k*n:(k+1)*n]...)
		}
		r.rows[phase] = append(r.rows[phase], row)
		r.stepSizes[phase] = append(r.stepSizes[phase], b.StepSize[k])
	}
	return nil
}

// digest is one of all draws so far, of both phases.
func (r *recorder) digest() string {
	h := sha256.New()
	for phase := range r.rows {
		for _, row := range r.rows[phase] {
			h.Write(row)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// finish runs a chain to the given number of draws in slices.
func finish(t testing.TB, w *chain.Worker, c *chain.Chain, draws int, slice time.Duration, sink chain.Sink) {
	t.Helper()
	for !c.Done(draws) {
		if err := w.Advance(c, chain.Goal{Draws: draws, Slice: slice}, sink); err != nil {
			t.Fatal(err)
		}
	}
}

type modelContext = model.Context

func normal2() dist.Distribution { return dist.Normal([]float64{0, 1}, []float64{1, 2}) }
