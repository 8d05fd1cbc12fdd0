package chain_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
)

// blocks are goals one after another: ends of windows of a warmup of 90 draws, places within them, the end of warmup, sampling.
var blocks = []chain.Goal{{Warmup: 10}, {Warmup: 11}, {Warmup: 47}, {Warmup: 81}, {Warmup: 90}, {Draws: 5}, {Draws: 40}}

// TestBlocks: a chain that is run block by block, each with the state that the one before left, makes the draws of one that is
// run at once; its state after each block is the same for calls of any length and in packs.
func TestBlocks(t *testing.T) {
	const chains = 3
	config := func(batch int) *fixture {
		return schoolsFixture(t, func(c *chain.Config) { c.Warmup, c.SaveWarmup, c.Batch = 90, true, batch })
	}
	single, pack := config(0), config(chains)
	want, _ := alone(t, single, chains, 40)
	var states [][]byte
	for name, advance := range map[string]func(f *fixture) func([]*chain.Chain, chain.Goal, chain.Sink) error{
		"whole calls": func(f *fixture) func([]*chain.Chain, chain.Goal, chain.Sink) error { return singly(f.worker(t)) },
		"short calls": func(f *fixture) func([]*chain.Chain, chain.Goal, chain.Sink) error {
			w := f.worker(t)
			w.LimitTicks(3)
			return singly(w)
		},
		"pack": func(f *fixture) func([]*chain.Chain, chain.Goal, chain.Sink) error { return pack.packWorker(t).Advance },
	} {
		f := single
		if name == "pack" {
			f = pack
		}
		x, run := f.fleet(t, chains), advance(f)
		var got [][]byte
		for _, g := range blocks {
			g.Slice = time.Hour
			for i, c := range x.chains {
				if fresh := f.program.NewChain(i, f.start); c.Begun() {
					if err := fresh.RestoreState(chain.CheckpointVersion, c.AppendState(nil)); err != nil {
						t.Fatal(err)
					}
					x.chains[i] = fresh
				}
			}
			if err := run(x.chains, g, x); err != nil {
				t.Fatal(err)
			}
			for i, c := range x.chains {
				if n := c.Totals().Transitions; g.Warmup > 0 && n != uint64(g.Warmup) || g.Draws > 0 && !c.Done(g.Draws) {
					t.Errorf("%s: chain %d has made %d transitions for the goal %+v", name, i, n, g)
				}
				got = append(got, c.AppendState(nil))
			}
		}
		if states == nil {
			states = got
		}
		for i := range got {
			if !slices.Equal(got[i], states[i]) {
				t.Errorf("%s: block %d, chain %d ends in another state", name, i/chains, i%chains)
			}
		}
		if digests := x.digests(); !slices.Equal(digests, want) {
			t.Errorf("%s: digests %s, of chains run at once %s", name, fmt.Sprint(digests), fmt.Sprint(want))
		}
	}
}

// singly advances chains one after another.
func singly(w *chain.Worker) func([]*chain.Chain, chain.Goal, chain.Sink) error {
	return func(chains []*chain.Chain, g chain.Goal, sink chain.Sink) error {
		for _, c := range chains {
			if err := w.Advance(c, g, sink); err != nil {
				return err
			}
		}
		return nil
	}
}
