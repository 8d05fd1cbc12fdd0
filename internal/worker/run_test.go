package worker_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/transport"
)

// finish waits until the run has ended as it should, at most some virtual minutes.
func (c *cluster) finish(want coordinator.Status) {
	c.t.Helper()
	for range 6000 {
		if s := c.status(); s != coordinator.Running {
			if s != want {
				c.t.Fatalf("the run is %s: %v", s, c.failed)
			}
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.logMu.Lock()
	defer c.logMu.Unlock()
	c.t.Fatalf("the run has not ended:\n%s", c.log)
}

// simulate runs a test in virtual time, with a cluster that serves until it returns.
func simulate(t *testing.T, x *sample, test func(ctx context.Context, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, x)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.serve(ctx)
		}()
		synctest.Wait()
		test(ctx, c)
		cancel()
		<-done
	})
}

// TestDrawsDoNotDependOnWorkers: one, two or five workers make the draws that the chains make without a cluster.
func TestDrawsDoNotDependOnWorkers(t *testing.T) {
	x := newSample(t, nil)
	want := x.alone(t)
	for _, workers := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			simulate(t, x, func(ctx context.Context, c *cluster) {
				life, end := context.WithCancel(ctx)
				var waits []func() error
				for i := range workers {
					waits = append(waits, c.worker(life, c.bus.Connect(), fmt.Sprintf("w%d", i), func(cfg *worker.Config) { cfg.Slots = 1 + i%2 }))
				}
				c.finish(coordinator.Done)
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

// TestLanes: workers whose engine advances a pack in one call make the same draws, per chain and pooled.
func TestLanes(t *testing.T) {
	chains := newSample(t, func(_ *jobOf, m *transport.Manifest) { m.Chains, m.Width, m.Draws = 5, 3, 60 })
	pooled := newPooled(t, 60)
	together, _ := pooled.aloneTogether(t)
	for _, c := range []struct {
		name string
		x    *sample
		want rows
	}{{"per chain", chains, chains.alone(t)}, {"pooled", pooled, together}} {
		t.Run(c.name, func(t *testing.T) {
			one(t, c.x, func(cfg *worker.Config) { cfg.Lanes = true }, &hooked{}, func(_ context.Context, k *cluster) {
				k.mu.Lock()
				k.pool()
				k.mu.Unlock()
				k.finish(coordinator.Done)
				k.check(c.want)
			})
		})
	}
}

// TestLocal: a job that the process has itself is not fetched.
func TestLocal(t *testing.T) {
	x := small(t)
	want := x.alone(t)
	simulate(t, x, func(ctx context.Context, c *cluster) {
		if err := c.bus.Connect().Objects(transport.Inputs).Delete(ctx, c.info.Program.Digest); err != nil {
			t.Fatal(err)
		}
		life, end := context.WithCancel(ctx)
		wait := c.worker(life, c.bus.Connect(), "w", func(cfg *worker.Config) {
			cfg.Local = func(manifest transport.Digest) *job.Job {
				if manifest == c.manifest.Digest {
					return x.job
				}
				return nil
			}
		})
		c.finish(coordinator.Done)
		end()
		if err := wait(); err != nil {
			t.Error(err)
		}
		c.check(want)
	})
}

// TestCompilationIsTold: a heartbeat says what a program took as soon as it is compiled, however short its run.
func TestCompilationIsTold(t *testing.T) {
	simulate(t, small(t), func(ctx context.Context, c *cluster) {
		beats, err := c.bus.Connect().Subscribe(ctx, transport.Filter{Channel: transport.Heartbeats})
		if err != nil {
			t.Fatal(err)
		}
		defer beats.Close()
		life, end := context.WithCancel(ctx)
		begin := time.Now()
		wait := c.worker(life, c.bus.Connect(), "w", nil)
		for sequence := uint64(0); ; sequence++ {
			q, err := beats.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			m, err := transport.Open(q.Envelope())
			if err != nil {
				t.Fatal(err)
			}
			beat := m.(*transport.Heartbeat)
			if beat.Sequence != sequence {
				t.Errorf("heartbeat %d comes after %d others", beat.Sequence, sequence)
			}
			if len(beat.Compiled) == 0 && time.Since(begin) < time.Second {
				continue
			}
			if len(beat.Compiled) != 1 || beat.Compiled[0].Run != runID || time.Since(begin) >= time.Second {
				t.Errorf("after %v a heartbeat says %v", time.Since(begin), beat.Compiled)
			}
			break
		}
		c.finish(coordinator.Done)
		end()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}
