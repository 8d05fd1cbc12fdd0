package worker_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/transport"
)

// newPooled returns a run of five packs whose warmup is pooled, in blocks of 15 draws at most.
func newPooled(t testing.TB, warmup int) *sample {
	x := newSample(t, func(j *jobOf, m *transport.Manifest) {
		j.Config.Pooled, j.Config.Warmup = true, warmup
		m.Chains, m.Width, m.Draws = 10, 2, 50
		m.Warmup, m.Pooled = job.Warmup(j.Config, 15), true
	})
	return x
}

// aloneTogether returns the draws of chains whose warmup is pooled, run without a cluster.
func (x *sample) aloneTogether(t testing.TB) (rows, []*adapt.Decision) {
	t.Helper()
	p, err := chain.Compile(engines, x.job.Bundle, x.job.Columns, x.job.Config, x.job.Starts)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	w, err := p.NewWorker()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := x.sink(p)
	var chains []*chain.Chain
	for i := range s.rows {
		chains = append(chains, p.NewChain(i, x.job.Starts[0]))
	}
	goal := chain.Goal{Draws: int(x.manifest.Draws), Slice: time.Hour}
	var decisions []*adapt.Decision
	for {
		for _, c := range chains {
			if err := w.Advance(c, goal, s); err != nil {
				t.Fatal(err)
			}
		}
		if chains[0].Warm() {
			return s.rows, decisions
		}
		var reports []adapt.Report
		for _, c := range chains {
			reports = append(reports, p.Report(c))
		}
		d, err := x.job.Config.Pooling(len(chains)).Decide(chains[0].Decision(), reports)
		if err != nil {
			t.Fatal(err)
		}
		decisions = append(decisions, d)
		for _, c := range chains {
			if err := p.Decide([]*chain.Chain{c}, d); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// pool has a cluster take the decisions of a pooled warmup.
func (c *cluster) pool() {
	var last []byte
	c.decide = func(_ int, moments []*transport.Moments) *transport.Decision {
		var reports [][]byte
		for _, m := range moments {
			reports = append(reports, m.Content.Inline)
		}
		d, next, err := job.Decide(c.info, reports, last)
		if err != nil {
			c.t.Error(err)
			return &transport.Decision{Sampling: true}
		}
		last = d.Append(nil)
		return &transport.Decision{
			StepSize: d.StepSize, Next: uint32(next), Sampling: next == len(c.info.Warmup),
			Metric: transport.Payload{Size: uint64(len(last)), Digest: transport.DigestOf(last), Inline: last},
		}
	}
}

// TestPooled: pooled warmup has the decisions and draws that it has without a cluster, whatever the number of workers, without
// notices, and where workers die at a barrier.
func TestPooled(t *testing.T) {
	x := newPooled(t, 100)
	want, decisions := x.aloneTogether(t)
	for _, c := range []struct {
		name    string
		workers int
		muted   bool
		kill    bool
	}{{"1", 1, false, false}, {"2", 2, false, false}, {"5", 5, false, false}, {"muted", 2, true, false}, {"kill", 3, false, true}} {
		if testing.Short() && !c.kill {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			simulate(t, x, func(ctx context.Context, k *cluster) {
				k.mu.Lock()
				k.pool()
				k.muted = c.muted
				k.mu.Unlock()
				life, end := context.WithCancel(ctx)
				var waits []func() error
				for i := range c.workers {
					h := &hooked{Transport: k.bus.Connect()}
					mine, stop := context.WithCancel(life)
					defer stop()
					if c.kill && i < 2 { // one dies with the block that ends a window, the other with its report
						h.publish = func(m transport.Sealed, next func() error) error {
							b, isBlock := m.(*transport.Block)
							r, isReport := m.(*transport.Moments)
							if i == 0 && isBlock && b.Index == 3 || i == 1 && isReport && r.Window > 0 {
								h.kill()
								stop()
								return errDead
							}
							return next()
						}
					}
					waits = append(waits, k.worker(mine, h, fmt.Sprintf("w%d", i), func(cfg *worker.Config) { cfg.Slots = 1 }))
				}
				k.finish(coordinator.Done)
				end()
				for _, wait := range waits {
					if err := wait(); err != nil {
						t.Error(err)
					}
				}
				k.check(want)
				if len(k.decisions) != len(decisions) {
					t.Fatalf("%d decisions, want %d", len(k.decisions), len(decisions))
				}
				for i, d := range k.decisions {
					if !slices.Equal(d.Metric.Inline, decisions[i].Append(nil)) {
						t.Errorf("decision %d differs", i+1)
					}
				}
			})
		})
	}
}
