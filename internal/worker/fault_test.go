package worker_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/faulty"
)

// small is a run of three chains in two packs, whose blocks take few draws.
func small(t testing.TB) *sample {
	return newSample(t, func(_ *jobOf, m *transport.Manifest) {
		m.Chains, m.Warmup, m.Draws, m.Block = 3, []transport.Step{{Draws: 20}, {Draws: 20}}, 60, 10
	})
}

// TestKill: a worker that dies anywhere between computing a block and its commitment leaves nothing behind that another would not
// have made; the draws are those of an undisturbed run.
func TestKill(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	blocks := []uint64{0, 1, 3} // of warmup; its end; of sampling
	if testing.Short() {
		blocks = blocks[1:2]
	}
	for _, block := range blocks {
		for name, die := range map[string]func(h *hooked, next func() error) error{
			"computed": func(h *hooked, _ func() error) error {
				h.kill()
				return errDead
			},
			"published": func(h *hooked, next func() error) error {
				err := next()
				h.kill()
				if err != nil {
					return err
				}
				return errDead
			},
			"confirmed": func(h *hooked, next func() error) error {
				err := next()
				h.kill()
				return err
			},
		} {
			t.Run(fmt.Sprintf("%s/%d", name, block), func(t *testing.T) {
				simulate(t, x, func(ctx context.Context, c *cluster) {
					victim, end := context.WithCancel(ctx)
					h := &hooked{Transport: c.bus.Connect()}
					h.publish = onBlock(func(b *transport.Block, next func() error) error {
						if b.Index == block && b.Lease.Pack == 0 {
							return die(h, next)
						}
						return next()
					})
					wait := c.worker(victim, h, "victim", nil)
					for !h.isDead() {
						time.Sleep(10 * time.Millisecond)
					}
					end()
					second, stop := context.WithCancel(ctx)
					heir := c.worker(second, c.bus.Connect(), "heir", nil)
					c.finish(coordinator.Done)
					stop()
					for _, w := range []func() error{wait, heir} {
						if err := w(); err != nil {
							t.Error(err)
						}
					}
					c.check(want)
				})
			})
		}
	}
}

// TestSinkDies: a sink that dies after it has written a block, or after it has committed it, gets the block again.
func TestSinkDies(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	for _, point := range []string{"persisted", "committed"} {
		t.Run(point, func(t *testing.T) {
			simulate(t, x, func(ctx context.Context, c *cluster) {
				c.mu.Lock()
				c.sinkDies = point
				c.mu.Unlock()
				life, end := context.WithCancel(ctx)
				wait := c.worker(life, c.bus.Connect(), "w", nil)
				c.finish(coordinator.Done)
				end()
				if err := wait(); err != nil {
					t.Error(err)
				}
				c.check(want)
				if n := c.refused[coordinator.Duplicate]; (n > 0) != (point == "committed") {
					t.Errorf("%d blocks came when the ledger had them", n)
				}
			})
		})
	}
}

// TestZombie: what a worker publishes after its lease has gone to another is refused, and it does not go on.
func TestZombie(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	simulate(t, x, func(ctx context.Context, c *cluster) {
		life, end := context.WithCancel(ctx)
		var late atomic.Int64 // blocks that came out of the pause
		var paused atomic.Bool
		h := &hooked{Transport: c.bus.Connect()}
		h.publish = onBlock(func(b *transport.Block, next func() error) error {
			if b.Index == 2 && b.Lease.Pack == 0 && b.Lease.Epoch == 1 {
				paused.Store(true)
				time.Sleep(10 * time.Second) // five leases; the worker hears nothing
				paused.Store(false)
				late.Add(1)
				return h.Transport.Publish(ctx, sealed(t, b)) // what was on its way gets through
			}
			if b.Lease.Epoch == 1 && late.Load() > 0 && b.Lease.Pack == 0 {
				late.Add(1)
			}
			return next()
		})
		h.request = func(_ transport.Sealed, next func() ([]byte, error)) ([]byte, error) {
			if paused.Load() {
				return nil, errDead
			}
			return next()
		}
		waits := []func() error{c.worker(life, h, "zombie", nil)}
		for !paused.Load() {
			time.Sleep(10 * time.Millisecond)
		}
		c.mu.Lock()

		c.pauseSink = true
		c.mu.Unlock()
		waits = append(waits, c.worker(life, c.bus.Connect(), "heir", nil))
		time.Sleep(9 * time.Second)
		c.mu.Lock()
		c.pauseSink = false
		c.mu.Unlock()
		c.finish(coordinator.Done)
		time.Sleep(12 * time.Second)
		end()
		for _, w := range waits {
			if err := w(); err != nil {
				t.Error(err)
			}
		}
		c.check(want)
		if late.Load() != 1 {
			t.Errorf("the zombie has published %d blocks of its old lease, want the one that was on its way", late.Load())
		}
		if c.refused[coordinator.StaleEpoch]+c.refused[coordinator.Duplicate]+c.refused[coordinator.Ended] == 0 {
			t.Error("nothing was refused")
		}
	})
}

func sealed(t *testing.T, m transport.Sealed) transport.Envelope {
	t.Helper()
	e, err := transport.Seal(m)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestFaults: whatever is lost, repeated, delayed or comes in another order, the draws are the same.
func TestFaults(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		plan := faulty.Plan{Seed: seed, Drop: 0.1, Lost: 0.1, Duplicate: 0.2, Delay: 0.2}
		t.Run(plan.String(), func(t *testing.T) {
			simulate(t, x, func(ctx context.Context, c *cluster) {
				life, end := context.WithCancel(ctx)
				var waits []func() error
				for i := range 3 {
					plan.Seed = 10*seed + uint64(i)
					f := faulty.Wrap(c.bus.Connect(), plan)
					waits = append(waits, c.worker(life, f, fmt.Sprintf("w%d", i), func(cfg *worker.Config) { cfg.Slots = 1 }))
					if i == 0 { // one is cut off for longer than its lease, and comes back
						go func() {
							time.Sleep(30 * time.Millisecond)
							f.Cut(faulty.Outbound | faulty.Inbound)
							time.Sleep(5 * time.Second)
							f.Heal()
						}()
					}
				}
				c.finish(coordinator.Done)
				time.Sleep(6 * time.Second)
				end()
				for _, wait := range waits {
					if err := wait(); err != nil {
						t.Error(err)
					}
				}
				c.check(want)
			})
		})
	}
}
