package runner_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
)

// TestSecondsOfARun: the parts of a new run are counted once; together they are no more than the whole.
func TestSecondsOfARun(t *testing.T) {
	r, err := store.ReadRun(run(t, short(2)))
	if err != nil {
		t.Fatal(err)
	}
	s := r.Seconds
	if sum := s.Trace + s.Compile + s.Warmup + s.Sampling; s.Trace <= 0 || sum > s.Total {
		t.Errorf("trace %v + compile %v + warmup %v + sampling %v s, want at most the total %v", s.Trace, s.Compile, s.Warmup, s.Sampling, s.Total)
	}
}

// TestTimesAfterKill: a run that was killed has the times that were noted last, and the counts of its blocks; a resumed one adds its own
// times.
func TestTimesAfterKill(t *testing.T) {
	dir := run(t, short(10))
	whole, err := store.ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	killed := *whole
	killed.State, killed.Counts = store.Running, store.RunCounts{}
	text, err := json.Marshal(&killed)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "run.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	s := summarise(t, dir)
	if s.Run.Counts != whole.Counts || s.Run.Counts.WarmupLeapfrogs == 0 {
		t.Errorf("killed: %+v, want %+v", s.Run.Counts, whole.Counts)
	}
	r, err := runner.Resume(context.Background(), dir, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Draws.Close()
	if now, before := r.Draws.Run().Seconds, whole.Seconds; now.Total <= before.Total || now.Warmup < before.Warmup || now.Trace <= before.Trace {
		t.Errorf("resumed: %+v, before %+v", now, before)
	}
	if r.Draws.Run().Counts != whole.Counts {
		t.Errorf("resumed: %+v, want %+v", r.Draws.Run().Counts, whole.Counts)
	}
}
