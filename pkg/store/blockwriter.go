package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Block is draws of a pack: chains that follow one another, advanced together. Its identity is (Pack, Index); where several of one
// identity are stored, the ledger says by digest which of them counts.
type Block struct {
	Pack     uint32
	Index    uint64
	Previous [sha256.Size]byte // digest of the block before
	Digest   [sha256.Size]byte
	Chain    int   // the first chain
	Chains   int   // how many follow one another
	Phase    Phase // of its draws
	First    int64 // number of the first draw, from 0 in each phase
	Draws    int   // of each chain
	// Leapfrogs and Divergences are counts over the block's transitions.
	Leapfrogs   uint64
	Divergences uint32
	// Columns are those of Schema.Columns, each [chain][draw][element], little-endian, Bool one byte, NaN canonical; nil where draws
	// are not kept.
	Columns [][]byte
	State   []byte // to go on from, opaque here
	// Cut says that the block was left unfinished: readers have it until the ledger has another in its place, and Unfinished has its
	// State.
	Cut bool
}

// Count returns the counts over the first n draws of each chain: where all draws are kept from the statistics among Columns, else the
// part of the block's counts that falls to them.
func (b *Block) Count(n int, s *Schema, thin int) (leapfrogs, divergences int64) {
	switch {
	case n >= b.Draws:
		return int64(b.Leapfrogs), int64(b.Divergences)
	case thin > 1 || b.Columns == nil || !s.SampleStats:
		share := float64(n) / float64(b.Draws)
		return int64(math.Round(share * float64(b.Leapfrogs))), int64(math.Round(share * float64(b.Divergences)))
	}
	for c := range b.Chains {
		for row := c * b.Draws; row < c*b.Draws+n; row++ {
			divergences += int64(b.Columns[statDiverging][row])
			leapfrogs += int64(int32(binary.LittleEndian.Uint32(b.Columns[statSteps][4*row:])))
		}
	}
	return leapfrogs, divergences
}

// Column describes a column of Block.Columns.
type Column struct {
	Name     string // a statistic's or a site's, as segments name it
	DType    DType
	Elements int // of one draw
}

// Columns returns the columns of a run's segments: the statistics, then the sites.
func (s *Schema) Columns() []Column {
	var out []Column
	for _, c := range s.columns() {
		out = append(out, Column{c.name, c.dtype, c.width})
	}
	return out
}

// BlockWriter stores the blocks of a run that a ledger puts in order. Blocks come in any order, more than once, and from several
// lineages; Open reads those that the ledger names. Its methods may be called from several goroutines.
type BlockWriter struct {
	w *Writer

	mu      sync.Mutex // guards what follows
	next    int        // number of the next segment and index file
	packs   [][]blockRecord
	ledger  Ledger
	durable bool // ledger is what its file says
	catalog *catalog
	closed  bool
}

