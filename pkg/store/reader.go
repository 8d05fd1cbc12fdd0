package store

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
)

// Bounds of the segments that are open at a time: a long run has more than a process may map, and what is mapped and read counts
// as the process's memory.
const (
	maxMapped      = 64
	maxMappedBytes = 256 << 20
)

// Reader reads a run directory as it was when it was opened. Its methods may be called from several goroutines.
type Reader struct {
	dir     string
	run     *Run
	schema  *arrow.Schema
	head    []byte // the schema message of the segments
	cols    []column
	leaves  func() leaves // made when the first table is opened: there may be very many
	numbers []int         // of the segments of a run without a ledger
	ledger  *Ledger       // as it was; nil of a run that has none
	draws   int64         // of such a run: those of each chain in sampling that count
	at      atomic.Pointer[layout]

	mu     sync.Mutex // guards what follows
	open   []*mapped  // the least recently used first
	mapped int        // bytes of them
	tables tables
}

// Open opens a run directory. A directory without segments is a run of no draws.
func Open(dir string) (*Reader, error) {
	run, err := ReadRun(dir)
	if err != nil {
		return nil, err
	}
	ledger, err := readLedger(dir, run)
	if err != nil {
		return nil, err
	}
	r, err := openAt(dir, run, ledger)
	if err == nil && ledger != nil && run.State == Running { // it goes on, or was killed
		if run.Counts, err = r.Counts(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, err
}

// openAt opens a run directory for what a ledger has, or without one for what is in the segments.
func openAt(dir string, run *Run, ledger *Ledger) (*Reader, error) {
	r := &Reader{dir: dir, run: run, ledger: ledger, cols: run.Schema.columns(), leaves: sync.OnceValue(run.Schema.leaves)}
	var err error
	if r.schema, err = run.Schema.arrowSchema(); err != nil {
		return nil, err
	}
	if r.head, err = schemaMessage(r.schema); err != nil {
		return nil, err
	}
	if ledger != nil {
		r.draws = int64(min(ledger.Draws, math.MaxInt64))
		l, err := r.locate()
		if err != nil {
			return nil, err
		}
		r.at.Store(l)
		return r, nil
	}
	if r.numbers, err = segments(dir); err != nil {
		return nil, err
	}
	l := newLayout(run.Settings.Chains)
	r.at.Store(l)
	for _, n := range r.numbers {
		if err := r.index(l, n); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	l.order()
	return r, nil
}

// index adds the draws of a segment to the blocks.
func (r *Reader) index(l *layout, segment int) error {
	m, err := r.segment(segment)
	if err != nil {
		return err
	}
	for i := range m.recs {
		if err := r.indexBatch(l, m, segment, i); err != nil {
			return err
		}
	}
	return nil
}

// indexBatch cuts a batch into runs of consecutive draws of a chain.
func (r *Reader) indexBatch(l *layout, m *mapped, segment, batch int) error {
	rec := m.recs[batch]
	n := int(rec.NumRows())
	chains, err1 := m.values(batch, colChain, &column{dtype: I32, width: 1})
	draws, err2 := m.values(batch, colDraw, &column{dtype: I64, width: 1})
	phase := valueBytes(rec.Column(colPhase).Data())
	if err := errors.Join(err1, err2); err != nil || n == 0 || len(phase) < n {
		return errors.Join(fmt.Errorf("store: %s is damaged: batch %d has no draws", m.path, batch), err)
	}
	for from, to := 0, 1; from < n; from, to = to, to+1 {
		for to < n && chains.bits(to) == chains.bits(from) && phase[to] == phase[from] && draws.bits(to) == draws.bits(to-1)+1 {
			to++
		}
		chain := int(int32(chains.bits(from)))
		b := block{segment: segment, row: m.starts[batch] + from, chain: chain, chains: 1, first: int64(draws.bits(from)), n: to - from}
		if chain < 0 || chain >= len(l.blocks[0]) || phase[from] >= phases || b.first < 0 || b.first > math.MaxInt64-int64(n) {
			return fmt.Errorf("store: %s is damaged: row %d of batch %d is draw %d of chain %d, of %d", m.path, from, batch, b.first, chain, len(l.blocks[0]))
		}
		if err := r.add(l, Phase(phase[from]), b); err != nil {
			return err
		}
	}
	return nil
}

// add appends a block to those of its chain.
func (r *Reader) add(l *layout, phase Phase, b block) error {
	blocks := l.blocks[phase][b.chain]
	have := end(blocks)
	if b.first > have {
		return fmt.Errorf("store: %s: %s draws %d to %d of chain %d are missing before %s",
			r.dir, phase, have, b.first-1, b.chain, segmentName(b.segment))
	}
	if known := have - b.first; known > 0 { // never written; harmless if it were
		b.row, b.first, b.n = b.row+int(known), have, b.n-int(known)
	}
	if b.n > 0 {
		l.blocks[phase][b.chain] = append(blocks, b)
	}
	return nil
}

// segment returns an open segment. The caller holds mu, or is alone.
func (r *Reader) segment(n int) (*mapped, error) {
	path := filepath.Join(r.dir, segmentName(n))
	if i := slices.IndexFunc(r.open, func(m *mapped) bool { return m.path == path }); i >= 0 {
		m := r.open[i]
		r.open = append(slices.Delete(r.open, i, i+1), m)
		return m, nil
	}
	m, err := openSegment(path, r.head)
	if err != nil {
		return nil, err
	}
	r.open, r.mapped = append(r.open, m), r.mapped+m.bytes
	for len(r.open) > 1 && (len(r.open) > maxMapped || r.mapped > maxMappedBytes) {
		r.mapped -= r.open[0].bytes
		r.open[0].release()
		r.open = slices.Delete(r.open, 0, 1)
	}
	return m, nil
}

// view returns the values of a column in a block's rows. The caller holds mu for as long as it uses them.
func (r *Reader) view(b *block, col int) (view, error) {
	m, err := r.segment(b.segment)
	if err != nil {
		return view{}, err
	}
	return m.part(b.row, max(b.at(b.chain+b.chains-1), 0)+b.n, firstColumn+col, &r.cols[col])
}

// Dir returns the run directory.
func (r *Reader) Dir() string { return r.dir }

// Run returns the run's description; of a run that goes on, or was killed, the times are those that were noted last.
func (r *Reader) Run() *Run { return r.run }

// Live reports whether a process is writing the directory now.
func (r *Reader) Live() bool { return inUse(r.dir) != "" }

// Lengths returns the number of draws that each chain has in a phase.
func (r *Reader) Lengths(phase Phase) []int {
	l := r.at.Load()
	out := make([]int, len(l.blocks[phase]))
	for c, blocks := range l.blocks[phase] {
		out[c] = int(end(blocks))
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

// Close lets the segments and tables go. Arrays of the Reader can't be used after it.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.open {
		m.release()
	}
	r.open, r.mapped = nil, 0
	return r.tables.close()
}
