package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// checkStates checks that chains can go on from where a ledger is: from the last block of each pack, and those after it that are stored.
func checkStates(t *testing.T, b *BlockWriter, l Ledger, deliveries [][]Block) {
	t.Helper()
	for _, batch := range deliveries {
		for _, k := range batch {
			if k.Index+1 < l.Heads[k.Pack].Blocks {
				continue
			}
			if state, err := b.State(k.Pack, k.Digest); err != nil || !bytes.Equal(state, k.State) {
				t.Errorf("the state after block %d of pack %d is %q, %v", k.Index, k.Pack, state, err)
			}
		}
	}
}

// TestDropStates: wherever the ledger is, what nobody goes on from is removed, and nothing else; the run goes on, and has the same draws.
func TestDropStates(t *testing.T) {
	for last := range len(deliveries()) + 1 {
		dir := filepath.Join(t.TempDir(), "run")
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
		if err != nil {
			t.Fatal(err)
		}
		cut := fakeBlock(0, 1, 0)
		cut.Cut, cut.State, cut.Digest = true, []byte("state after a part of a block"), [32]byte{1}
		if err := b.Write([]Block{cut}); err != nil {
			t.Fatal(err)
		}
		for i, batch := range deliveries()[:last] {
			if err := errors.Join(b.Write(batch), b.SetLedger(heads(i+1)), b.dropStates(1), b.dropStates(1)); err != nil {
				t.Fatal(err)
			}
		}
		l := heads(last)
		for range 2 { // as it is, and opened again
			checkStates(t, b, l, deliveries()[:last])
			if state, err := b.Unfinished(0, 1, cut.Previous); l.Heads[0].Blocks == 1 && (err != nil || !bytes.Equal(state, cut.State)) {
				t.Errorf("after delivery %d the state within block 1 of pack 0 is %q, %v", last, state, err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if b, err = OpenBlocks(dir, blockPacks, Options{FS: noSync{}}); err != nil {
				t.Fatal(err)
			}
		}
		checkSpent(t, dir, l, fmt.Appendf(nil, "part of a block"))
		if err := sinkRun(b, last); err != nil {
			t.Fatal(err)
		}
		if got := digests(t, dir); got != plainDigests(t) {
			t.Errorf("a run whose states were removed after delivery %d has other draws", last)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSpent checks that a directory has no states that were to go.
func checkSpent(t *testing.T, dir string, l Ledger, cut []byte) {
	t.Helper()
	var all []byte
	for _, name := range matching(t, dir, "blocks-*") {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	for _, k := range fakeBlocks() {
		if spent := k.Index+1 < l.Heads[k.Pack].Blocks; spent && bytes.Contains(all, k.State) {
			t.Errorf("%q is there, and pack %d has %d blocks", k.State, k.Pack, l.Heads[k.Pack].Blocks)
		}
	}
	if l.Heads[0].Blocks > 1 && bytes.Contains(all, cut) {
		t.Errorf("%q is there, and the ledger has the whole block", cut)
	}
}

// TestDropStatesLeavesSmallFiles: a file that would be little shorter stays as it is.
func TestDropStatesLeavesSmallFiles(t *testing.T) {
	dir, b := mustCreateBlocks(t)
	if err := sinkRun(b, 0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, indexName(0))
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.DropStates(); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) || after.Size() != before.Size() {
		t.Errorf("an index file of %d bytes was written again: %v", before.Size(), err)
	}
}

// TestDropStatesCrash: a crash at any operation leaves a run that goes on, from the same states.
func TestDropStatesCrash(t *testing.T) {
	want := plainDigests(t)
	const last = 5
	crashes := 0
	for at := 0; ; at++ {
		dir := filepath.Join(t.TempDir(), "run")
		fsys := newCrashFS()
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: fsys})
		if err != nil {
			t.Fatal(err)
		}
		for i, batch := range deliveries()[:last] {
			if err := errors.Join(b.Write(batch), b.SetLedger(heads(i+1))); err != nil {
				t.Fatal(err)
			}
		}
		fsys.failAt, fsys.sticky, fsys.err = fsys.ops+at, true, errCrash
		err = b.dropStates(1)
		_ = b.w.lock.release()
		if err == nil {
			break
		}
		for name, files := range fsys.aftermaths() {
			t.Run(fmt.Sprintf("%d/%s/%s", at, fsys.failed, name), func(t *testing.T) {
				after := materialise(t, dir, files)
				b, err := OpenBlocks(after, blockPacks, Options{FS: noSync{}})
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				if err := b.SetLedger(heads(last)); err != nil {
					t.Fatal(err)
				}
				checkStates(t, b, heads(last), deliveries()[:last])
				if err := errors.Join(b.dropStates(1), sinkRun(b, last)); err != nil {
					t.Fatal(err)
				}
				if got := digests(t, after); got != want {
					t.Errorf("the run ends with\n%s\nwant\n%s", got, want)
				}
				crashes++
			})
		}
	}
	if crashes < 20 {
		t.Errorf("%d directories went on: the run has changed, so must the test", crashes)
	}
}
