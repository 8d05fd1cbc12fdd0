package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
)

// DefaultBufferBytes is that of Options: a segment this large costs far more to sample than to sync.
const DefaultBufferBytes = 16 << 20

// Options are a Writer's means. The zero value is for production.
type Options struct {
	FS          FS  // nil: the operating system's
	BufferBytes int // of rows held over all chains before a segment is written; 0: DefaultBufferBytes
}

// Copy is the content of one of Run.Files.
type Copy struct {
	Name  string // DataFile, ProgramFile, InitFile or InverseMassMatrixFile
	Write func(io.Writer) error
}

// Row is one draw.
type Row struct {
	Chain  int
	Phase  Phase
	Draw   int64    // from 0 in each chain and phase, kept draws only
	Stats  Stats    // stored if the schema has sample statistics
	Values [][]byte // one a site in the schema's order: its elements, row-major, little-endian, Bool one byte; not kept
}

// Writer stores a run. Its methods may be called from several goroutines; calls of Append for one chain must be in the
// order of its draws. A failed write keeps the rows held: a later Flush tries again.
type Writer struct {
	dir  string
	fsys FS
	opts Options
	lock *lock

	mu      sync.Mutex // guards what follows
	run     Run
	schema  *arrow.Schema
	cols    []column
	chains  []buffer
	row     [][]byte // scratch of Append: the columns of a row; those of statistics are its own memory
	held    int      // rows in the buffers
	segment int      // number of the next segment
}

// Create makes dir the directory of a new run and returns its Writer. dir must not exist, be empty, or, with overwrite,
// be a run directory without other files. run needs no ID, Format or State.
func Create(dir string, run Run, copies []Copy, overwrite bool, opts Options) (*Writer, error) {
	run.Format, run.State = FormatVersion, Running
	if run.ID == "" {
		var id [runIDBytes]byte
		if _, err := rand.Read(id[:]); err != nil {
			return nil, fmt.Errorf("store: run ID: %w", err)
		}
		run.ID = hex.EncodeToString(id[:])
	}
	w, err := newWriter(dir, run, opts)
	if err != nil {
		return nil, err
	}
	if w.lock, err = prepare(w.fsys, dir, overwrite); err != nil {
		return nil, err
	}
	if err := w.begin(copies); err != nil {
		return nil, errors.Join(err, w.lock.release())
	}
	return w, nil
}

// begin writes what a run starts with; run.json last, so that a directory with it is complete.
func (w *Writer) begin(copies []Copy) error {
	for _, c := range copies {
		if !inputName(c.Name) {
			return fmt.Errorf("store: %q is no name of an input's copy: use one of %v", c.Name, inputNames)
		}
		if err := atomicFile(w.fsys, filepath.Join(w.dir, c.Name), c.Write); err != nil {
			return err
		}
	}
	if err := w.saveRun(); err != nil {
		return err
	}
	parent := filepath.Dir(filepath.Clean(w.dir))
	if err := w.fsys.SyncDir(parent); err != nil && !errors.Is(err, fs.ErrPermission) { // a parent may be unreadable
		return diskError(filepath.Join(w.dir, runFile), err)
	}
	return nil
}

func newWriter(dir string, run Run, opts Options) (*Writer, error) {
	if err := run.Validate(); err != nil {
		return nil, err
	}
	if opts.FS == nil {
		opts.FS = OS{}
	}
	if opts.BufferBytes <= 0 {
		opts.BufferBytes = DefaultBufferBytes
	}
	run.Schema.Sites = slices.Clone(run.Schema.Sites)
	for i := range run.Schema.Sites { // JSON has [] for a scalar, not null
		run.Schema.Sites[i].Shape = append([]int{}, run.Schema.Sites[i].Shape...)
	}
	run.Files = append([]Input{}, run.Files...)
	schema, err := run.Schema.arrowSchema()
	if err != nil {
		return nil, err
	}
	w := &Writer{dir: dir, fsys: opts.FS, opts: opts, run: run, schema: schema, cols: run.Schema.columns()}
	w.chains = make([]buffer, run.Settings.Chains)
	w.row = make([][]byte, len(w.cols))
	if run.Schema.SampleStats {
		for i, st := range StatSites() {
			w.row[i] = make([]byte, st.DType.Size())
		}
	}
	return w, nil
}

