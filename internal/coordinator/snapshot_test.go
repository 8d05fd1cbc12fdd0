package coordinator

import (
	"bytes"
	"testing"
	"time"
)

// TestSnapshotOfAMillionBlocks: what coordinators copy to one another, and what they read when they start, stays small however long a
// run is.
func TestSnapshotOfAMillionBlocks(t *testing.T) {
	packs, blocks := uint32(1250), uint32(800)
	if testing.Short() {
		blocks = 8
	}
	m := ledgerOf(t, packs, blocks)
	begin := time.Now()
	snapshot := m.Encode()
	written := time.Since(begin)
	if most := 50 * int(packs*blocks); len(snapshot) > max(most, 1<<20) {
		t.Errorf("a snapshot of %d blocks has %d bytes, want at most %d", packs*blocks, len(snapshot), most)
	}
	if cap(snapshot) > 2*len(snapshot) {
		t.Errorf("a snapshot of %d bytes takes memory for %d", len(snapshot), cap(snapshot))
	}
	begin = time.Now()
	again, err := Decode(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	read := time.Since(begin)
	if !bytes.Equal(again.Encode(), snapshot) {
		t.Error("a machine that was read from a snapshot is another")
	}
	t.Logf("%d blocks of %d packs: %.1f MB, written in %v, read in %v", packs*blocks, packs, float64(len(snapshot))/1e6, written, read)
}

// ledgerOf returns a machine with a run of so many packs with so many blocks each.
func ledgerOf(t *testing.T, packs, blocks uint32) *Machine {
	m := new(Machine)
	m.Apply(&Submit{Run: "r", Spec: Spec{Packs: packs, BlockDraws: 1, Draws: uint64(blocks) + 1, LeaseMillis: 15_000}})
	const held = 1000 // by a worker
	for w := range (packs + held - 1) / held {
		id := WorkerID([]byte{'w', 'a' + byte(w)})
		m.Apply(&Register{Worker: id, Incarnation: 1, Class: "c"})
		m.Apply(&Acquire{Worker: id, Incarnation: 1, Number: 1, Want: held})
	}
	for p := range packs {
		cmd := &Commit{}
		prev := m.Genesis("r", p)
		for k := range blocks {
			d := Digest{byte(p), byte(p >> 8), byte(k), byte(k >> 8), 1}
			cmd.Blocks = append(cmd.Blocks, Block{Tenure: Tenure{Run: "r", Pack: p, Epoch: 1}, K: k, Prev: prev, Digest: d})
			prev = d
		}
		for i, code := range m.Apply(cmd).Blocks {
			if code != OK {
				t.Fatalf("block %d of pack %d: %s", i, p, code)
			}
		}
	}
	return m
}