// CreateBlocks makes dir the directory of a new run of some packs, as Create does.
func CreateBlocks(dir string, run Run, copies []Copy, packs int, overwrite bool, opts Options) (*BlockWriter, error) {
	w, err := Create(dir, run, copies, overwrite, opts)
	if err != nil {
		return nil, err
	}
	b := &BlockWriter{w: w, packs: make([][]blockRecord, packs), ledger: Ledger{Heads: make([]Head, packs)}, catalog: new(catalog)}
	if err := b.saveLedger(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return b, nil
}

// OpenBlocks opens the directory of a run to go on with it. A directory without a ledger that no blocks were stored in is taken
// for one whose creation was cut off.
func OpenBlocks(dir string, packs int, opts Options) (*BlockWriter, error) {
	run, err := ReadRun(dir)
	if err != nil {
		return nil, err
	}
	l, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	b, err := openBlocks(dir, run, packs, opts)
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	b.w.lock = l
	return b, nil
}

func openBlocks(dir string, run *Run, packs int, opts Options) (*BlockWriter, error) {
	w, err := newWriter(dir, *run, opts)
	if err != nil {
		return nil, err
	}
	b := &BlockWriter{w: w, packs: make([][]blockRecord, packs), ledger: Ledger{Heads: make([]Head, packs)}}
	ledger, err := readLedger(dir, run)
	switch {
	case err != nil:
		return nil, err
	case ledger != nil && len(ledger.Heads) != packs:
		return nil, fmt.Errorf("store: %s has %d packs, the run has %d", dir, len(ledger.Heads), packs)
	case ledger != nil:
		b.ledger, b.durable = *ledger, true
	}
	if b.catalog, err = readCatalog(dir, run); err != nil {
		return nil, err
	}
	b.next = b.catalog.Segments
	segs, err := segments(dir)
	if err != nil {
		return nil, err
	}
	indexes, err := numbers(dir, indexName)
	if err != nil {
		return nil, err
	}
	if ledger == nil && len(segs) > 0 {
		return nil, fmt.Errorf("store: %s can't go on: it is the run of an earlier drey, or was fetched from a cluster; its draws can be read, and more of them take a new run", dir)
	}
	for _, n := range slices.Concat(segs, indexes) {
		b.next = max(b.next, n+1)
	}
	if b.catalog.Generation > 0 {
		if err := sweep(w.fsys, dir, run, b.catalog, true); err != nil {
			return nil, err
		}
	}
	add := func(records []blockRecord) {
		for _, r := range records {
			if int(r.pack) < packs {
				b.packs[r.pack] = append(b.packs[r.pack], r)
			}
		}
		b.forget()
	}
	add(b.catalog.blocks)
	err = readIndexes(dir, run, add)
	b.retreat()
	return b, err
}

// retreat takes the blocks that were cut off out of the ledger that readers have.
func (b *BlockWriter) retreat() {
	for i := range b.ledger.Heads {
		h := &b.ledger.Heads[i]
		r := b.record(uint32(i), h.Digest)
		if h.Blocks == 0 || r == nil || !r.cut {
			continue
		}
		if *h = (Head{r.index, r.previous}); h.Blocks == 0 {
			*h = Head{}
		}
		b.durable = false
	}
}

// Write makes blocks durable: one segment with the draws that are kept, then the index. After an error nothing counts as stored,
// and the blocks can be written again.
func (b *BlockWriter) Write(blocks []Block) error {
	if len(blocks) == 0 {
		return nil
	}
	var batches []rows
	for i := range blocks {
		if err := b.check(&blocks[i]); err != nil {
			return err
		}
		if blk := &blocks[i]; blk.Columns != nil {
			batches = append(batches, rows{blk.Chain, blk.Chains, blk.Phase, blk.First, blk.Draws, blk.Columns})
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("store: %s was closed: open it again", b.w.dir)
	}
	index, records, err := encodeIndex(b.w.run.ID, b.next, blocks)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	var files []content
	if len(batches) > 0 {
		files = append(files, content{filepath.Join(b.w.dir, segmentName(b.next)), func(out io.Writer) error {
			return writeSegment(out, b.w.schema, b.w.cols, batches)
		}})
	}
	files = append(files, content{filepath.Join(b.w.dir, indexName(b.next)), func(out io.Writer) error {
		_, err := out.Write(index)
		return err
	}})
	if err := atomicFiles(b.w.fsys, files); err != nil {
		return err
	}
	b.next++
	for _, r := range records {
		b.packs[r.pack] = append(b.packs[r.pack], r)
		b.durable = b.durable && !r.cut
	}
	return nil
}

// check refuses a block that does not fit the run.
func (b *BlockWriter) check(k *Block) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("store: block %d of pack %d: %s", k.Index, k.Pack, fmt.Sprintf(format, args...))
	}
	switch {
	case int(k.Pack) >= len(b.packs):
		return bad("the run has %d packs", len(b.packs))
	case k.Chain < 0 || k.Chains < 1 || k.Chains > b.w.run.Settings.Chains-k.Chain:
		return bad("chains %d to %d of %d", k.Chain, k.Chain+k.Chains-1, b.w.run.Settings.Chains)
	case k.Draws < 0 || k.First < 0 || k.Phase != Sampling && k.Phase != Warmup:
		return bad("%d draws from draw %d of phase %d", k.Draws, k.First, k.Phase)
	case k.Columns == nil:
		return nil
	case len(k.Columns) != len(b.w.cols) || k.Draws == 0:
		return bad("%d columns of %d draws, want %d columns", len(k.Columns), k.Draws, len(b.w.cols))
	}
	for i := range b.w.cols {
		c := &b.w.cols[i]
		if len(k.Columns[i]) != k.Chains*k.Draws*c.bytes {
			return bad("column %s has %d bytes, want %d", c.name, len(k.Columns[i]), k.Chains*k.Draws*c.bytes)
		}
		if c.dtype == Bool && slices.ContainsFunc(k.Columns[i], func(v byte) bool { return v > 1 }) {
			return bad("column %s has truth values that are neither 0 nor 1", c.name)
		}
	}
	return nil
}

// Needs reports whether a block has to be written before the ledger is asked about it: not if it is durable, or if the ledger has
// gone on from its place.
func (b *BlockWriter) Needs(pack uint32, index uint64, digest [sha256.Size]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.record(pack, digest) == nil && index+1 >= b.ledger.Heads[pack].Blocks
}

// Has reports whether a block is durable that the ledger given to SetLedger does not have yet, or that is its last.
func (b *BlockWriter) Has(pack uint32, digest [sha256.Size]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.record(pack, digest) != nil
}

// Ledger returns what SetLedger was told last, or what the directory had when it was opened.
func (b *BlockWriter) Ledger() Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Ledger{b.ledger.Draws, slices.Clone(b.ledger.Heads)}
}

