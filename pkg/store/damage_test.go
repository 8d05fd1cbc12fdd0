package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDamage changes the files of a finished run: every read says which file is damaged, and none panics.
func TestDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	finished(t, dir)
	segment := filepath.Join(dir, segmentName(0))
	whole, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	read := func() error {
		r, err := Open(dir)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = r.Digest(Sampling)
		return err
	}
	for _, n := range []int{0, 1, 8, len(whole) / 2, len(whole) - 1} {
		write(t, segment, string(whole[:n]))
		if err := read(); err == nil || !strings.Contains(err.Error(), segmentName(0)) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for i := range whole { // a changed value can't be seen, but nothing may panic
		b := []byte(string(whole))
		b[i] ^= 0x80
		write(t, segment, string(b))
		if err := read(); err != nil && !strings.Contains(err.Error(), dir) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	if err := os.Remove(segment); err != nil {
		t.Fatal(err)
	}
	if err := read(); err == nil || !strings.Contains(err.Error(), "draws 0 to 1 of chain 0 are missing before segment-000001.arrow") {
		t.Errorf("a segment is missing: %v", err)
	}
}

func TestDamagedCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	finished(t, dir)
	path := filepath.Join(dir, checkpointFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	resume := func() error {
		w, err := Resume(dir, Options{})
		if err != nil {
			return err
		}
		return w.Close()
	}
	if err := resume(); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		b := []byte(string(whole))
		b[i] ^= 1
		write(t, path, string(b))
		if err := resume(); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		write(t, path, string(whole[:i]))
		if err := resume(); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	other := filepath.Join(t.TempDir(), "run")
	finished(t, other)
	foreign, err := os.ReadFile(filepath.Join(other, checkpointFile))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(foreign))
	if err := resume(); err == nil || !strings.Contains(err.Error(), "belongs to run") {
		t.Errorf("another run's checkpoint: %v", err)
	}
	write(t, path, string(whole))
	if err := os.Remove(filepath.Join(dir, segmentName(1))); err != nil {
		t.Fatal(err)
	}
	if err := resume(); err == nil || !strings.Contains(err.Error(), "a segment is missing") {
		t.Errorf("a checkpoint beyond the segments: %v", err)
	}
}

func FuzzCheckpoint(f *testing.F) {
	var b strings.Builder
	id := strings.Repeat("0f", runIDBytes)
	if err := writeCheckpoints(&b, id, Seconds{Warmup: 1.5, Total: 2}, []*Checkpoint{{State: []byte("abc"), WarmupLeapfrogs: 7}, nil, {Chain: 2, Draws: 5}}); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(b.String()))
	f.Add([]byte(b.String()[:50]))
	f.Fuzz(func(t *testing.T, data []byte) {
		took, cps, err := parseCheckpoints(data, id)
		if err != nil {
			return
		}
		again := &strings.Builder{}
		all := make([]*Checkpoint, len(cps))
		for i := range cps {
			all[i] = &cps[i]
		}
		if err := writeCheckpoints(again, id, took, all); err != nil || again.String() != string(data) {
			t.Errorf("a file of %d bytes is written again otherwise: %v", len(data), err)
		}
	})
}
