package chain_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// floats returns the elements of a part of a chain's state.
func floats(b []byte) []float64 {
	return engine.ArrayOf(tensor.F64, []int{len(b) / 8}, b).Float64s()
}

// advancing is a worker or a pack worker.
type advancing interface {
	Advance(pack []*chain.Chain, g chain.Goal, sink chain.Sink) error
}

// single runs packs of one chain.
type single struct{ *chain.Worker }

func (s single) Advance(pack []*chain.Chain, g chain.Goal, sink chain.Sink) error {
	return s.Worker.Advance(pack[0], g, sink)
}

// pooledRun runs chains in packs to their end, a pack that is chosen at random at a time, for a time or a window; between slices a chain
// may be restored from its checkpoint. At barriers it takes the decision, which it returns, and tells the packs in random order.
func pooledRun(t *testing.T, f *fixture, x *fleet, width, draws int, workers []advancing, seed uint64) []*adapt.Decision {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	pooling := f.config.Pooling(len(x.chains))
	var decisions []*adapt.Decision
	over := func(c *chain.Chain) bool { return c.Waiting() || c.Done(draws) }
	for slices.ContainsFunc(x.chains, func(c *chain.Chain) bool { return !c.Done(draws) }) {
		packs := x.packs(width)
		if slices.ContainsFunc(x.chains, func(c *chain.Chain) bool { return !over(c) }) {
			pack := packs[random.IntN(len(packs))]
			goal := chain.Goal{Draws: draws, Window: random.IntN(2) == 0, Slice: time.Duration(random.IntN(3)) * time.Millisecond}
			if err := workers[random.IntN(len(workers))].Advance(pack, goal, x); err != nil {
				t.Fatal(err)
			}
			if random.IntN(3) == 0 {
				x.restore(t, f, pack[0].Index())
			}
			continue
		}
		var bytes []byte
		var reports []adapt.Report
		for _, pack := range packs {
			var mine []adapt.Report
			for _, c := range pack {
				mine = append(mine, f.program.Report(c))
			}
			bytes = adapt.AppendReports(bytes[:0], mine)
			back, err := adapt.ParseReports(bytes)
			if err != nil {
				t.Fatal(err)
			}
			reports = append(reports, back...)
		}
		d, err := pooling.Decide(x.chains[0].Decision(), reports)
		if err != nil {
			t.Fatal(err)
		}
		decisions = append(decisions, d)
		for _, k := range random.Perm(len(packs)) {
			if err := f.program.Decide(packs[k], d); err != nil {
				t.Fatal(err)
			}
		}
	}
	return decisions
}

// restore replaces a chain by one with its state.
func (x *fleet) restore(t *testing.T, f *fixture, index int) {
	t.Helper()
	old := x.chains[index]
	c := f.program.NewChain(index, f.start)
	if err := c.RestoreState(chain.CheckpointVersion, old.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.AppendState(nil), old.AppendState(nil)) || c.Waiting() != old.Waiting() {
		t.Fatalf("chain %d: a restored state is another", index)
	}
	x.chains[index] = c
}

// TestPooledBits: decisions and draws, those of warmup too, are the same bits whatever the packs, the workers, their order and their
// stops.
func TestPooledBits(t *testing.T) {
	const chains, draws = 16, 20
	for name, change := range map[string]func(*chain.Config){
		"draws":     func(c *chain.Config) {},
		"gradients": func(c *chain.Config) { c.Metric, c.Superchain = adapt.MetricGradients, 2 },
		"dense":     func(c *chain.Config) { c.Metric = adapt.MetricDense },
		"unit":      func(c *chain.Config) { c.Metric = adapt.MetricUnit },
		"step size": func(c *chain.Config) { c.StepSize = 0.2 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "draws" {
				t.Skip("skipped: one metric is enough for the inner loop")
			}
			config := func(batch int) *fixture {
				return schoolsFixture(t, func(c *chain.Config) {
					c.Pooled, c.Warmup, c.SaveWarmup = true, 150, true
					change(c)
					c.Batch = batch
				})
			}
			f := config(0)
			x := f.fleet(t, chains)
			want := pooledRun(t, f, x, 1, draws, []advancing{single{f.worker(t)}}, 1)
			if len(want) < 5 { // one for each window; a round may follow another
				t.Fatalf("%d decisions, want at least 5", len(want))
			}
			for i, width := range []int{1, 3, 16} {
				g := config(width)
				y := g.fleet(t, chains)
				workers := []advancing{g.packWorker(t), g.packWorker(t), g.packWorker(t)}
				got := pooledRun(t, g, y, width, draws, workers, uint64(i+2))
				for k, d := range got {
					if a, b := d.Append(nil), want[k].Append(nil); !bytes.Equal(a, b) {
						t.Fatalf("packs of %d: decision %d is %+v, want %+v", width, k, d, want[k])
					}
				}
				if !slices.Equal(y.digests(), x.digests()) {
					t.Errorf("packs of %d have other draws", width)
				}
			}
		})
	}
}

