package shell_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/pkg/transport"
)

// TestRun: a run from its submission to its last draw, with one, two and five workers: the same draws.
func TestRun(t *testing.T) {
	for _, workers := range []int{1, 2, 5} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t)
			c.start()
			defer c.stop()
			m := smallRun()
			run := c.submit(m)
			for range workers {
				c.work(shelltest.WorkerConfig{})
			}
			c.ended(run)
			c.check(run, m, 95)
		})
	}
}

// TestGathered: the many files of a run become few when it has ended, each time, and it has the draws that it had.
func TestGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		m := smallRun()
		run := c.submit(m)
		c.work(shelltest.WorkerConfig{})
		files := func() int {
			names, err := filepath.Glob(filepath.Join(c.path(run), "segment-*.arrow"))
			if err != nil {
				t.Fatal(err)
			}
			return len(names)
		}
		c.within(run, 6)
		if n := files(); n < 4 {
			t.Errorf("%d files in the middle of the run: there is nothing to gather", n)
		}
		for _, draws := range []uint64{95, 400} {
			if draws > 95 {
				if _, err := transport.Ask[*transport.Done](t.Context(), c.client, &transport.Extend{Command: c.next(), Run: run, Target: draws}); err != nil {
					t.Fatal(err)
				}
				c.until(run, "extended", func(s *transport.RunStatus) bool { return s.State == transport.Complete && s.Committed == 10*draws })
			}
			c.ended(run)
			time.Sleep(time.Minute)
			if n := files(); n > 2 {
				t.Errorf("%d files after the end", n)
			}
		}
		c.check(run, m, 400)
	})
}
