package chain_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestResumeIsTheSameRun: a chain stopped anywhere, in the middle of a trajectory too, and restored in a program compiled
// anew makes the draws of one that never stopped.
func TestResumeIsTheSameRun(t *testing.T) {
	const draws = 120
	for _, kernel := range []chain.Kernel{chain.NUTS, chain.HMC} {
		config := func(c *chain.Config) { c.Kernel, c.Warmup, c.SaveWarmup = kernel, 160, true }
		f := schoolsFixture(t, config)
		whole := f.recorder(t)
		finish(t, f.worker(t), f.program.NewChain(5, f.start), draws, time.Hour, whole)
		g := schoolsFixture(t, config)
		random := rand.New(rand.NewPCG(1, 2))
		programs := []*fixture{f, g}
		workers := []*chain.Worker{f.worker(t), g.worker(t)}
		at, r, middle := 0, f.recorder(t), false // the program that has the chain
		c := f.program.NewChain(5, f.start)
		for !c.Done(draws) {
			workers[at].LimitTicks(int32(1 + random.IntN(40)))
			for range 1 + random.IntN(30) {
				if err := workers[at].Advance(c, chain.Goal{Draws: draws}, r); err != nil {
					t.Fatal(err)
				}
			}
			middle = middle || c.Part("Running")[0] != 0
			state := c.AppendState(nil)
			at = 1 - at
			c = programs[at].program.NewChain(5, programs[at].start)
			if err := c.RestoreState(chain.CheckpointVersion, state); err != nil {
				t.Fatal(err)
			}
			if got := c.AppendState(nil); !slices.Equal(got, state) {
				t.Fatal("a restored state is another")
			}
		}
		if !middle {
			t.Error("no stop was in the middle of a trajectory")
		}
		if r.digest() != whole.digest() {
			t.Errorf("%s: %d + %d draws, not those of a run without stops", kernel, len(r.rows[1]), len(r.rows[0]))
		}
	}
}

// TestForeignCheckpoints: a state of another program, version or length is refused, and leaves the chain as it was.
func TestForeignCheckpoints(t *testing.T) {
	f := schoolsFixture(t, func(c *chain.Config) { c.Warmup = 30 })
	c := f.program.NewChain(0, f.start)
	finish(t, f.worker(t), c, 3, time.Hour, &counter{})
	state := c.AppendState(nil)
	other := schoolsFixture(t, func(c *chain.Config) { c.Warmup, c.MaxTreeDepth = 30, 5 })
	shorter := schoolsFixture(t, func(c *chain.Config) { c.Warmup = 0 })
	for name, try := range map[string]error{
		"another program": other.program.NewChain(0, other.start).RestoreState(chain.CheckpointVersion, state),
		"fewer windows":   shorter.program.NewChain(0, shorter.start).RestoreState(chain.CheckpointVersion, state),
		"another version": f.program.NewChain(0, f.start).RestoreState(chain.CheckpointVersion+1, state),
		"too short":       f.program.NewChain(0, f.start).RestoreState(chain.CheckpointVersion, state[:len(state)-1]),
		"too long":        f.program.NewChain(0, f.start).RestoreState(chain.CheckpointVersion, append(slices.Clone(state), 0)),
		"empty":           f.program.NewChain(0, f.start).RestoreState(chain.CheckpointVersion, nil),
	} {
		if try == nil {
			t.Errorf("%s: no error", name)
		}
	}
	fresh := f.program.NewChain(0, f.start)
	if fresh.RestoreState(chain.CheckpointVersion, state[:len(state)-1]) == nil || fresh.Begun() {
		t.Error("a refused state was taken")
	}
	r := &counter{}
	finish(t, f.worker(t), fresh, 3, time.Hour, r)
	if r.draws != 3 || !slices.Equal(fresh.AppendState(nil), state) {
		t.Error("after a refused state the chain is another")
	}
}

// standard is a normal target of two dimensions, small enough for the fuzzer.
func standard(c *modelContext, _ struct{}) { c.Sample("x", normal2()) }

// FuzzRestoreState: whatever the bytes, RestoreState returns, and what it takes marshals to the same bytes but for the
// buffers' row.
func FuzzRestoreState(f *testing.F) {
	cfg := chain.DefaultConfig()
	cfg.Warmup = 25
	x := build(f, standard, nil, wasm.Engine{}, cfg)
	c := x.program.NewChain(0, x.start)
	w := x.worker(f)
	f.Add([]byte{})
	for range 3 {
		w.LimitTicks(5)
		if err := w.Advance(c, chain.Goal{Draws: 100}, &counter{}); err != nil {
			f.Fatal(err)
		}
		state := c.AppendState(nil)
		f.Add(state)
		f.Add(state[:len(state)/2])
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		c := x.program.NewChain(0, x.start)
		if err := c.RestoreState(chain.CheckpointVersion, state); err != nil {
			return
		}
		if got := c.AppendState(nil); len(got) != len(state) {
			t.Errorf("%d bytes came back as %d", len(state), len(got))
		}
		if row := engine.ArrayOf(tensor.I32, nil, c.Part("Counts.Row")).Bits[0]; row != 0 {
			t.Errorf("restored with %d rows in the buffers", row)
		}
		c.Status()
		c.Totals()
	})
}