// Dir returns the run directory.
func (w *Writer) Dir() string { return w.dir }

// Run returns a copy of the run's description.
func (w *Writer) Run() Run {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.run
}

// Update changes the run's description and writes run.json. The schema, the ID and the number of chains stay.
func (w *Writer) Update(change func(*Run)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.run
	change(&w.run)
	w.run.Format, w.run.ID, w.run.Schema, w.run.Settings.Chains = was.Format, was.ID, was.Schema, was.Settings.Chains
	if err := w.run.Validate(); err != nil {
		w.run = was
		return err
	}
	return w.saveRun()
}

func (w *Writer) saveRun() error {
	b, err := w.run.encode()
	if err != nil {
		return err
	}
	return atomicFile(w.fsys, filepath.Join(w.dir, runFile), func(out io.Writer) error {
		_, err := out.Write(b)
		return err
	})
}

// Append stores one draw in memory and, when a chain's buffer is full, in a segment. It allocates nothing in between, unless
// one chain is far ahead of the others: then its buffer grows.
func (w *Writer) Append(r *Row) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fill(r); err != nil {
		return err
	}
	b := &w.chains[r.Chain]
	next := b.next[r.Phase]
	switch {
	case r.Draw != next:
		return fmt.Errorf("store: chain %d: %s draw %d was appended after %d draws", r.Chain, r.Phase, r.Draw, next)
	case r.Phase == Warmup && b.next[Sampling] > 0:
		return fmt.Errorf("store: chain %d: warmup draw %d was appended after sampling draws", r.Chain, r.Draw)
	}
	switch {
	case b.cols == nil || b.n < b.capacity:
	case 2*w.held*w.run.Schema.RowBytes() < w.opts.BufferBytes: // the other chains hold little
		b.grow(w.cols)
	default:
		if err := w.writeHeld(); err != nil {
			return err
		}
	}
	if b.cols == nil {
		b.reserve(w.cols, w.rowsFor(b))
	}
	b.push(w.cols, r.Phase, w.row)
	w.held++
	return nil
}

// rowsFor returns the capacity of a chain's buffer: its share, but no more than the run is going to append.
func (w *Writer) rowsFor(b *buffer) int {
	s := &w.run.Settings
	expected := int64(s.Draws) - b.next[Sampling]
	if s.SaveWarmup {
		expected += int64(s.Warmup) - b.next[Warmup]
	}
	if expected <= 0 {
		expected = math.MaxInt64
	}
	share := w.opts.BufferBytes / (len(w.chains) * w.run.Schema.RowBytes())
	return int(min(int64(max(1, share)), expected))
}

// fill points w.row at the columns of r and checks their lengths.
func (w *Writer) fill(r *Row) error {
	if r.Chain < 0 || r.Chain >= len(w.chains) {
		return fmt.Errorf("store: chain %d of a run of %d chains", r.Chain, len(w.chains))
	}
	if r.Phase != Sampling && r.Phase != Warmup {
		return fmt.Errorf("store: unknown phase %d", r.Phase)
	}
	if len(r.Values) != len(w.run.Schema.Sites) {
		return fmt.Errorf("store: %d values for %d sites", len(r.Values), len(w.run.Schema.Sites))
	}
	sites := w.row[len(w.row)-len(r.Values):]
	for i, v := range r.Values {
		if c := &w.cols[len(w.cols)-len(r.Values)+i]; len(v) != c.bytes {
			return fmt.Errorf("store: site %s: %d bytes for %d %s elements", c.name, len(v), c.width, c.dtype)
		}
		sites[i] = v
	}
	if !w.run.Schema.SampleStats {
		return nil
	}
	s := &r.Stats
	put := func(i int, x float64) { binary.LittleEndian.PutUint64(w.row[i], math.Float64bits(x)) }
	put(0, s.LogDensity)
	put(1, s.Energy)
	w.row[2][0] = 0
	if s.Diverging {
		w.row[2][0] = 1
	}
	put(3, s.AcceptanceRate)
	put(4, s.StepSize)
	binary.LittleEndian.PutUint32(w.row[5], uint32(s.TreeDepth))
	binary.LittleEndian.PutUint32(w.row[6], uint32(s.Steps))
	return nil
}