// TestPooledDecisions: after a decision all chains have its metric and step size, which stay while sampling; the opening's asks for a
// search, whose step sizes differ.
func TestPooledDecisions(t *testing.T) {
	f := schoolsFixture(t, func(c *chain.Config) { c.Pooled, c.Warmup, c.SaveWarmup = true, 100, true })
	x := f.fleet(t, 16)
	decisions := pooledRun(t, f, x, 1, 30, []advancing{single{f.worker(t)}}, 1)
	last := decisions[len(decisions)-1]
	for i, r := range x.records {
		for k, eps := range r.stepSizes[0] {
			if eps != last.StepSize {
				t.Fatalf("chain %d, draw %d: step size %v, decided %v", i, k, eps, last.StepSize)
			}
		}
		first := decisions[0]
		if !first.Search || r.stepSizes[1][10] == first.StepSize {
			t.Errorf("chain %d: after the opening step size %v, that of the decision", i, r.stepSizes[1][10])
		}
		if n := len(r.rows[1]); n != 100 {
			t.Errorf("chain %d: %d draws of warmup", i, n)
		}
		factor := floats(x.chains[i].Part("Adapt.Factor"))
		for k, v := range last.InverseMass {
			if factor[k] != math.Sqrt(v) {
				t.Fatalf("chain %d: factor %v for inverse masses %v", i, factor, last.InverseMass)
			}
		}
	}
	rounds := 0
	for _, d := range decisions {
		if d.Windows[d.Window].Kind == adapt.WindowRound {
			rounds++
		}
	}
	if rounds != 2 || last.Next() != len(last.Windows) {
		t.Errorf("%d rounds, the last decision is about window %d of %d", rounds, last.Window, len(last.Windows))
	}
}

// TestPooledWarmupStops: a warmup whose chains have converged ends early, and its draws are numbered on from there.
func TestPooledWarmupStops(t *testing.T) {
	cfg := chain.DefaultConfig()
	cfg.Seed, cfg.Pooled, cfg.Warmup, cfg.Superchain = 3, true, 2000, 4
	f := build(t, standard, nil, wasm.Engine{}, cfg)
	x := f.fleet(t, 64)
	decisions := pooledRun(t, f, x, 1, 25, []advancing{single{f.worker(t)}}, 1)
	last := decisions[len(decisions)-1]
	end := last.Windows[len(last.Windows)-1].Last + 1
	if end >= 1000 || last.Converged < 2 || last.RHat > 1.05 {
		t.Errorf("warmup ended after %d draws, %d windows converged, R-hat %v", end, last.Converged, last.RHat)
	}
	for i, c := range x.chains {
		if n := c.Totals(); n.Transitions != uint64(end+25) || len(x.records[i].rows[0]) != 25 || c.Status().Warmup != int64(end) {
			t.Fatalf("chain %d: %+v, want %d + 25 transitions", i, n, end)
		}
	}
}

// TestSuperchainStarts: chains of a superchain begin at one place, others elsewhere.
func TestSuperchainStarts(t *testing.T) {
	f := schoolsFixture(t, func(c *chain.Config) { c.Warmup, c.Superchain = 0, 2 })
	x := f.fleet(t, 6)
	var at []string
	for _, c := range x.chains {
		if err := f.program.Start(c); err != nil {
			t.Fatal(err)
		}
		at = append(at, fmt.Sprint(floats(c.Part("State.Proposal.Position"))))
	}
	for i := range at {
		for k := range i {
			if same := i/2 == k/2; (at[i] == at[k]) != same {
				t.Errorf("chains %d and %d begin at one place: %v", k, i, !same)
			}
		}
	}
}

// TestDecisionOutOfPlace: a decision about another window, before its end, or of another dimension is refused.
func TestDecisionOutOfPlace(t *testing.T) {
	f := schoolsFixture(t, func(c *chain.Config) { c.Pooled, c.Warmup = true, 100 })
	c := f.program.NewChain(0, f.start)
	d := &adapt.Decision{Windows: adapt.DefaultAdaptation().PooledSchedule(100), StepSize: 1, InverseMass: make([]float64, 10)}
	if err := f.program.Decide([]*chain.Chain{c}, d); err == nil {
		t.Error("a chain that has not begun takes a decision")
	}
	if err := f.worker(t).Advance(c, chain.Goal{Slice: time.Hour}, &counter{}); err != nil || !c.Waiting() {
		t.Fatalf("%v, waiting: %v", err, c.Waiting())
	}
	wrong := *d
	wrong.Window = 2
	if err := f.program.Decide([]*chain.Chain{c}, &wrong); err == nil {
		t.Error("a decision about another window is taken")
	}
	wrong = *d
	wrong.InverseMass = wrong.InverseMass[:3]
	if err := f.program.Decide([]*chain.Chain{c}, &wrong); err == nil {
		t.Error("a decision of another dimension is taken")
	}
	before := c.AppendState(nil)
	if err := f.worker(t).Advance(c, chain.Goal{Slice: time.Hour}, &counter{}); err != nil || !bytes.Equal(before, c.AppendState(nil)) {
		t.Error("a waiting chain goes on")
	}
}
