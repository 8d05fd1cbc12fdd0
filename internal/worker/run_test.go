package worker_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/worker"
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
