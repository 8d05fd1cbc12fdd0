package store

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"sync"
)

// maxMapped bounds the segments that are open at a time: a long run has more segments than a process may map.
const maxMapped = 64

// Reader reads a run directory as it was when it was opened. Its methods may be called from several goroutines.
type Reader struct {
	dir     string
	run     *Run
	head    []byte // the schema message of the segments
	cols    []column
	numbers []int             // of the segments
	blocks  [phases][][]block // of each chain, in the order of draws, without gaps
	packs   [][]blockRecord   // of a run with a ledger: each pack's blocks that count

	mu   sync.Mutex // guards what follows
	open []*mapped  // the least recently used first
}

// block is a run of consecutive draws of a chain, or of each of some chains, inside one batch of a segment.
type block struct {
	segment, batch int
	chain, stride  int   // the first chain, and rows from one chain to the next
	row            int   // of the first draw in the batch
	first          int64 // number of the first draw
	n              int   // of each chain
}

// at returns the row of a chain's first draw.
func (b *block) at(chain int) int { return b.row + (chain-b.chain)*b.stride }

// Open opens a run directory. A directory without segments is a run of no draws.
func Open(dir string) (*Reader, error) {
	run, err := ReadRun(dir)
	if err != nil {
		return nil, err
	}
	run.catchUp(dir)
	r := &Reader{dir: dir, run: run, cols: run.Schema.columns()}
	schema, err := run.Schema.arrowSchema()
	if err != nil {
		return nil, err
	}
	if r.head, err = schemaMessage(schema); err != nil {
		return nil, err
	}
	for p := range r.blocks {
		r.blocks[p] = make([][]block, run.Settings.Chains)
	}
	ledger, err := readLedger(dir, run)
	if err != nil {
		return nil, err
	}
	if ledger != nil {
		if err := r.follow(ledger); err != nil {
			return nil, err
		}
		return r, nil
	}
	if r.numbers, err = segments(dir); err != nil {
		return nil, err
	}
	for _, n := range r.numbers {
		if err := r.index(n); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// index adds the batches of a segment to the blocks.
func (r *Reader) index(segment int) error {
	m, err := r.segment(segment)
	if err != nil {
		return err
	}
	for i := range m.recs {
		phase, chain, b, err := m.block(i, r.run.Settings.Chains)
		if err != nil {
			return err
		}
		b.segment = segment
		blocks := r.blocks[phase][chain]
		have := int64(0)
		if len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			have = last.first + int64(last.n)
		}
		if b.first > have {
			return fmt.Errorf("store: %s: %s draws %d to %d of chain %d are missing before %s",
				r.dir, phase, have, b.first-1, chain, segmentName(segment))
		}
		if known := have - b.first; known > 0 { // never written; harmless if it were
			b.row, b.first, b.n = int(known), have, b.n-int(known)
		}
		if b.n > 0 {
			r.blocks[phase][chain] = append(blocks, b)
		}
	}
	return nil
}

// block returns what batch i holds, by its first and last row.
func (m *mapped) block(i, chains int) (phase Phase, chain int, b block, err error) {
	rec := m.recs[i]
	n := int(rec.NumRows())
	chainCol, err1 := m.values(i, colChain, &column{dtype: I32, width: 1})
	drawCol, err2 := m.values(i, colDraw, &column{dtype: I64, width: 1})
	phaseCol := valueBytes(rec.Column(colPhase).Data())
	if err := errors.Join(err1, err2); err != nil || n == 0 || len(phaseCol) < n {
		return 0, 0, block{}, errors.Join(fmt.Errorf("store: %s is damaged: batch %d has no draws", m.path, i), err)
	}
	chain, phase = int(int32(chainCol.bits(0))), Phase(phaseCol[0])
	b = block{batch: i, chain: chain, first: int64(drawCol.bits(0)), n: n}
	whole := chainCol.bits(n-1) == chainCol.bits(0) && phaseCol[n-1] == phaseCol[0] && int64(drawCol.bits(n-1)) == b.first+int64(n)-1
	if !whole || chain < 0 || chain >= chains || phase < 0 || phase >= phases || b.first < 0 {
		return 0, 0, block{}, fmt.Errorf("store: %s is damaged: batch %d is not a run of draws of one chain of %d", m.path, i, chains)
	}
	return phase, chain, b, nil
}

// segment returns an open segment. The caller holds mu, or is alone.
func (r *Reader) segment(n int) (*mapped, error) {
	path := filepath.Join(r.dir, segmentName(n))
	if i := slices.IndexFunc(r.open, func(m *mapped) bool { return m.path == path }); i >= 0 {
		m := r.open[i]
		r.open = append(slices.Delete(r.open, i, i+1), m)
		return m, nil
	}
	if len(r.open) >= maxMapped {
		r.open[0].release()
		r.open = slices.Delete(r.open, 0, 1)
	}
	m, err := openSegment(path, r.head)
	if err != nil {
		return nil, err
	}
	r.open = append(r.open, m)
	return m, nil
}

// view returns the values of a column in a block's batch. The caller holds mu for as long as it uses them.
func (r *Reader) view(b *block, col int) (view, error) {
	m, err := r.segment(b.segment)
	if err != nil {
		return view{}, err
	}
	return m.values(b.batch, firstColumn+col, &r.cols[col])
}

// find returns the block that holds a draw.
func (r *Reader) find(phase Phase, chain int, draw int64) *block {
	blocks := r.blocks[phase][chain]
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].first+int64(blocks[i].n) > draw })
	return &blocks[i]
}

