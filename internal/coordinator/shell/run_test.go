package shell_test

import (
	"testing"
	"testing/synctest"

	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
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
