package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// fewRows are sizes at which a pack's draws are in several row groups, and a run in several tables.
var fewRows = gatherSizes{few: 0, table: 2000, rows: 7}

// gatherAll puts everything together, in tables of a few rows.
func gatherAll(b *BlockWriter) error {
	return b.gather(context.Background(), checkFake, fewRows)
}

// checkFake is a Gather's check of the fake blocks.
func checkFake(k *Block) error {
	sum := sha256.New()
	sum.Write(k.Previous[:])
	sum.Write(k.State)
	for _, c := range k.Columns {
		sum.Write(c)
	}
	if [32]byte(sum.Sum(nil)) != k.Digest {
		return fmt.Errorf("block %d of pack %d does not have its digest", k.Index, k.Pack)
	}
	return nil
}

// matching returns the names in a directory that match a pattern.
func matching(t *testing.T, dir, pattern string) (out []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		out = append(out, filepath.Base(p))
	}
	return out
}

// checkBlocks compares all blocks of the ledger with what was written.
func checkBlocks(t *testing.T, r *Reader) {
	t.Helper()
	for p := range r.Packs() {
		for i := range r.Blocks(p) {
			want := fakeBlock(p, i, 0)
			got, err := r.Block(p, i)
			if err != nil || !bytes.Equal(got.State, want.State) || !slices.EqualFunc(got.Columns, want.Columns, bytes.Equal) || got.Previous != want.Previous {
				t.Fatalf("block %d of pack %d is not what was stored: %v", i, p, err)
			}
		}
	}
}

