package worker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/transport"
)

// one runs a test with a cluster and one worker on a connection with hooks; the worker is told to end after it, and has to.
func one(t *testing.T, x *sample, change func(*worker.Config), h *hooked, test func(ctx context.Context, c *cluster)) {
	t.Helper()
	simulate(t, x, func(ctx context.Context, c *cluster) {
		life, end := context.WithCancel(ctx)
		h.Transport = c.bus.Connect()
		wait := c.worker(life, h, "w", change)
		test(ctx, c)
		end()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// published counts blocks by pack, safely.
type published struct {
	mu     sync.Mutex // guards the fields below
	blocks map[transport.PackID][]uint64
	last   time.Time
}

func (p *published) hook(b *transport.Block, next func() error) error {
	p.mu.Lock()
	if p.blocks == nil {
		p.blocks = map[transport.PackID][]uint64{}
	}
	p.blocks[b.Lease.Pack] = append(p.blocks[b.Lease.Pack], b.Index)
	p.last = time.Now()
	p.mu.Unlock()
	return next()
}

func (p *published) of(pack transport.PackID) []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.blocks[pack])
}

// latest returns when the last block was published.
func (p *published) latest() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// TestBackPressure: while nothing is committed a worker publishes four blocks of a pack and waits; it goes on as they are.
func TestBackPressure(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	p := &published{}
	one(t, x, nil, &hooked{publish: onBlock(p.hook)}, func(_ context.Context, c *cluster) {
		c.mu.Lock()
		c.pauseSink = true
		c.mu.Unlock()
		time.Sleep(30 * time.Second)
		for pack := range transport.PackID(2) {
			if got := p.of(pack); !slices.Equal(got, []uint64{0, 1, 2, 3}) {
				t.Errorf("pack %d: blocks %d were published without a commit", pack, got)
			}
		}
		c.mu.Lock()
		c.pauseSink = false
		c.mu.Unlock()
		c.finish(coordinator.Done)
		c.check(want)
		for pack := range transport.PackID(2) {
			if got := p.of(pack); !slices.Equal(got, []uint64{0, 1, 2, 3, 4, 5, 6, 7}) {
				t.Errorf("pack %d: blocks %d were published, want each once", pack, got)
			}
		}
	})
}

// TestBacklog: of all packs no more blocks are made than the backlog has places, at which they take turns; leases that are lost give
// theirs back.
func TestBacklog(t *testing.T) {
	x := newSample(t, nil)
	want := x.alone(t)
	for _, lost := range []bool{false, true} {
		p := &published{}
		h := &hooked{publish: onBlock(p.hook)}
		one(t, x, func(cfg *worker.Config) { cfg.Packs, cfg.Backlog = 4, 3 }, h, func(ctx context.Context, c *cluster) {
			c.mu.Lock()
			c.pauseSink = true
			c.mu.Unlock()
			time.Sleep(30 * time.Second)
			n := 0
			for pack := range transport.PackID(4) {
				n += len(p.of(pack))
				forged := &transport.Committed{Worker: "w", Lease: transport.LeaseRef{Run: runID, Pack: pack, Epoch: 1}, Committed: 1, Head: transport.Digest{1}}
				if lost && transport.Send(ctx, h, forged) != nil {
					t.Error("no notice is sent")
				}
			}
			if n != 3 {
				t.Errorf("%d blocks were published without a commit, want 3", n)
			}
			time.Sleep(time.Second)
			c.mu.Lock()
			c.pauseSink = false
			c.mu.Unlock()
			c.finish(coordinator.Done)
			c.check(want)
		})
	}
}

// TestNoticesAreSpare: without a single notice the replies to renewals say all that a worker needs.
func TestNoticesAreSpare(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	one(t, x, nil, &hooked{}, func(_ context.Context, c *cluster) {
		c.mu.Lock()
		c.muted = true
		c.mu.Unlock()
		c.finish(coordinator.Done)
		c.check(want)
	})
}

// TestLostBlocks: blocks whose messages vanish after they were stored are published again, under another identity than the one
// by which they could be dropped as duplicates.
func TestLostBlocks(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	seen := map[uint64]int{} // of pack 1, whose sender is one goroutine
	h := &hooked{}
	h.publish = onBlock(func(b *transport.Block, next func() error) error {
		if b.Lease.Pack != 1 {
			return next()
		}
		if seen[b.Index]++; (b.Index == 2 || b.Index == 3) && seen[b.Index] == 1 {
			return nil
		}
		return next()
	})
	var again atomic.Int64 // messages without an identity
	h.envelope = func(e transport.Envelope) {
		if e.Subject.Channel == transport.Draws && e.ID == "" {
			again.Add(1)
		}
	}
	one(t, x, nil, h, func(_ context.Context, c *cluster) {
		begin := time.Now()
		c.finish(coordinator.Done)
		c.check(want)
		if took := time.Since(begin); took < 50*time.Second || took > 90*time.Second {
			t.Errorf("the run took %v, want about a minute: the pause before blocks are sent again", took)
		}
		if seen[2] != 2 || seen[3] != 2 || again.Load() < 3 { // those after them too, and their pack's head
			t.Errorf("blocks 2 and 3 were published %d and %d times, %d messages had no identity", seen[2], seen[3], again.Load())
		}
	})
}

// TestLostObjects: so are the contents that are too large for their messages.
func TestLostObjects(t *testing.T) {
	x := newSample(t, func(_ *jobOf, m *transport.Manifest) { m.Chains, m.Draws, m.Block = 2, 3000, 1500 })
	want := x.alone(t)
	h := &hooked{}
	lost := false
	h.publish = onBlock(func(b *transport.Block, next func() error) error {
		if b.Index == 3 && !lost {
			if len(b.Content.Inline) > 0 {
				t.Errorf("a content of %d bytes is inline", b.Content.Size)
			}
			lost = true
			return h.Objects(transport.Results).Delete(t.Context(), b.Content.Digest)
		}
		return next()
	})
	one(t, x, nil, h, func(_ context.Context, c *cluster) {
		c.finish(coordinator.Done)
		c.check(want)
	})
}

// TestWarmupAlone: a run without draws is done after its warmup.
func TestWarmupAlone(t *testing.T) {
	x := newSample(t, func(_ *jobOf, m *transport.Manifest) { m.Draws = 0 })
	one(t, x, nil, &hooked{}, func(_ context.Context, c *cluster) {
		c.finish(coordinator.Done)
		if n := len(c.committed[0]); n != len(x.manifest.Warmup) {
			t.Errorf("%d blocks of a warmup of %d", n, len(x.manifest.Warmup))
		}
	})
}

// TestFence: a worker whose renewals get no reply stops at three quarters of the lease, though its blocks would get through.
func TestFence(t *testing.T) {
	x := newSample(t, func(_ *jobOf, m *transport.Manifest) {
		m.Chains, m.Width, m.Draws, m.Block, m.Lease = 1, 1, 100_000, 10, 2000
	})
	p := &published{}
	h := &hooked{}
	h.publish = onBlock(func(b *transport.Block, next func() error) error {
		time.Sleep(10 * time.Millisecond) // so that time passes
		return p.hook(b, next)
	})
	var cut atomic.Bool
	var last atomic.Int64 // time of a renewal that got a reply
	h.request = func(m transport.Sealed, next func() ([]byte, error)) ([]byte, error) {
		if cut.Load() {
			return nil, errDead
		}
		if _, ok := m.(*transport.Renew); ok {
			last.Store(time.Now().UnixNano())
		}
		return next()
	}
	one(t, x, nil, h, func(_ context.Context, c *cluster) {
		time.Sleep(5 * time.Second)
		cut.Store(true)
		time.Sleep(10 * time.Second)
		if stopped := p.latest().Sub(time.Unix(0, last.Load())); stopped > 1500*time.Millisecond || stopped < 1400*time.Millisecond {
			t.Errorf("the last block was published %v after the last renewal of a lease of 2s", stopped)
		}
		cut.Store(false)
		time.Sleep(3 * time.Second)
		if n := len(p.of(0)); time.Since(p.latest()) > time.Second {
			t.Errorf("the worker has not come back after %d blocks", n)
		}
	})
}

// TestAnotherBlock: where the ledger has another block than the worker made, the worker gives the pack up and begins again at the
// ledger's head.
func TestAnotherBlock(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	h := &hooked{}
	var begun atomic.Int64
	h.publish = onBlock(func(b *transport.Block, next func() error) error {
		if b.Index == 0 {
			begun.Add(1)
		}
		return next()
	})
	one(t, x, nil, h, func(ctx context.Context, c *cluster) {
		c.mu.Lock()
		c.pauseSink = true
		c.mu.Unlock()
		time.Sleep(time.Second)
		for p := range transport.PackID(2) {
			forged := &transport.Committed{Worker: "w", Lease: transport.LeaseRef{Run: runID, Pack: p, Epoch: 1}, Committed: 1, Head: transport.Digest{1}}
			if err := transport.Send(ctx, h, forged); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		c.mu.Lock()
		c.pauseSink = false
		c.mu.Unlock()
		c.finish(coordinator.Done)
		c.check(want)
		if begun.Load() != 4 || !strings.Contains(c.logged(), "the ledger has another block 0") {
			t.Errorf("two packs were begun %d times, want twice each:\n%s", begun.Load(), c.logged())
		}
	})
}

// TestDrain: a worker that is drained, or whose context ends, hands over within five seconds: the blocks it has made are in the
// ledger and others go on at once, long before a lease would have expired.
func TestDrain(t *testing.T) {
	x := newSample(t, func(_ *jobOf, m *transport.Manifest) { m.Chains, m.Lease, m.Draws = 3, 600_000, 400 })
	want := x.alone(t)
	for _, how := range []string{"context", "coordinator", "sink away"} {
		t.Run(how, func(t *testing.T) {
			simulate(t, x, func(ctx context.Context, c *cluster) {
				life, end := context.WithCancel(ctx)
				h := &hooked{Transport: c.bus.Connect()}
				p := &published{}
				h.publish = onBlock(func(b *transport.Block, next func() error) error {
					time.Sleep(50 * time.Millisecond)
					return p.hook(b, next)
				})
				wait := c.worker(life, h, "first", nil)
				time.Sleep(300 * time.Millisecond)
				c.mu.Lock()
				c.pauseSink = how == "sink away"
				c.mu.Unlock()
				begin := time.Now()
				if how == "coordinator" {
					c.mu.Lock()
					c.perform(ctx, h.Transport, c.apply(&coordinator.Drain{Worker: "first"}).Actions)
					c.mu.Unlock()
				} else {
					end()
				}
				if err := wait(); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took > 5*time.Second || how == "sink away" && took < 4*time.Second {
					t.Errorf("it took %v", took)
				}
				c.mu.Lock()
				c.pauseSink = false
				if len(c.released) == 0 {
					t.Error("no lease was given back")
				}
				made := len(c.committed[0])
				c.mu.Unlock()
				if n := len(p.of(0)); how != "sink away" && made != n {
					t.Errorf("%d blocks of %d that were made are in the ledger", made, n)
				}
				second, stop := context.WithCancel(ctx)
				heir := c.worker(second, c.bus.Connect(), "second", nil)
				c.finish(coordinator.Done)
				if took := time.Since(begin); took > 30*time.Second {
					t.Errorf("the run was done after %v", took)
				}
				stop()
				if err := heir(); err != nil {
					t.Error(err)
				}
				end()
				c.check(want)
			})
		})
	}
}

// TestMorePacksThanSlots: a worker with room for one pack makes all packs of a run, and compiles their program once.
func TestMorePacksThanSlots(t *testing.T) {
	x := newSample(t, nil)
	want := x.alone(t)
	e := &counting{Engine: engines}
	programs := 0
	one(t, x, func(cfg *worker.Config) { cfg.Slots, cfg.Engine = 1, e }, &hooked{}, func(_ context.Context, c *cluster) {
		c.finish(coordinator.Done)
		c.check(want)
		programs = strings.Count(c.logged(), "program compiled")
	})
	if programs != 1 || e.compiled != 4 {
		t.Errorf("%d programs were compiled of %d functions, want one of four: run, tune, start and transform", programs, e.compiled)
	}
}

// TestExtend: a run that is done and is given more draws goes on to those of a longer run.
func TestExtend(t *testing.T) {
	longer := newSample(t, func(_ *jobOf, m *transport.Manifest) { m.Chains, m.Draws = 3, 200 })
	x := newSample(t, func(_ *jobOf, m *transport.Manifest) { m.Chains, m.Draws = 3, 110 })
	want := longer.alone(t)
	one(t, x, nil, &hooked{}, func(ctx context.Context, c *cluster) {
		c.finish(coordinator.Done)
		c.mu.Lock()
		if r := c.apply(&coordinator.Extend{ID: coordinator.CommandID{1}, Run: runID, Target: 200}); r.Code != coordinator.OK {
			t.Fatal(r.Reason)
		}
		c.mu.Unlock()
		c.finish(coordinator.Done)
		c.check(want)
	})
}

// TestFailures: what a pack can't go on from ends the run with the reason; what another worker could do better does not.
func TestFailures(t *testing.T) {
	for name, x := range map[string]struct {
		sample *sample
		config func(cfg *worker.Config)
		spoil  func(c *cluster)
		want   string
	}{
		"start": {sampleOf(t, nowhere, nil), nil, nil, "at any of 100 starting points"},
		"trust": {newSample(t, nil), func(cfg *worker.Config) {
			cfg.Verify = func(manifest, key, signature []byte) error { return errors.New("trust: nobody has signed it") }
		}, nil, "nobody has signed it"},
		"no program": {newSample(t, nil), nil, func(c *cluster) {
			if err := c.bus.Connect().Objects(transport.Inputs).Delete(context.Background(), c.info.Program.Digest); err != nil {
				panic(err)
			}
		}, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, x.sample, func(ctx context.Context, c *cluster) {
				if x.spoil != nil {
					x.spoil(c)
				}
				life, end := context.WithCancel(ctx)
				wait := c.worker(life, c.bus.Connect(), "w", x.config)
				c.finish(coordinator.Failed)
				end()
				if err := wait(); err != nil {
					t.Error(err)
				}
				if len(c.failed) == 0 || !strings.Contains(c.failed[0], x.want) {
					t.Errorf("the run failed with %q, want %q", c.failed, x.want)
				}
			})
		})
	}
}

// TestAnotherEngine: a worker without the engine that a run wants leaves it to others.
func TestAnotherEngine(t *testing.T) {
	x := newSample(t, func(_ *jobOf, m *transport.Manifest) { m.Engine, m.Chains, m.Width = "xla", 1, 1 })
	one(t, x, nil, &hooked{}, func(_ context.Context, c *cluster) {
		time.Sleep(65 * time.Second)
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.failed) > 0 || len(c.released) < 2 || len(c.released) > 4 {
			t.Errorf("failed: %q, given back: %q; want it given back each half minute", c.failed, c.released)
		}
	})
}

// TestWaitsForCoordinator: a worker that is there first waits.
func TestWaitsForCoordinator(t *testing.T) {
	x := small(t)
	var dead atomic.Bool
	dead.Store(true)
	h := &hooked{request: func(_ transport.Sealed, next func() ([]byte, error)) ([]byte, error) {
		if dead.Load() {
			return nil, errDead
		}
		return next()
	}}
	one(t, x, nil, h, func(_ context.Context, c *cluster) {
		time.Sleep(time.Minute)
		dead.Store(false)
		c.finish(coordinator.Done)
	})
}
