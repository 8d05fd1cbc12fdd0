package chain_test

import (
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/reference"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
)

// TestCallsChangeNoBit: the draws of a chain, those of warmup too, are the same however many ticks a call makes, however
// long slices are, and with which other chains it shares its workers.
func TestCallsChangeNoBit(t *testing.T) {
	const draws = 1500 // more than a worker's buffers hold
	f := schoolsFixture(t, func(c *chain.Config) { c.SaveWarmup = true; c.Warmup = 300 })
	alone := func(index int, ticks int32, slice time.Duration) string {
		w, c, r := f.worker(t), f.program.NewChain(index, f.start), f.recorder(t)
		w.LimitTicks(ticks)
		finish(t, w, c, draws, slice, r)
		if len(r.rows[0]) != draws || len(r.rows[1]) != 300 {
			t.Fatalf("%d draws and %d of warmup", len(r.rows[0]), len(r.rows[1]))
		}
		if got := c.Totals(); got.Kept != draws || got.Transitions != 300+draws || got.Divergences+got.WarmupDivergences != r.divergences {
			t.Errorf("%+v for %d divergences", got, r.divergences)
		}
		return r.digest()
	}
	want := []string{alone(0, 1<<20, time.Hour), alone(1, 1<<20, time.Hour), alone(2, 1<<20, time.Hour)}
	if want[0] == want[1] {
		t.Fatal("two chains have the same draws")
	}
	for _, ticks := range []int32{1, 7, 1000} {
		if got := alone(1, ticks, 0); got != want[1] {
			t.Errorf("%d ticks a call: digest %s, want %s", ticks, got, want[1])
		}
	}
	workers := []*chain.Worker{f.worker(t), f.worker(t)}
	workers[1].LimitTicks(13)
	chains, records := make([]*chain.Chain, 3), make([]*recorder, 3)
	for i := range chains {
		chains[i], records[i] = f.program.NewChain(i, f.start), f.recorder(t)
	}
	for turn := 0; slices.ContainsFunc(chains, func(c *chain.Chain) bool { return !c.Done(draws) }); turn++ {
		i := turn * turn % 3
		if turn%5 == 0 {
			i = 2
		}
		if err := workers[turn*7%11%2].Advance(chains[i], chain.Goal{Draws: draws}, records[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range records {
		if r.digest() != want[i] {
			t.Errorf("chain %d, interleaved: digest %s, want %s", i, r.digest(), want[i])
		}
	}
}

// TestEnginesAgree: a short run has the same bits on the direct evaluator.
func TestEnginesAgree(t *testing.T) {
	for _, kernel := range []chain.Kernel{chain.NUTS, chain.HMC} {
		var digests []string
		for _, eng := range []engine.Engine{wasm.Engine{}, reference.New()} {
			cfg := chain.DefaultConfig()
			cfg.Kernel, cfg.Warmup, cfg.SaveWarmup, cfg.Metric, cfg.Seed = kernel, 24, true, adapt.MetricDense, 3
			f := build(t, nonCentred, schoolsData(), eng, cfg)
			r := f.recorder(t)
			finish(t, f.worker(t), f.program.NewChain(1, f.start), 6, time.Hour, r)
			digests = append(digests, r.digest())
		}
		if digests[0] != digests[1] {
			t.Errorf("%s: digests %v", kernel, digests)
		}
	}
}

// TestThin: thinned draws are every so many-th of the others, and extending a chain goes on where it ended.
func TestThin(t *testing.T) {
	every := func(thin, draws int, steps ...int) [][]byte {
		f := schoolsFixture(t, func(c *chain.Config) { c.Warmup = 60; c.Thin = thin })
		w, c, r := f.worker(t), f.program.NewChain(0, f.start), f.recorder(t)
		for _, n := range append(steps, draws) {
			finish(t, w, c, n, time.Hour, r)
		}
		return r.rows[0]
	}
	all := every(1, 90)
	thinned := every(3, 30)
	for i, row := range thinned {
		if !slices.Equal(row, all[3*i+2]) {
			t.Fatalf("thinned draw %d is not draw %d", i, 3*i+2)
		}
	}
	if got := every(3, 30, 0, 1, 17); !slices.EqualFunc(got, thinned, slices.Equal) {
		t.Error("a chain extended thrice has other draws")
	}
}

// TestNothingAllocates: slices with whole windows of warmup, full buffers and changes of chain allocate nothing.
func TestNothingAllocates(t *testing.T) {
	f := schoolsFixture(t, func(c *chain.Config) { c.Warmup = 20_000; c.SaveWarmup = true })
	w := f.worker(t)
	chains := []*chain.Chain{f.program.NewChain(0, f.start), f.program.NewChain(1, f.start)}
	goal := chain.Goal{Draws: 1 << 20, Slice: 3 * time.Millisecond}
	sink := &counter{}
	round := func() {
		for _, c := range chains {
			if err := w.Advance(c, goal, sink); err != nil {
				t.Fatal(err)
			}
		}
	}
	round() // starts
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's own threads allocate too
	for !chains[0].Warm() || !chains[1].Warm() {
		if n := testing.AllocsPerRun(1, round); n != 0 {
			t.Fatalf("%v allocations in a slice of warmup", n)
		}
	}
	if n := testing.AllocsPerRun(10, round); n != 0 {
		t.Errorf("%v allocations in a slice of sampling", n)
	}
	if sink.draws < 40_000+2*1024 {
		t.Errorf("only %d draws: the buffers were never full", sink.draws)
	}
}

// counter counts draws.
type counter struct{ draws int }

func (n *counter) Append(b *chain.Batch) error {
	n.draws += b.Len
	return nil
}

// TestGivenParameters: a given step size is that of all transitions, and the unit metric keeps the given matrix.
func TestGivenParameters(t *testing.T) {
	variances := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	f := schoolsFixture(t, func(c *chain.Config) {
		c.StepSize, c.Metric, c.InverseMass, c.Warmup, c.SaveWarmup = 0.25, adapt.MetricUnit, variances, 200, true
	})
	c, r := f.program.NewChain(0, f.start), f.recorder(t)
	finish(t, f.worker(t), c, 50, time.Hour, r)
	for phase := range r.stepSizes {
		for i, x := range r.stepSizes[phase] {
			if x != 0.25 {
				t.Fatalf("draw %d has step size %v", i, x)
			}
		}
	}
	factor := engine.ArrayOf(f.bundle.LogDensity.Float, []int{10}, c.Part("Adapt.Factor")).Float64s()
	for i, x := range factor {
		if d := x*x - variances[i]; d > 1e-12 || d < -1e-12 {
			t.Errorf("factor %d is %v for a variance of %v", i, x, variances[i])
		}
	}
	adapted := schoolsFixture(t, func(c *chain.Config) { c.Warmup = 200 })
	c2 := adapted.program.NewChain(0, adapted.start)
	finish(t, adapted.worker(t), c2, 50, time.Hour, adapted.recorder(t))
	if factor := engine.ArrayOf(adapted.bundle.LogDensity.Float, []int{10}, c2.Part("Adapt.Factor")).Float64s(); factor[0] == 1 || factor[0] == factor[1] {
		t.Errorf("warmup left the metric at %v", factor)
	}
}

// TestParametersAreFrozen: no sampling transition has another step size or metric than the first.
func TestParametersAreFrozen(t *testing.T) {
	f := schoolsFixture(t, func(c *chain.Config) { c.Warmup = 150 })
	w, c, r := f.worker(t), f.program.NewChain(0, f.start), f.recorder(t)
	finish(t, w, c, 1, time.Hour, r)
	before := slices.Clone(c.Part("Adapt.Factor"))
	finish(t, w, c, 400, time.Hour, r)
	if !slices.Equal(before, c.Part("Adapt.Factor")) {
		t.Error("the metric changed while sampling")
	}
	for i, x := range r.stepSizes[0] {
		if x != r.stepSizes[0][0] {
			t.Fatalf("draw %d has step size %v, draw 0 %v", i, x, r.stepSizes[0][0])
		}
	}
}
