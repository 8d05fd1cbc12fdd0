package runner_test

import (
	"testing"

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
