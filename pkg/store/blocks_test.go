package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The run of these tests: 5 chains in packs of 2, blocks of 2 warmup and then of 3 sampling draws, of which 8 a chain count.
const (
	blockChains = 5
	blockPacks  = 3
	blockCount  = 5
	blockDraws  = 8
)

func blockRun() Run {
	run := testRun(blockChains, 4, blockDraws)
	run.Schema.Sites = slices.DeleteFunc(run.Schema.Sites, func(s Site) bool { return !slices.Contains([]string{"mu", "energy", "flag"}, s.Name) })
	return run
}

// blockID names a block that the pretended sampler makes; salt tells lineages apart.
type blockID struct{ pack, index, salt int }

// fakeBlocks are all of them, made once.
var fakeBlocks = sync.OnceValue(func() map[blockID]Block {
	run := blockRun()
	run.State = Running
	w, err := newWriter("", run, Options{})
	if err != nil {
		panic(err)
	}
	out := map[blockID]Block{}
	for pack := range blockPacks {
		for salt := range 2 {
			for index := range blockCount {
				id := blockID{pack, index, salt}
				out[id] = makeBlock(w, id, out[blockID{pack, index - 1, salt}].Digest)
			}
		}
	}
	return out
})

func makeBlock(w *Writer, id blockID, previous [32]byte) Block {
	b := Block{
		Pack: uint32(id.pack), Index: uint64(id.index), Previous: previous, Chain: 2 * id.pack, Chains: min(2, blockChains-2*id.pack),
		Phase: Warmup, First: int64(2 * id.index), Draws: 2, Columns: make([][]byte, len(w.cols)),
		Leapfrogs: uint64(10 + id.index), Divergences: uint32(id.index),
	}
	if id.index >= 2 {
		b.Phase, b.First, b.Draws = Sampling, int64(3*(id.index-2)), 3
	}
	for c := range b.Chains {
		for d := range b.Draws {
			if err := w.fill(fakeRow(&w.run.Schema, b.Chain+c, b.Phase, b.First+int64(d))); err != nil {
				panic(err)
			}
			for i, v := range w.row {
				from := len(b.Columns[i])
				b.Columns[i] = append(b.Columns[i], v...)
				copyCanonical(w.cols[i].dtype, b.Columns[i][from:], v)
			}
		}
	}
	b.Columns[0][0] ^= byte(id.salt)
	b.State = fmt.Appendf(nil, "state after %v", id)
	sum := sha256.New()
	sum.Write(b.Previous[:])
	sum.Write(b.State)
	for _, c := range b.Columns {
		sum.Write(c)
	}
	b.Digest = [32]byte(sum.Sum(nil))
	return b
}

func fakeBlock(pack, index, salt int) Block { return fakeBlocks()[blockID{pack, index, salt}] }

// deliveries are the blocks in the order in which a sink gets them: packs at unequal pace, a block twice, one of another lineage
// before the one that counts, one that comes before its predecessor. Each batch is one Write.
func deliveries() [][]Block {
	b := func(pack, index int) Block { return fakeBlock(pack, index, 0) }
	return [][]Block{
		{b(0, 0), b(1, 0), fakeBlock(2, 0, 1)},
		{b(0, 2), b(0, 1), fakeBlock(2, 1, 1)},
		{b(2, 0), b(0, 1)},
		{b(1, 1), b(1, 2), b(2, 1), b(2, 2)},
		{b(0, 3), b(0, 4)},
		{b(1, 3), b(2, 3), b(2, 4), b(1, 4)},
	}
}

// heads is the ledger after the first n deliveries: of each pack the blocks of the lineage that counts, without gaps.
func heads(n int) Ledger {
	l := Ledger{Draws: blockDraws, Heads: make([]Head, blockPacks)}
	have := map[[32]byte]bool{}
	for _, batch := range deliveries()[:n] {
		for _, b := range batch {
			have[b.Digest] = true
		}
	}
	for p := range l.Heads {
		for i := range blockCount {
			if d := fakeBlock(p, i, 0).Digest; have[d] {
				l.Heads[p] = Head{uint64(i + 1), d}
			} else {
				break
			}
		}
	}
	return l
}