// State returns the state after a block: the last that a pack has committed, or one after it.
func (b *BlockWriter) State(pack uint32, digest [sha256.Size]byte) ([]byte, error) {
	for try := 0; ; try++ {
		b.mu.Lock()
		r := b.record(pack, digest)
		if r == nil {
			b.mu.Unlock()
			return nil, fmt.Errorf("store: %s has no block %x of pack %d: the store has lost what the ledger has; restore it from a copy", b.w.dir, digest[:8], pack)
		}
		own := *r
		b.mu.Unlock()
		state, err := own.readState(b.w.dir)
		if !errors.Is(err, fs.ErrNotExist) || try == moves {
			return state, err
		}
	}
}

// Unfinished returns the state of the block that was cut off last after a pack's first index blocks, the last of which has a digest;
// nil if there is none.
func (b *BlockWriter) Unfinished(pack uint32, index uint64, previous [sha256.Size]byte) ([]byte, error) {
	b.mu.Lock()
	r := b.cutAfter(pack, Head{index, previous})
	if r == nil {
		b.mu.Unlock()
		return nil, nil
	}
	own := *r
	b.mu.Unlock()
	return own.readState(b.w.dir)
}

// cutAfter returns the record of the block that was cut off last after the end of a lineage, nil if there is none.
func (b *BlockWriter) cutAfter(pack uint32, h Head) *blockRecord {
	for i := range slices.Backward(b.packs[pack]) {
		if r := &b.packs[pack][i]; r.cut && r.index == h.Blocks && (h.Blocks == 0 || r.previous == h.Digest) {
			return r
		}
	}
	return nil
}

func (b *BlockWriter) record(pack uint32, digest [sha256.Size]byte) *blockRecord {
	if int(pack) >= len(b.packs) {
		return nil
	}
	for i := range b.packs[pack] {
		if r := &b.packs[pack][i]; r.digest == digest {
			return r
		}
	}
	return nil
}

// SetLedger says what the ledger has, which only grows, and writes it down for readers. Where it can't be written they see what
// it had before.
func (b *BlockWriter) SetLedger(l Ledger) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(l.Heads) != len(b.packs) {
		panic(fmt.Sprintf("store: a ledger of %d packs for a run of %d", len(l.Heads), len(b.packs)))
	}
	if b.durable && b.ledger.Draws == l.Draws && slices.Equal(b.ledger.Heads, l.Heads) {
		return nil
	}
	b.ledger = Ledger{l.Draws, slices.Clone(l.Heads)}
	b.forget()
	return b.saveLedger()
}

// forget drops the records of blocks that no chain goes on from any more: the last may be one that was cut off, which chains do not
// go on from alone.
func (b *BlockWriter) forget() {
	for i := range b.packs {
		done := b.ledger.Heads[i].Blocks
		b.packs[i] = slices.DeleteFunc(b.packs[i], func(r blockRecord) bool { return r.index+2 < done })
	}
}

// saveLedger writes the ledger down, with the blocks after it that were cut off.
func (b *BlockWriter) saveLedger() error {
	l := Ledger{b.ledger.Draws, slices.Clone(b.ledger.Heads)}
	for i, h := range l.Heads {
		if r := b.cutAfter(uint32(i), h); r != nil {
			l.Heads[i] = Head{r.index + 1, r.digest}
		}
	}
	text, err := l.encode(b.w.run.ID)
	if err != nil {
		return err
	}
	b.durable = false
	err = atomicFile(b.w.fsys, filepath.Join(b.w.dir, ledgerFile), func(out io.Writer) error {
		_, err := out.Write(text)
		return err
	})
	b.durable = err == nil
	return err
}

// Counts returns the totals over the draws that the ledger file has.
func (b *BlockWriter) Counts() (RunCounts, error) {
	r, err := Open(b.w.dir)
	if err != nil {
		return RunCounts{}, err
	}
	out, err := r.Counts()
	return out, errors.Join(err, r.Close())
}

// Fresh reports whether no block was stored, or is in the ledger.
func (b *BlockWriter) Fresh() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next == 0 && !slices.ContainsFunc(b.ledger.Heads, func(h Head) bool { return h.Blocks > 0 })
}

// Dir returns the run directory.
func (b *BlockWriter) Dir() string { return b.w.dir }

// Run returns a copy of the run's description.
func (b *BlockWriter) Run() Run { return b.w.Run() }

// Update changes the run's description as Writer.Update does.
func (b *BlockWriter) Update(change func(*Run)) error { return b.w.Update(change) }

// Close releases the directory. All blocks written stay durable.
func (b *BlockWriter) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return b.w.Close()
}

// Exists reports whether a directory holds a run.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, runFile))
	return err == nil
}
