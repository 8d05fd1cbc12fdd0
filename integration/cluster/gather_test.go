//go:build unix

package cluster

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRunsArePutTogether: once a run has ended, its coordinator has its draws in Parquet tables alone, also if it is killed before, and
// what it has is what a run of one process has, also after an extension.
func TestRunsArePutTogether(t *testing.T) {
	u, worker, coordinator := open(t)
	worker()
	s := schools{seed: 19, draws: 40_000}
	run := s.submit(t, u)
	dir := filepath.Join(coordinator.dir, "runs", run)
	count := func(pattern string) int {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	together := func() {
		t.Helper()
		await(t, "the run's files are put together", func() bool { return count("segment-*") == 0 && count("draws-*.parquet") > 0 })
		if got, want := export(t, dir), s.alone(t); got != want {
			t.Errorf("other draws: %d lines of %d begin alike", alike(got, want), strings.Count(want, "\n"))
		}
	}
	u.must(t, "watch", run)
	coordinator.kill()
	coordinator.start(t)
	together()
	u.must(t, "extend", run, "--draws", "40000")
	s.draws += 40_000
	u.must(t, "watch", run)
	together()
	s.check(t, u, run)
}