// TestGather: a run that is put together, goes on, and is put together again has the same draws, states and blocks throughout, for
// readers of before too, and ends with tables alone.
func TestGather(t *testing.T) {
	want := plainDigests(t)
	for _, stops := range [][]int{{6}, {3, 6}, {1, 2, 3, 4, 5, 6}, {4, 5, 6, 6}} {
		dir := filepath.Join(t.TempDir(), "run")
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
		if err != nil {
			t.Fatal(err)
		}
		done := 0
		for _, stop := range stops {
			for ; done < stop; done++ {
				if err := errors.Join(b.Write(deliveries()[done]), b.SetLedger(heads(done+1))); err != nil {
					t.Fatal(err)
				}
			}
			before, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			stood := digests(t, dir)
			if err := gatherAll(b); err != nil {
				t.Fatal(err)
			}
			if got := digests(t, dir); got != stood {
				t.Fatalf("put together, the run has\n%s\nwant\n%s", got, stood)
			}
			checkBlocks(t, before)
			var sums []string
			for p := range Phase(phases) {
				d, err := before.Digest(p)
				if err != nil {
					t.Fatal(err)
				}
				sums = append(sums, fmt.Sprint(before.Lengths(p), d))
			}
			if got := strings.Join(sums, "\n"); got != stood {
				t.Fatalf("a reader of before has\n%s\nwant\n%s", got, stood)
			}
			for p, h := range heads(stop).Heads {
				if h.Blocks == 0 {
					continue
				}
				state, err := b.State(uint32(p), h.Digest)
				if err != nil || string(state) != string(fakeBlock(p, int(h.Blocks)-1, 0).State) {
					t.Fatalf("the state to go on from of pack %d is %q, %v", p, state, err)
				}
			}
			if err := before.Close(); err != nil {
				t.Fatal(err)
			}
			if stop%2 == 0 { // by another process
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
				if b, err = OpenBlocks(dir, blockPacks, Options{FS: noSync{}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if got := digests(t, dir); got != want {
			t.Errorf("the run has\n%s\nwant\n%s", got, want)
		}
		if left := slices.Concat(matching(t, dir, "segment-*"), matching(t, dir, "blocks-*"), matching(t, dir, "*.tmp")); len(left) > 0 {
			t.Errorf("%v are left", left)
		}
		if draws, beyond := matching(t, dir, "draws-*.parquet"), matching(t, dir, "beyond-*.parquet"); len(draws) < 3 || len(beyond) != 1 {
			t.Errorf("the tables are %v and %v", draws, beyond)
		}
		checkDraws(t, dir)
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		checkBlocks(t, r)
		plain := filepath.Join(t.TempDir(), "plain")
		if _, err := r.Compact(plain, Options{BufferBytes: 2000}); err != nil {
			t.Fatal(err)
		}
		if got := digests(t, plain); got != want {
			t.Errorf("copied, the run has\n%s\nwant\n%s", got, want)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGatherLeaves: what is in few segments, or has very many elements, stays; so do blocks that no ledger has.
func TestGatherLeaves(t *testing.T) {
	dir, b := mustCreateBlocks(t)
	if err := sinkRun(b, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Gather(context.Background(), checkFake); err != nil || len(matching(t, dir, "segment-*")) != len(deliveries()) || Scattered(dir) {
		t.Errorf("a run of few segments was put together: %v", err)
	}
	last := fakeBlock(0, 4, 1) // of another lineage, from after the ledger's end
	last.Index = 5
	if err := b.Write([]Block{last}); err != nil {
		t.Fatal(err)
	}
	if err := gatherAll(b); err != nil {
		t.Fatal(err)
	}
	if left := matching(t, dir, "segment-*"); len(left) != 1 || !b.Has(0, last.Digest) {
		t.Errorf("%v are left", left)
	}
	if state, err := b.State(0, last.Digest); err != nil || string(state) != string(last.State) {
		t.Errorf("the state of a block that may still count is %q, %v", state, err)
	}
}

// TestGatherRefuses: where a block is not what the ledger has, or the caller ends it, nothing is changed.
func TestGatherRefuses(t *testing.T) {
	dir, b := mustCreateBlocks(t)
	if err := sinkRun(b, 0); err != nil {
		t.Fatal(err)
	}
	was, reason := tree(t, dir), errors.New("not the ledger's")
	for at := range 14 {
		n := 0
		err := b.gather(context.Background(), func(*Block) error {
			if n++; n > at {
				return reason
			}
			return nil
		}, fewRows)
		if !errors.Is(err, reason) || tree(t, dir) != was {
			t.Errorf("after block %d: %v, and the directory has\n%s", at, err, tree(t, dir))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Gather(ctx, checkFake); err != nil { // few segments
		t.Error(err)
	}
	if err := b.gather(ctx, checkFake, fewRows); !errors.Is(err, context.Canceled) || tree(t, dir) != was {
		t.Errorf("cancelled: %v", err)
	}
}

// TestGatherCrashAtEveryOperation: whatever operation a process dies at, the run reads whole, and the next start finishes or cleans up.
func TestGatherCrashAtEveryOperation(t *testing.T) {
	want := plainDigests(t)
	tried, every := 0, 1
	if testing.Short() {
		every = 11
	}
	for at := 0; ; at += every {
		dir := filepath.Join(t.TempDir(), "run")
		fsys := newCrashFS()
		fsys.err = errCrash
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: fsys})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if err := errors.Join(b.Write(deliveries()[i]), b.SetLedger(heads(i+1))); err != nil {
				t.Fatal(err)
			}
		}
		if err := gatherAll(b); err != nil { // this one ends well
			t.Fatal(err)
		}
		if err := sinkRun(b, 4); err != nil {
			t.Fatal(err)
		}
		fsys.failAt, fsys.sticky = fsys.ops+at, true
		err = gatherAll(b)
		_ = b.w.lock.release()
		if fsys.failed == "" {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		for name, files := range fsys.aftermaths() {
			t.Run(fmt.Sprintf("%d/%s/%s", at, fsys.failed, name), func(t *testing.T) {
				after := materialise(t, dir, files)
				if got := digests(t, after); got != want {
					t.Fatalf("the run has\n%s\nwant\n%s", got, want)
				}
				b, err := OpenBlocks(after, blockPacks, Options{FS: noSync{}})
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				if got := digests(t, after); got != want {
					t.Fatalf("opened, the run has\n%s\nwant\n%s", got, want)
				}
				if err := gatherAll(b); err != nil {
					t.Fatal(err)
				}
				if got := digests(t, after); got != want {
					t.Errorf("put together, the run has\n%s\nwant\n%s", got, want)
				}
				named := b.catalog.names()
				for _, pattern := range []string{"segment-*", "blocks-*", "draws-*", "states-*", "beyond-*"} {
					for _, name := range matching(t, after, pattern) {
						if !named[name] {
							t.Errorf("%s is left", name)
						}
					}
				}
				tried++
			})
		}
	}
	if tried < 100/every {
		t.Errorf("%d directories: what is written has changed, so must the test", tried)
	}
}

// TestGatherOnAFullDisk: it fails, changes nothing, leaves nothing, and can be done again.
func TestGatherOnAFullDisk(t *testing.T) {
	want := plainDigests(t)
	for at := 0; ; at++ {
		dir := filepath.Join(t.TempDir(), "run")
		fsys := newCrashFS()
		fsys.err = syscall.ENOSPC
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: fsys})
		if err != nil {
			t.Fatal(err)
		}
		if err := sinkRun(b, 0); err != nil {
			t.Fatal(err)
		}
		was := tree(t, dir)
		fsys.failAt = fsys.ops + at
		err = gatherAll(b)
		if now := tree(t, dir); err != nil && !strings.HasPrefix(fsys.failed, "remove") && fsys.live[filepath.Join(dir, catalogFile)] == nil && now != was {
			t.Errorf("operation %d (%s): the directory has\n%s\nwant\n%s", at, fsys.failed, now, was)
		}
		if got := digests(t, dir); got != want {
			t.Fatalf("operation %d (%s): the run has\n%s\nwant\n%s", at, fsys.failed, got, want)
		}
		if err := errors.Join(gatherAll(b), b.Close()); err != nil {
			t.Fatal(err)
		}
		if got := digests(t, dir); got != want {
			t.Fatalf("operation %d (%s), and again: the run has\n%s\nwant\n%s", at, fsys.failed, got, want)
		}
		if fsys.failed == "" {
			break
		}
	}
}

// TestReadWhileGathering: readers that open, or opened before, never fail and see each draw once, while a run goes on and is put
// together again and again.
func TestReadWhileGathering(t *testing.T) {
	want := map[string]bool{}
	for n := range len(deliveries()) + 1 {
		dir := filepath.Join(t.TempDir(), "run")
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := errors.Join(b.Write(deliveries()[i]), b.SetLedger(heads(i+1))); err != nil {
				t.Fatal(err)
			}
		}
		want[digests(t, dir)] = true
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	rounds, moved := 6, atomic.Int64{}
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		dir := filepath.Join(t.TempDir(), "run")
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
		if err != nil {
			t.Fatal(err)
		}
		var over atomic.Bool
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for !over.Load() {
					r, err := Open(dir)
					if err != nil {
						t.Error(err)
						return
					}
					at := r.at.Load()
					for range 3 {
						if got, err := readAll(r); err != nil || !want[got] {
							t.Errorf("a reader has\n%s, %v", got, err)
							return
						}
					}
					if r.at.Load() != at {
						moved.Add(1)
					}
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i, batch := range deliveries() {
			if err := errors.Join(b.Write(batch), b.SetLedger(heads(i+1)), gatherAll(b)); err != nil {
				t.Error(err)
			}
		}
		over.Store(true)
		readers.Wait()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if moved.Load() == 0 {
		t.Error("no reader had to look for its draws again")
	}
}

// readAll reads everything by each way there is, and returns what digests does.
func readAll(r *Reader) (string, error) {
	var out []string
	for p := range Phase(phases) {
		d, err := r.Digest(p)
		if err != nil {
			return "", err
		}
		out = append(out, fmt.Sprint(r.Lengths(p), d))
		var text bytes.Buffer
		if err := r.WriteCSV(&text, Selection{Phase: p}); err != nil {
			return "", err
		}
		a, err := r.Draws("mu", p)
		if err != nil {
			return "", err
		}
		chains, err := a.Element(0)
		if err != nil {
			return "", err
		}
		lines := 1
		for c := range chains {
			lines += len(chains[c])
			for d, x := range chains[c] {
				if y := a.At(c, d); a.Err() != nil || x != y && x == x {
					return "", fmt.Errorf("draw %d of chain %d is %g and %g: %w", d, c, x, y, a.Err())
				}
			}
		}
		if n := bytes.Count(text.Bytes(), []byte("\n")); n != lines {
			return "", fmt.Errorf("%d lines, want %d", n, lines)
		}
	}
	for p := range r.Packs() {
		for i := range r.Blocks(p) {
			k, err := r.Block(p, i)
			if err == nil {
				err = checkFake(&k)
			}
			if err != nil {
				return "", err
			}
		}
	}
	return strings.Join(out, "\n"), nil
}

// TestDamagedCatalog: a changed byte of a catalog, and a table or a file of states that is cut short, is an error that names the file;
// so is a file that is gone for good.
func TestDamagedCatalog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sinkRun(b, 0), gatherAll(b), b.Close()); err != nil {
		t.Fatal(err)
	}
	read := func() error {
		r, err := Open(dir)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = readAll(r)
		return err
	}
	path := filepath.Join(dir, catalogFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += 7 {
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		for _, content := range [][]byte{bad, whole[:i]} {
			write(t, path, string(content))
			if err := read(); err == nil || !strings.Contains(err.Error(), path) {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
	}
	write(t, path, string(whole))
	for _, name := range slices.Concat(matching(t, dir, "draws-*"), matching(t, dir, "beyond-*"), matching(t, dir, "states-*")) {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(whole[:len(whole)/2]))
		if err := read(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s is cut short: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := read(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s is gone: %v", name, err)
		}
		write(t, path, string(whole))
	}
	if err := read(); err != nil {
		t.Error(err)
	}
}

func FuzzCatalog(f *testing.F) {
	id := strings.Repeat("0f", runIDBytes)
	c := catalog{Generation: 3, Parts: []part{{Runs: []partRun{{0, 2, Sampling, 0, 5}}, Tables: []partTable{{0, []int{10}}}}}, blocks: []blockRecord{{chains: 2}}}
	whole, err := c.encode(id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:len(whole)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		if c, err := parseCatalog(append(body, sum[:]...), id); err == nil {
			_ = newLayout(3).addTables("run", c)
		}
	})
}
