package shell_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func digest(t *testing.T, dir string) string {
	t.Helper()
	r, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d, err := r.Digest(store.Sampling)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCheckerCatchesBugs: each thing that the checker promises is noticed where it is violated.
func TestCheckerCatchesBugs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		m := smallRun()
		run := c.submit(m)
		c.work(shelltest.WorkerConfig{})
		c.ended(run)
		var ledger [][]transport.Digest
		c.journal.View(func(machine *coordinator.Machine) {
			for p := range m.Packs() {
				var pack []transport.Digest
				for _, d := range machine.Ledger(coordinator.RunID(run), p) {
					pack = append(pack, transport.Digest(d))
				}
				ledger = append(ledger, pack)
			}
		})
		e, err := shelltest.NewExpect(run, m, c.adapter, 95)
		if err != nil {
			t.Fatal(err)
		}
		want := func(problem string, err error) {
			t.Helper()
			if err == nil || !strings.HasPrefix(err.Error(), problem) {
				t.Errorf("%v, want %s", err, problem)
			}
		}
		if err := e.Check(c.path(run), ledger, 95); err != nil {
			t.Fatal(err)
		}
		want("I4", e.Check(c.path(run), ledger, 96))
		other := shelltest.Adapter{Turn: func(step int) int { return step + 2 }}
		forged, err := shelltest.NewExpect(run, m, other, 95)
		if err != nil {
			t.Fatal(err)
		}
		want("I1", forged.Check(c.path(run), ledger, 95))
		for p := range ledger {
			ledger[p][1][0] ^= 1
		}
		want("I1", e.Check(c.path(run), ledger, 95))
		for p := range ledger {
			ledger[p][1][0] ^= 1
		}
		segments, err := filepath.Glob(filepath.Join(c.path(run), "segment-*.arrow"))
		if err != nil || len(segments) == 0 {
			t.Fatal(segments, err)
		}
		last := segments[len(segments)-1]
		whole, err := os.ReadFile(last)
		if err != nil {
			t.Fatal(err)
		}
		whole[len(whole)/2] ^= 1 // in the middle are the values
		write(t, filepath.Dir(last), filepath.Base(last), whole)
		want("I2", e.Check(c.path(run), ledger, 95))
		if err := os.Remove(last); err != nil {
			t.Fatal(err)
		}
		want("I2", e.Check(c.path(run), ledger, 95))
	})
}
