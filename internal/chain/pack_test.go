package chain_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/reference"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// packWorker returns a worker of packs of the fixture's batch.
func (f *fixture) packWorker(t testing.TB) *chain.PackWorker {
	t.Helper()
	w, err := f.program.NewPackWorker()
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

// fleet is chains with their recorders, which it hands their draws as a Sink.
type fleet struct {
	chains  []*chain.Chain
	records []*recorder
}

func (f *fixture) fleet(t testing.TB, n int) *fleet {
	x := &fleet{}
	for i := range n {
		x.chains, x.records = append(x.chains, f.program.NewChain(i, f.start)), append(x.records, f.recorder(t))
	}
	return x
}

func (x *fleet) Append(b *chain.Batch) error { return x.records[b.Chain].Append(b) }

func (x *fleet) digests() []string {
	var out []string
	for _, r := range x.records {
		out = append(out, r.digest())
	}
	return out
}

// packs returns the chains in packs of a width, the last one narrower.
func (x *fleet) packs(width int) [][]*chain.Chain {
	return slices.Collect(slices.Chunk(x.chains, width))
}

// finishPack runs a pack to the given number of draws in slices.
func finishPack(t testing.TB, w *chain.PackWorker, pack []*chain.Chain, draws int, slice time.Duration, sink chain.Sink) {
	t.Helper()
	for slices.ContainsFunc(pack, func(c *chain.Chain) bool { return !c.Done(draws) }) {
		if err := w.Advance(pack, chain.Goal{Draws: draws, Slice: slice}, sink); err != nil {
			t.Fatal(err)
		}
	}
}

// alone returns the digests and the final states of chains that Workers run one at a time.
func alone(t *testing.T, f *fixture, chains, draws int) (digests []string, states [][]byte) {
	x, w := f.fleet(t, chains), f.worker(t)
	for _, c := range x.chains {
		finish(t, w, c, draws, time.Hour, x)
		states = append(states, c.AppendState(nil))
	}
	return x.digests(), states
}

// TestPacksChangeNoBit: chains in packs of any width have the draws, those of warmup too, the statistics and the final
// states of chains that run one at a time.
func TestPacksChangeNoBit(t *testing.T) {
	const chains = 8
	for name, c := range map[string]struct {
		draws  int
		engine engine.Engine
		change func(*chain.Config)
	}{
		"nuts":      {200, wasm.Engine{}, func(c *chain.Config) { c.SaveWarmup, c.Warmup = true, 150 }},
		"thin":      {50, wasm.Engine{}, func(c *chain.Config) { c.Thin, c.Warmup, c.Metric = 3, 120, adapt.MetricGradients }},
		"dense":     {90, wasm.Engine{}, func(c *chain.Config) { c.SaveWarmup, c.Warmup, c.Metric = true, 160, adapt.MetricDense }},
		"hmc":       {90, wasm.Engine{}, func(c *chain.Config) { c.Kernel, c.Warmup, c.TrajectoryJitter = chain.HMC, 100, 0.3 }},
		"step size": {90, wasm.Engine{}, func(c *chain.Config) { c.Warmup, c.StepSize = 30, 0.3 }},
		"no warmup": {30, wasm.Engine{}, func(c *chain.Config) { c.Warmup = 0 }},
		"reference": {3, reference.New(), func(c *chain.Config) { c.SaveWarmup, c.Warmup, c.MaxTreeDepth = true, 25, 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			widths := []int{1, 3, 7}
			if testing.Short() || name == "reference" {
				widths = []int{3}
			}
			config := func(batch int) *fixture {
				cfg := chain.DefaultConfig()
				cfg.Seed = 11
				c.change(&cfg)
				cfg.Batch = batch
				return build(t, nonCentred, schoolsData(), c.engine, cfg)
			}
			want, states := alone(t, config(0), chains, c.draws)
			for _, width := range widths {
				f := config(width)
				x, w := f.fleet(t, chains), f.packWorker(t)
				for _, pack := range x.packs(width) {
					finishPack(t, w, pack, c.draws, time.Hour, x)
				}
				for i, got := range x.digests() {
					if got != want[i] || len(x.records[i].rows[0]) != c.draws {
						t.Errorf("width %d: chain %d: %d draws with digest %s, want %d with %s", width, i, len(x.records[i].rows[0]), got, c.draws, want[i])
					}
					if !slices.Equal(x.chains[i].AppendState(nil), states[i]) {
						t.Errorf("width %d: chain %d ends in another state", width, i)
					}
				}
			}
		})
	}
}

// TestPacksResume: chains stopped anywhere, in the middle of a trajectory and in different windows too, go on in packs of
// other widths, with other chains beside them and one at a time, as if they had never stopped.
func TestPacksResume(t *testing.T) {
	const chains, draws = 5, 60
	config := func(batch int) *fixture {
		return schoolsFixture(t, func(c *chain.Config) { c.Warmup, c.SaveWarmup, c.Thin, c.Batch = 90, true, 2, batch })
	}
	fixtures := []*fixture{config(0), config(2), config(5)}
	want, _ := alone(t, fixtures[0], chains, draws)
	single, packs := fixtures[0].worker(t), []*chain.PackWorker{fixtures[1].packWorker(t), fixtures[2].packWorker(t)}
	random := rand.New(rand.NewPCG(1, 2))
	x := fixtures[0].fleet(t, chains)
	apart, middle := false, false // two windows in a pack, a trajectory cut
	move := func(c *chain.Chain, to *fixture) *chain.Chain {
		fresh := to.program.NewChain(c.Index(), to.start)
		if c.Begun() {
			middle = middle || c.Part("Running")[0] != 0
			if err := fresh.RestoreState(chain.CheckpointVersion, c.AppendState(nil)); err != nil {
				t.Fatal(err)
			}
		}
		return fresh
	}
	for slices.ContainsFunc(x.chains, func(c *chain.Chain) bool { return !c.Done(draws) }) {
		at, ticks := random.IntN(3), int32(1+random.IntN(60))
		order := random.Perm(chains)[:max(1, []int{1, 2, 5}[at]-random.IntN(2))]
		var pack []*chain.Chain
		for _, i := range order {
			x.chains[i] = move(x.chains[i], fixtures[at])
			pack = append(pack, x.chains[i])
			apart = apart || pack[0].Window() != x.chains[i].Window()
		}
		single.LimitTicks(ticks)
		for range 1 + random.IntN(20) {
			var err error
			if at == 0 {
				err = single.Advance(pack[0], chain.Goal{Draws: draws}, x)
			} else {
				packs[at-1].LimitTicks(ticks)
				err = packs[at-1].Advance(pack, chain.Goal{Draws: draws}, x)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if !apart || !middle {
		t.Errorf("chains in different windows: %v, trajectories cut: %v: want both", apart, middle)
	}
	for i, got := range x.digests() {
		if got != want[i] {
			t.Errorf("chain %d: %d + %d draws, not those of a run without stops", i, len(x.records[i].rows[1]), len(x.records[i].rows[0]))
		}
	}
}

// TestPackStarts: attempts go on for the lanes that need them, each chain starts where it would alone, chains with given
// values beside those without; one that can't start is named.
func TestPackStarts(t *testing.T) {
	fn := func(c *model.Context, _ struct{}) {
		x := c.Sample("x", dist.Normal(0, 1))
		c.Factor("floor", tensor.Select(x.Gt(0.8), 0.0, math.Inf(-1)))
	}
	m, err := model.New("floor", tensor.F64, fn, model.Data(nil))
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := model.Compile(m, model.Options{Init: model.InitValue, Given: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	given := func(x float64) chain.Start {
		return chain.Start{Init: g.Init, Given: [][]byte{engine.Bytes(tensor.ArrayOf(tensor.F64, nil, []float64{x}))}}
	}
	free := chain.Start{Init: b.Init}
	starts := []chain.Start{free, given(2), free, given(3), free}
	position := func(batch int) (out []float64) {
		cfg := chain.DefaultConfig()
		cfg.Warmup, cfg.Batch = 0, batch
		p, err := chain.Compile(wasm.Engine{}, b, m.Columns, cfg, []chain.Start{free, given(0)})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		var chains []*chain.Chain
		for i, s := range starts {
			chains = append(chains, p.NewChain(i, s))
		}
		if batch > 0 {
			w, err := p.NewPackWorker()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := w.Advance(chains, chain.Goal{}, &counter{}); err != nil {
				t.Fatal(err)
			}
			bad := []*chain.Chain{p.NewChain(5, given(1)), p.NewChain(6, given(-1))}
			if err := w.Advance(bad, chain.Goal{}, &counter{}); err == nil || !strings.Contains(err.Error(), "chain 6") || !strings.Contains(err.Error(), "x: -1") {
				t.Errorf("a start at -1: %v", err)
			}
		}
		for _, c := range chains {
			if err := p.Start(c); err != nil {
				t.Fatal(err)
			}
			out = append(out, engine.ArrayOf(tensor.F64, nil, c.Part("State.Proposal.Position")).Float64s()[0])
		}
		return out
	}
	want, got := position(0), position(5)
	if !slices.Equal(got, want) || want[1] != 2 || want[3] != 3 || want[0] == want[2] {
		t.Errorf("starts %v, alone %v", got, want)
	}
}

// TestPackBuffers: lanes whose buffers fill at different speeds lose nothing, and a goal that grows is met.
func TestPackBuffers(t *testing.T) {
	f := schoolsFixture(t, func(c *chain.Config) { c.Warmup, c.Batch = 60, 3 })
	x, w := f.fleet(t, 3), f.packWorker(t)
	for _, draws := range []int{1, 70, 1000} {
		finishPack(t, w, x.chains, draws, time.Hour, x)
		for i, r := range x.records {
			if n := x.chains[i].Totals(); len(r.rows[0]) != draws || n.Kept != int64(draws) || n.Transitions != uint64(60+draws) {
				t.Fatalf("chain %d: %d draws of %d, %+v", i, len(r.rows[0]), draws, n)
			}
			s := x.chains[i].Status()
			if !s.Warm || s.Transitions != int64(60+draws) || s.SampleTime <= 0 || s.Leapfrogs != x.chains[i].Totals().Leapfrogs {
				t.Fatalf("chain %d: status %+v", i, s)
			}
		}
	}
}

// TestPackWidth: the batch is never negative, and its programs say so.
func TestPackWidth(t *testing.T) {
	cfg := chain.DefaultConfig()
	cfg.Batch = -1
	if err := cfg.Validate(); err == nil || !strings.Contains(fmt.Sprint(err), "batches of -1") {
		t.Errorf("%v", err)
	}
}