// sinkRun stores the deliveries from the given one on, each followed by its ledger.
func sinkRun(b *BlockWriter, from int) error {
	for i, batch := range deliveries()[from:] {
		if err := b.Write(batch); err != nil {
			return err
		}
		if err := b.SetLedger(heads(from + i + 1)); err != nil {
			return err
		}
	}
	return nil
}

// plainDigests are those of a run of the same draws that a Writer stored.
func plainDigests(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, blockRun(), nil, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	run := w.Run()
	for c := range blockChains {
		for d := range int64(4) {
			err = errors.Join(err, w.Append(fakeRow(&run.Schema, c, Warmup, d)))
		}
		for d := range int64(blockDraws) {
			err = errors.Join(err, w.Append(fakeRow(&run.Schema, c, Sampling, d)))
		}
	}
	if err := errors.Join(err, w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return digests(t, dir)
}

// TestLedgerOrder: whatever order blocks come in, and whatever else is stored, a reader has the draws that the ledger names.
func TestLedgerOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := sinkRun(b, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := digests(t, dir), plainDigests(t); got != want {
		t.Errorf("the run has\n%s\nwant\n%s", got, want)
	}
	last := fakeBlock(1, 4, 0)
	if state, err := b.State(1, last.Digest); err != nil || string(state) != string(last.State) {
		t.Errorf("the state after the last block is %q, %v", state, err)
	}
	if _, err := b.State(1, fakeBlock(1, 1, 0).Digest); err == nil {
		t.Error("the record of a block that no chain goes on from is still there")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// Of the last block of each pack two of three draws count, 6 and 7, of each of five chains in all: they have 7 and 8 steps.
	if got, err := r.Counts(); err != nil || got != (RunCounts{Leapfrogs: 3*(12+13) + 5*(7+8), WarmupLeapfrogs: 3 * (10 + 11), Divergences: 3 * (2 + 3)}) {
		t.Errorf("the counts are %+v, %v", got, err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if _, err := r.Compact(plain, Options{BufferBytes: 2000}); err != nil {
		t.Fatal(err)
	}
	if got, want := digests(t, plain), plainDigests(t); got != want || HasLedger(plain) {
		t.Errorf("compacted, the run has\n%s\nwant\n%s", got, want)
	}
	for p := range blockPacks {
		for i := range blockCount {
			want := fakeBlock(p, i, 0)
			got, err := r.Block(p, i)
			if err != nil || r.Blocks(p) != blockCount || !bytes.Equal(got.State, want.State) || !slices.EqualFunc(got.Columns, want.Columns, bytes.Equal) {
				t.Fatalf("block %d of pack %d is not what was stored: %v", i, p, err)
			}
			got.State, got.Columns, want.State, want.Columns = nil, nil, nil, nil
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("block %d of pack %d is %v, want %v", i, p, got, want)
			}
		}
	}
	if _, err := OpenBlocks(plain, blockPacks, Options{}); err == nil || !strings.Contains(err.Error(), "can't go on") || !strings.Contains(err.Error(), plain) {
		t.Errorf("a run without a ledger goes on: %v", err)
	}
}

// TestCutBlocks: a block that was cut off is read, and gone on from, until the ledger has another in its place, also where the
// directory was closed meanwhile; one after a block that the ledger does not have is neither.
func TestCutBlocks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	blocks := func(indexes ...int) (out []Block) {
		for p := range blockPacks {
			for _, i := range indexes {
				out = append(out, fakeBlock(p, i, 0))
			}
		}
		return out
	}
	// cut returns the first draw of a block of pack 1.
	cut := func(index, salt int) Block {
		k := fakeBlock(1, index, salt)
		whole := k.Columns
		k.Columns, k.Draws, k.Cut, k.State = nil, 1, true, fmt.Appendf(nil, "cut %d %d", index, salt)
		k.Digest = sha256.Sum256(k.State)
		for _, x := range whole {
			width := len(x) / (k.Chains * fakeBlock(1, index, 0).Draws)
			var first []byte
			for rows := range slices.Chunk(x, len(x)/k.Chains) {
				first = append(first, rows[:width]...)
			}
			k.Columns = append(k.Columns, first)
		}
		return k
	}
	ledger := func(n int) (l Ledger) {
		l.Draws = blockDraws
		for p := range blockPacks {
			l.Heads = append(l.Heads, Head{uint64(n), fakeBlock(p, n-1, 0).Digest})
		}
		return l
	}
	lengths := func() [phases][]int { return checkDraws(t, dir) }
	unfinished := func(index int) string {
		state, err := b.Unfinished(1, uint64(index), fakeBlock(1, index-1, 0).Digest)
		if err != nil {
			t.Error(err)
		}
		return string(state)
	}
	err = errors.Join(b.Write(blocks(0, 1, 2)), b.SetLedger(ledger(3)), b.Write([]Block{cut(4, 0), cut(3, 1), cut(3, 0)}), b.SetLedger(ledger(3)))
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "opened again"} {
		if got := lengths()[Sampling]; fmt.Sprint(got) != "[3 3 4 4 3]" {
			t.Errorf("%s: %v draws", when, got)
		}
		if got := unfinished(3); got != "cut 3 0" || b.Ledger().Heads[1] != ledger(3).Heads[1] {
			t.Errorf("%s: %q after the ledger %v", when, got, b.Ledger())
		}
		if state, err := b.State(1, fakeBlock(1, 2, 0).Digest); err != nil || string(state) != string(fakeBlock(1, 2, 0).State) {
			t.Errorf("%s: the state before is %q, %v", when, state, err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if b, err = OpenBlocks(dir, blockPacks, Options{FS: noSync{}}); err != nil {
			t.Fatal(err)
		}
	}
	defer b.Close()
	if err := errors.Join(b.Write(blocks(3)), b.SetLedger(ledger(4))); err != nil {
		t.Fatal(err)
	}
	if got := lengths()[Sampling]; fmt.Sprint(got) != "[6 6 7 7 6]" || unfinished(4) != "cut 4 0" {
		t.Errorf("after the next block: %v draws, %q", got, unfinished(4))
	}
	if err := errors.Join(b.Write(blocks(4)), b.SetLedger(ledger(5))); err != nil {
		t.Fatal(err)
	}
	if got := digests(t, dir); got != plainDigests(t) {
		t.Error("the whole run has other draws")
	}
}

// TestBlocksCrashAtEveryOperation: what Write returned for is there after any crash, and the run can go on.
func TestBlocksCrashAtEveryOperation(t *testing.T) {
	want := plainDigests(t)
	resumed, every := 0, 1
	if testing.Short() {
		every = 7
	}
	for at := 0; ; at += every {
		dir := filepath.Join(t.TempDir(), "run")
		fsys := newCrashFS()
		fsys.failAt, fsys.sticky, fsys.err = at, true, errCrash
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: fsys})
		written := 0
		if err == nil {
			for i, batch := range deliveries() {
				if err = b.Write(batch); err != nil {
					break
				}
				written = i + 1
				if err = b.SetLedger(heads(i + 1)); err != nil {
					break
				}
			}
			_ = b.w.lock.release()
		}
		if err == nil {
			break
		}
		for name, files := range fsys.aftermaths() {
			if _, ok := files[filepath.Join(dir, runFile)]; !ok {
				continue
			}
			t.Run(fmt.Sprintf("%d/%s/%s", at, fsys.failed, name), func(t *testing.T) {
				after := materialise(t, dir, files)
				b, err := OpenBlocks(after, blockPacks, Options{FS: noSync{}})
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				if err := b.SetLedger(heads(written)); err != nil {
					t.Fatal(err)
				}
				r, err := Open(after) // finds all that the ledger has
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if err := sinkRun(b, written); err != nil {
					t.Fatal(err)
				}
				if got := digests(t, after); got != want {
					t.Errorf("the run ends with\n%s\nwant\n%s", got, want)
				}
				resumed++
			})
		}
	}
	if resumed < 100/every {
		t.Errorf("%d directories resumed: the run has changed, so must the test", resumed)
	}
}

// TestBlocksOnAFullDisk: a Write that fails stores nothing, says so, and can be done again.
func TestBlocksOnAFullDisk(t *testing.T) {
	want := plainDigests(t)
	for at := 0; ; at++ {
		dir := filepath.Join(t.TempDir(), "run")
		fsys := newCrashFS()
		fsys.err, fsys.failAt = syscall.ENOSPC, at
		b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: fsys})
		if err != nil {
			continue
		}
		for i, batch := range deliveries() {
			if err := b.Write(batch); err != nil {
				checkFullError(t, dir, err)
				if err := b.Write(batch); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.SetLedger(heads(i + 1)); err != nil {
				checkFullError(t, dir, err)
			}
		}
		if err := errors.Join(b.SetLedger(heads(len(deliveries()))), b.Close()); err != nil {
			t.Fatal(err)
		}
		if got := digests(t, dir); got != want {
			t.Fatalf("operation %d (%s): the run ends with\n%s\nwant\n%s", at, fsys.failed, got, want)
		}
		if fsys.failed == "" {
			break
		}
	}
}

