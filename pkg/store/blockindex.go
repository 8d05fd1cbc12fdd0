package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// blockRecord is what an index file says of a block, and where its draws and its state are.
type blockRecord struct {
	pack     uint32
	index    uint64
	previous [sha256.Size]byte
	digest   [sha256.Size]byte
	chain    int // the first
	chains   int
	phase    Phase
	first    int64
	draws    int // of each chain
	counts   blockCounts
	kept     bool // its draws are stored: in the segment of the index file's number, or in tables
	cut      bool // Block.Cut
	gathered bool // it is in the catalog: its draws are in tables, its state in a file of states

	file     int   // number of the index file, or of the file of states
	row      int   // the first of the segment, if kept there
	state    int64 // offset of the state in that file
	stateLen int
	stateSum uint32 // CRC-32C
}

// blockCounts are a block's counts, over its chains.
type blockCounts struct {
	Leapfrogs   uint64
	Divergences uint32
}

// An index file, little-endian: magic, format, run ID (16 bytes), number of blocks; for each its header and state; last the
// SHA-256 of all before it. The rows of the segment of the same number are those of the blocks that are kept, in order.
const indexHead = frameHead + 4

var indexFrame = frame{
	magic: "drey-blk", format: 1, name: "index of blocks",
	damaged: errors.New("the index of blocks is damaged (its digest does not match): restore it from a copy"),
}

type indexHeader struct {
	Pack             uint32
	Index            uint64
	Previous, Digest [sha256.Size]byte
	Chain, Chains    uint32
	Phase            uint32
	First            int64
	Draws            uint32
	Flags            uint32
	Counts           blockCounts
	StateSum         uint32
	StateLen         uint64
}

// Flags of a block: what blockRecord says under these names.
const (
	flagKept = 1 << iota
	flagCut
)

var (
	indexHeaderBytes = binary.Size(indexHeader{})
	castagnoli       = crc32.MakeTable(crc32.Castagnoli)
)

// recordOf returns the record of a block, without its place.
func recordOf(b *Block) blockRecord {
	return blockRecord{
		pack: b.Pack, index: b.Index, previous: b.Previous, digest: b.Digest, chain: b.Chain, chains: b.Chains, phase: b.Phase, first: b.First, draws: b.Draws,
		counts: blockCounts{b.Leapfrogs, b.Divergences}, kept: b.Columns != nil, cut: b.Cut, stateLen: len(b.State), stateSum: crc32.Checksum(b.State, castagnoli),
	}
}

// header returns a record as files have it.
func (r *blockRecord) header() indexHeader {
	h := indexHeader{
		Pack: r.pack, Index: r.index, Previous: r.previous, Digest: r.digest, Chain: uint32(r.chain), Chains: uint32(r.chains),
		Phase: uint32(r.phase), First: r.first, Draws: uint32(r.draws), Counts: r.counts, StateSum: r.stateSum, StateLen: uint64(r.stateLen),
	}
	if r.kept {
		h.Flags |= flagKept
	}
	if r.cut {
		h.Flags |= flagCut
	}
	return h
}

// sound reports whether a header can be a block's.
func (h *indexHeader) sound() bool { return h.Phase < phases && h.Chains > 0 && h.First >= 0 }

// record returns the record of a header, without its place.
func (h *indexHeader) record() blockRecord {
	return blockRecord{
		pack: h.Pack, index: h.Index, previous: h.Previous, digest: h.Digest, chain: int(h.Chain), chains: int(h.Chains), phase: Phase(h.Phase),
		first: h.First, draws: int(h.Draws), counts: h.Counts, kept: h.Flags&flagKept != 0, cut: h.Flags&flagCut != 0, stateLen: int(h.StateLen), stateSum: h.StateSum,
	}
}

// encodeIndex returns the index file of blocks and their records, in that file's number.
func encodeIndex(runID string, file int, blocks []Block) ([]byte, []blockRecord, error) {
	out, err := indexFrame.begin(runID)
	if err != nil {
		return nil, nil, err
	}
	out = binary.LittleEndian.AppendUint32(out, uint32(len(blocks)))
	for i := range blocks {
		b := &blocks[i]
		r := recordOf(b)
		if out, err = r.appendTo(out, b.State); err != nil {
			return nil, nil, err
		}
	}
	records, err := indexRecords(out, file)
	return seal(out), records, err
}

// appendTo appends what an index file has of a block, whose state is given.
func (r *blockRecord) appendTo(out, state []byte) ([]byte, error) {
	h := r.header()
	out, err := binary.Append(out, binary.LittleEndian, &h)
	return append(out, state...), err
}

// parseIndex returns the records of an index file.
func parseIndex(b []byte, runID string, file int) ([]blockRecord, error) {
	body, err := indexFrame.open(b, runID, indexHead-frameHead)
	if err != nil {
		return nil, err
	}
	return indexRecords(body, file)
}

// indexRecords returns the records of an index file without its digest.
func indexRecords(body []byte, file int) ([]blockRecord, error) {
	count := binary.LittleEndian.Uint32(body[indexHead-4:])
	at, row := indexHead, 0
	var out []blockRecord
	for range count {
		var h indexHeader
		if at+indexHeaderBytes > len(body) {
			return nil, indexFrame.damaged
		}
		if _, err := binary.Decode(body[at:], binary.LittleEndian, &h); err != nil {
			return nil, indexFrame.damaged
		}
		at += indexHeaderBytes
		if h.StateLen > uint64(len(body)-at) || !h.sound() {
			return nil, indexFrame.damaged
		}
		r := h.record()
		r.file, r.row, r.state = file, row, int64(at)
		out = append(out, r)
		if r.kept {
			row += int(h.Chains) * int(h.Draws)
		}
		at += int(h.StateLen)
	}
	if at != len(body) {
		return nil, indexFrame.damaged
	}
	return out, nil
}

// readIndexes calls f with the records of each index file of a run, in the order of their numbers. After a crash an index may be there
// without its segment, whose blocks are as if they had not been written. One that goes away meanwhile is left out: a catalog has its blocks.
func readIndexes(dir string, run *Run, f func([]blockRecord)) error {
	files, err := numbers(dir, indexName)
	if err != nil {
		return err
	}
	segs, err := segments(dir)
	if err != nil {
		return err
	}
	for _, n := range files {
		records, err := readIndex(dir, run, n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if _, there := slices.BinarySearch(segs, n); !there {
			records = slices.DeleteFunc(records, func(r blockRecord) bool { return r.kept })
		}
		f(records)
	}
	return nil
}

// readIndex returns the records of the index file of a number.
func readIndex(dir string, run *Run, n int) ([]blockRecord, error) {
	path := filepath.Join(dir, indexName(n))
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	records, err := parseIndex(b, run.ID, n)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	return records, nil
}

// readState returns the state of a block, whose sum it has checked.
func (r *blockRecord) readState(dir string) ([]byte, error) {
	if r.gathered {
		return r.stateIn(filepath.Join(dir, statesName(r.file)))
	}
	return r.stateIn(filepath.Join(dir, indexName(r.file)))
}

// stateIn returns the state of a block from the file that it is in.
func (r *blockRecord) stateIn(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	b := make([]byte, r.stateLen)
	if _, err := f.ReadAt(b, r.state); err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	if crc32.Checksum(b, castagnoli) != r.stateSum {
		return nil, fmt.Errorf("store: %s is damaged: the state after block %d of pack %d does not match its sum", path, r.index, r.pack)
	}
	return b, nil
}
