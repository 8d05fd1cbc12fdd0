package store

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
)

// TestConcurrentChains appends from a goroutine a chain while another flushes.
func TestConcurrentChains(t *testing.T) {
	const chains, draws = 4, 300
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, testRun(chains, 0, draws), nil, false, Options{FS: noSync{}, BufferBytes: 100_000})
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
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			errs[chains] = errors.Join(errs[chains], w.Flush())
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
}