// equal reports whether a stored draw has the values of row, NaNs being equal.
func (r *Reader) equal(at *Row, cols []column, row [][]byte, scratch []byte) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.find(at.Phase, at.Chain, at.Draw)
	var stored []byte
	for i := range cols {
		v, err := r.view(b, i)
		if err != nil {
			return false, err
		}
		stored = v.appendRaw(stored[:0], cols[i].width, b.at(at.Chain)+int(at.Draw-b.first), 1)
		want := scratch[:cols[i].bytes]
		copyCanonical(cols[i].dtype, want, row[i])
		if !bytes.Equal(stored, want) {
			return false, nil
		}
	}
	return true, nil
}

// Dir returns the run directory.
func (r *Reader) Dir() string { return r.dir }

// Run returns the run's description; of a run that goes on, or was killed, the times and the leapfrogs of warmup are those of
// its last checkpoint.
func (r *Reader) Run() *Run { return r.run }

// Live reports whether a process is writing the directory now.
func (r *Reader) Live() bool { return inUse(r.dir) != "" }

// nextSegment returns the number of the first segment that does not exist yet.
func (r *Reader) nextSegment() int {
	if len(r.numbers) == 0 {
		return 0
	}
	return r.numbers[len(r.numbers)-1] + 1
}

// Lengths returns the number of draws that each chain has in a phase.
func (r *Reader) Lengths(phase Phase) []int {
	out := make([]int, len(r.blocks[phase]))
	for c, blocks := range r.blocks[phase] {
		if n := len(blocks); n > 0 {
			out[c] = int(blocks[n-1].first) + blocks[n-1].n
		}
	}
	return out
}

// Len returns the number of draws that every chain has in a phase: the common prefix that all results are of.
func (r *Reader) Len(phase Phase) int { return slices.Min(r.Lengths(phase)) }

// Notice says, if chains have unequal numbers of draws in a phase, that the common prefix is used; else "".
func (r *Reader) Notice(phase Phase) string {
	lengths := r.Lengths(phase)
	lo, hi := slices.Min(lengths), slices.Max(lengths)
	if lo == hi {
		return ""
	}
	return fmt.Sprintf("the chains have %d to %d %s draws: the first %d of each are used", lo, hi, phase, lo)
}

// Close lets the segments go. Arrays of the Reader can't be used after it.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.open {
		m.release()
	}
	r.open = nil
	return nil
}
