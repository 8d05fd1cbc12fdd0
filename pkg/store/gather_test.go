package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// gathered makes a run of the deliveries, with a last block that the ledger does not have.
func gathered(dir string, opts Options) (*BlockWriter, Block, error) {
	b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, opts)
	if err != nil {
		return nil, Block{}, err
	}
	beyond := fakeBlock(1, blockCount-1, 0)
	beyond.Index, beyond.Previous, beyond.Digest, beyond.First = blockCount, beyond.Digest, [32]byte{7}, beyond.First+3
	err = errors.Join(sinkRun(b, 0), b.Write([]Block{beyond}))
	return b, beyond, err
}

// list returns the names of a directory's segments and indexes.
func list(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	for _, form := range []func(int) string{segmentName, indexName} {
		all, err := numbers(dir, form)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			out = append(out, form(n))
		}
	}
	return out
}

// TestGather: few files are left, with the same draws, blocks and states, bit for bit; a block beyond the ledger stays, one of no lineage goes,
// and the run goes on.
func TestGather(t *testing.T) {
	want := plainDigests(t)
	dir := filepath.Join(t.TempDir(), "run")
	b, beyond, err := gathered(dir, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	before := list(t, dir)
	for range 2 {
		if err := b.Gather(); err != nil {
			t.Fatal(err)
		}
		if got := list(t, dir); len(got) != 4 || len(before) <= 4 {
			t.Fatalf("%d files, then %v", len(before), got)
		}
	}
	for range 2 {
		if got := digests(t, dir); got != want {
			t.Errorf("the run has\n%s\nwant\n%s", got, want)
		}
		for p := range blockPacks {
			head := fakeBlock(p, blockCount-1, 0)
			if state, err := b.State(uint32(p), head.Digest); err != nil || !bytes.Equal(state, head.State) {
				t.Errorf("the state of pack %d is %q, %v", p, state, err)
			}
		}
		if !b.Has(1, beyond.Digest) || b.Has(2, fakeBlock(2, 1, 1).Digest) {
			t.Error("a block beyond the ledger is gone, or one of no lineage is there")
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if b, err = OpenBlocks(dir, blockPacks, Options{FS: noSync{}}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for p := range blockPacks {
		for i := range blockCount {
			got, err := r.Block(p, i)
			if want := fakeBlock(p, i, 0); err != nil || got.Digest != want.Digest || got.Previous != want.Previous || !bytes.Equal(got.State, want.State) {
				t.Errorf("block %d of pack %d: %+v, %v", i, p, got, err)
			}
		}
	}
	if err := errors.Join(r.Close(), b.Close()); err != nil {
		t.Error(err)
	}
}

// TestGatherCrashes: after a crash at any operation the run has all that the ledger has, and can be gathered.
func TestGatherCrashes(t *testing.T) {
	want := plainDigests(t)
	source := filepath.Join(t.TempDir(), "run")
	made, _, err := gathered(source, Options{FS: noSync{}})
	if err == nil {
		err = made.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	crashes := 0
	for at := 0; ; at++ {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(at))
		if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
			t.Fatal(err)
		}
		b, err := OpenBlocks(dir, blockPacks, Options{FS: &failing{left: at}})
		if err != nil {
			t.Fatal(err)
		}
		broken := b.Gather()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if got := digests(t, dir); got != want {
			t.Fatalf("operation %d: the run has\n%s\nwant\n%s", at, got, want)
		}
		if broken == nil {
			break
		}
		crashes++
		if b, err = OpenBlocks(dir, blockPacks, Options{FS: noSync{}}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(b.Gather(), b.Close()); err != nil {
			t.Fatal(err)
		}
		if got := digests(t, dir); got != want {
			t.Fatalf("operation %d, gathered again: the run has\n%s\nwant\n%s", at, got, want)
		}
	}
	if crashes < 6 {
		t.Errorf("%d crashes: the writing has changed, so must the test", crashes)
	}
}

// failing is a file system that does so many operations and then none.
type failing struct {
	noSync
	left int
}

var errFailing = errors.New("the file system has died")

func (f *failing) spend() error {
	if f.left == 0 {
		return errFailing
	}
	f.left--
	return nil
}

func (f *failing) Create(path string) (File, error) {
	if err := f.spend(); err != nil {
		return nil, err
	}
	return f.noSync.Create(path)
}

func (f *failing) Rename(from, to string) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.noSync.Rename(from, to)
}

func (f *failing) Remove(path string) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.noSync.Remove(path)
}
