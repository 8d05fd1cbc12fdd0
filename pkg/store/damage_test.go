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