// TestDamagedIndex: a changed byte of an index or a ledger is an error that names the file.
func TestDamagedIndex(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sinkRun(b, 0), b.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{indexName(2), ledgerFile} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(whole); i += 7 {
			bad := bytes.Clone(whole)
			bad[i] ^= 1
			for _, content := range [][]byte{bad, whole[:i]} {
				write(t, path, string(content))
				if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), path) {
					t.Fatalf("%s, byte %d: %v", name, i, err)
				}
			}
		}
		write(t, path, string(whole))
	}
	if err := os.Remove(filepath.Join(dir, indexName(3))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is in the ledger and not in the store") {
		t.Errorf("an index is missing: %v", err)
	}
}

// TestBlocksThatDoNotFit: a block that is not the run's is refused, and nothing of its batch is stored.
func TestBlocksThatDoNotFit(t *testing.T) {
	_, b := mustCreateBlocks(t)
	s := &b.w.run.Schema
	flag := slices.IndexFunc(s.columns(), func(c column) bool { return c.name == "flag" })
	for want, change := range map[string]func(*Block){
		"the run has 3 packs": func(k *Block) { k.Pack = 3 },
		"chains 4 to 5 of 5":  func(k *Block) { k.Chain = 4 },
		"of phase 2":          func(k *Block) { k.Phase = 2 },
		"want 10 columns":     func(k *Block) { k.Columns = k.Columns[1:] },
		"column lp has 24":    func(k *Block) { k.Columns[0] = k.Columns[0][:24] },
		"neither 0 nor 1":     func(k *Block) { k.Columns[flag][2] = 2 },
	} {
		bad := fakeBlock(0, 0, 0)
		bad.Columns = slices.Clone(bad.Columns)
		bad.Columns[flag] = slices.Clone(bad.Columns[flag])
		change(&bad)
		good := fakeBlock(1, 0, 0)
		if err := b.Write([]Block{good, bad}); err == nil || !strings.Contains(err.Error(), want) || !b.Needs(1, 0, good.Digest) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzIndex(f *testing.F) {
	id := strings.Repeat("0f", runIDBytes)
	whole, _, err := encodeIndex(id, 0, []Block{{Chains: 2, State: []byte("abc"), Draws: 1}, {Pack: 3, Chains: 1, Columns: [][]byte{{}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:len(whole)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		records, err := parseIndex(append(body, sum[:]...), id, 0)
		if err == nil && len(records) != int(binary.LittleEndian.Uint32(body[indexHead-4:])) {
			t.Errorf("%d records", len(records))
		}
	})
}
