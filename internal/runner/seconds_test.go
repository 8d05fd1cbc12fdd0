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

// TestTimesAfterKill: a run that was killed has the times and the leapfrogs of warmup of its last checkpoint, and a resumed
// one adds its own.
func TestTimesAfterKill(t *testing.T) {
	dir := run(t, short(10))
	whole, err := store.ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	set := func(took store.Seconds) {
		fresh := *whole
		fresh.State, fresh.Seconds, fresh.Counts = store.Running, took, store.RunCounts{}
		text, err := json.Marshal(&fresh)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "run.json"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set(store.Seconds{})
	s := summarise(t, dir)
	if s.Run.Counts.WarmupLeapfrogs != whole.Counts.WarmupLeapfrogs || s.Run.Counts.WarmupLeapfrogs == 0 {
		t.Errorf("%d leapfrogs of warmup, want %d", s.Run.Counts.WarmupLeapfrogs, whole.Counts.WarmupLeapfrogs)
	}
	at := s.Run.Seconds
	if at.Trace != whole.Seconds.Trace || at.Compile != whole.Seconds.Compile || at.Warmup <= 0 || at.Sampling <= 0 || at.Total < at.Trace+at.Compile+at.Warmup+at.Sampling || at.Total > whole.Seconds.Total {
		t.Errorf("killed: %+v, the whole run %+v", at, whole.Seconds)
	}
	set(store.Seconds{Total: 1e6}) // it was taken up again: the checkpoint is older
	if took := summarise(t, dir).Run.Seconds; took != (store.Seconds{Total: 1e6}) {
		t.Errorf("an earlier checkpoint tells %+v", took)
	}
	set(store.Seconds{})
	r, err := runner.Resume(context.Background(), dir, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Draws.Close()
	if now := r.Draws.Run().Seconds; now.Total <= at.Total || now.Warmup < at.Warmup || now.Trace <= at.Trace {
		t.Errorf("resumed: %+v, before %+v", now, at)
	}
}
