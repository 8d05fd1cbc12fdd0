package store

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestExtend: a finished run that goes on to more draws has the draws of one long run.
func TestExtend(t *testing.T) {
	long := filepath.Join(t.TempDir(), "long")
	if err := crashRun(long, noSync{}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, testRun(3, 4, 5), nil, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	short := crashSampler
	short.draws = 5
	if err := errors.Join(short.run(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	if w, err = Resume(dir, Options{FS: noSync{}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Update(func(r *Run) { r.Settings.Draws, r.State = 9, Running }); err != nil {
		t.Fatal(err)
	}
	for c, cp := range w.Checkpoints() {
		if cp == nil || cp.Chain != c || cp.Draws != 5 || cp.Warmup != 4 || cp.Transitions != 9 || cp.Version != 3 {
			t.Errorf("checkpoint %d: %+v", c, cp)
		}
	}
	if err := errors.Join(crashSampler.run(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	if got, want := digests(t, dir), digests(t, long); got != want {
		t.Errorf("the extended run has\n%s\nwant\n%s", got, want)
	}
	run, err := ReadRun(dir)
	if err != nil || run.State != Done || run.Settings.Draws != 9 {
		t.Errorf("%s with %d draws, %v", run.State, run.Settings.Draws, err)
	}
}

// TestConcurrentChains appends from a goroutine a chain while another flushes.
func TestConcurrentChains(t *testing.T) {
	const chains, draws = 4, 300
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, testRun(chains, 0, draws), nil, false, Options{FS: noSync{}, BufferBytes: 100_000, SegmentInterval: 1})
	if err != nil {
		t.Fatal(err)
	}
	schema := testSchema()
	errs := make([]error, chains+1)
	var wg sync.WaitGroup
	for c := range chains {
		wg.Go(func() {
			for d := range int64(draws) {
				errs[c] = errors.Join(errs[c], w.Append(fakeRow(&schema, c, Sampling, d)))
				errs[c] = errors.Join(errs[c], w.SetCheckpoint(&Checkpoint{Chain: c, Draws: d + 1, State: []byte{1}}))
			}
		})
	}
	wg.Go(func() {
		for i := range 20 {
			errs[chains] = errors.Join(errs[chains], w.FlushDue(time.Unix(int64(i), 0)))
		}
	})
	wg.Wait()
	if err := errors.Join(append(errs, w.Flush(), w.Close())...); err != nil {
		t.Fatal(err)
	}
	for c, n := range checkDraws(t, dir)[Sampling] {
		if n != draws {
			t.Errorf("chain %d has %d draws", c, n)
		}
	}
	if w, err = Resume(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for c, cp := range w.Checkpoints() {
		if cp == nil || cp.Draws != draws {
			t.Errorf("checkpoint of chain %d: %+v", c, cp)
		}
	}
}
