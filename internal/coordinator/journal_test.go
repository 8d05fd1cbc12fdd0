package coordinator

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// journal opens a journal that compacts at the given length of its log.
func journal(t *testing.T, dir string, compact int64) *Journal {
	t.Helper()
	j, err := openJournal(dir, compact)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.file.Close() })
	return j
}

func propose(t *testing.T, j *Journal, cmds ...Command) {
	t.Helper()
	for _, cmd := range cmds {
		if _, err := j.Propose(t.Context(), cmd); err != nil {
			t.Fatal(err)
		}
	}
}

func state(j *Journal) (out []byte) {
	j.View(func(m *Machine) { out = m.Encode() })
	return out
}

// history returns the first n commands of a random history.
func history(seed int64, n int) []Command {
	s := newSimulation(seed, true, false)
	for len(s.log) < n {
		s.step()
	}
	return s.log[:n]
}

// TestJournalGoesOn: a journal that is opened again is where it was, with and without a snapshot in between.
func TestJournalGoesOn(t *testing.T) {
	for _, compact := range []int64{journalCompact, 2000, 0} {
		dir := t.TempDir()
		j := journal(t, dir, compact)
		for i, cmd := range history(5, 80) {
			propose(t, j, cmd)
			if i%20 != 7 {
				continue
			}
			want := state(j)
			if i%40 == 7 { // else it dies
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
			}
			j = journal(t, dir, compact)
			if !bytes.Equal(state(j), want) {
				t.Fatalf("after %d commands the journal is another when it is opened again", i+1)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Propose(t.Context(), &Tick{9, 9}); err == nil {
			t.Error("a closed journal takes commands")
		}
		if _, err := os.Stat(filepath.Join(dir, snapshotFile)); (err == nil) != (compact < journalCompact) {
			t.Errorf("compaction at %d: %v", compact, err)
		}
	}
}

// TestTornTail: a crash may leave any part of the last record, or zeros: the journal is then where it was before that command,
// and goes on.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, journalFile)
	j := journal(t, dir, journalCompact)
	propose(t, j, &Submit{"r", sampling(1, 20)}, &Register{"a", 1, "wasm", 0})
	before := state(j)
	whole, _ := os.ReadFile(path)
	propose(t, j, &Acquire{"a", 1, 1, 1})
	longer, _ := os.ReadFile(path)
	var tails [][]byte
	for n := len(whole); n < len(longer); n++ {
		tails = append(tails, longer[:n], append(bytes.Clone(longer[:n]), make([]byte, len(longer)-n)...))
	}
	flipped := bytes.Clone(longer)
	flipped[len(flipped)-1] ^= 1
	for i, tail := range append(tails, flipped) {
		if bytes.Equal(tail, longer) { // its last bytes are zeros anyhow
			continue
		}
		if err := os.WriteFile(path, tail, 0o644); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(dir, journalCompact)
		if err != nil {
			t.Fatalf("tail %d of %d bytes: %v", i, len(tail)-len(whole), err)
		}
		if !bytes.Equal(state(j), before) {
			t.Fatalf("tail %d: the journal is not where it was", i)
		}
		propose(t, j, &Acquire{"a", 1, 1, 1})
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, longer) {
			t.Fatalf("tail %d: the log does not go on as it would have", i)
		}
	}
}

// TestUnwrittenLog: what a crash leaves of a log that had nothing to last is an empty one.
func TestUnwrittenLog(t *testing.T) {
	for _, left := range []int{0, 5, 100} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, journalFile), make([]byte, left), 0o644); err != nil {
			t.Fatal(err)
		}
		j := journal(t, dir, journalCompact)
		propose(t, j, &Submit{"r", sampling(1, 20)})
		want := state(j)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if got := state(journal(t, dir, journalCompact)); !bytes.Equal(got, want) {
			t.Errorf("after %d zeros the log lacks what was written", left)
		}
	}
}

// TestDamagedJournal: damage before the last record is an error, never a silent loss.
func TestDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, journalFile)
	j := journal(t, dir, journalCompact)
	propose(t, j, &Submit{"r", sampling(1, 20)}, &Register{"a", 1, "wasm", 0})
	rest := j.size
	propose(t, j, &Acquire{"a", 1, 1, 1})
	b, _ := os.ReadFile(path)
	for i := range rest {
		bad := bytes.Clone(b)
		bad[i] ^= 4
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := openJournal(dir, journalCompact); err == nil || !strings.Contains(err.Error(), "coordinator: ") {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

// TestSnapshotBeforeLog: a crash between a snapshot and the log's shortening leaves commands twice: they are applied once.
func TestSnapshotBeforeLog(t *testing.T) {
	dir := t.TempDir()
	j := journal(t, dir, journalCompact)
	for _, cmd := range history(3, 80) {
		propose(t, j, cmd)
	}
	if err := j.writeSnapshot(); err != nil {
		t.Fatal(err)
	}
	again := journal(t, dir, journalCompact)
	if !bytes.Equal(state(again), state(j)) || again.index != j.index {
		t.Error("commands of the snapshot were applied again")
	}
	propose(t, again, &Tick{1000, 0})
	if last := journal(t, dir, journalCompact); !bytes.Equal(state(last), state(again)) {
		t.Error("the log does not go on after the snapshot")
	}
}

// TestFullDisk: a command that does not fit is not applied, and the journal goes on once there is room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	j := journal(t, dir, journalCompact)
	propose(t, j, &Submit{"r", sampling(1, 20)})
	before := state(j)
	file := j.file
	full, err := os.Open(file.Name()) // can't be written
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	j.file = full
	if _, err := j.Propose(t.Context(), &Register{"a", 1, "wasm", 0}); err == nil || !bytes.Equal(state(j), before) {
		t.Fatalf("a command that could not be written was applied: %v", err)
	}
	if _, err := j.Propose(t.Context(), &Register{"a", 1, "wasm", 0}); err == nil {
		t.Fatal("a log that could not be cut takes commands")
	}
	j.file, j.broken = file, nil
	propose(t, j, &Register{"a", 1, "wasm", 0})
	if again := journal(t, dir, journalCompact); !bytes.Equal(state(again), state(j)) {
		t.Error("the log is not whole after a write that failed")
	}
}
