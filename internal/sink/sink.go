package sink

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// View is what a coordinator knows of what was decided, whether it leads or not. Its methods may be called from several goroutines.
type View interface {
	// Runs returns all runs.
	Runs() []transport.RunID
	// Manifest returns what a run is; an error of kind NotFound if there is none of that name.
	Manifest(ctx context.Context, run transport.RunID) (*transport.Manifest, error)
	// Ledger returns what counts of a run's blocks now, and how the run is.
	Ledger(run transport.RunID) (store.Ledger, Ending, error)
	// Lineage returns the digests of a pack's committed blocks from an index on.
	Lineage(run transport.RunID, pack transport.PackID, from uint64) []transport.Digest
}

// Ledger is the coordinator that leads as a sink needs it. Its methods may be called from several goroutines.
type Ledger interface {
	View
	// Commit enters durable blocks into the ledger and returns a verdict for each. An error says that nothing is known: ask again.
	Commit(ctx context.Context, entries []transport.LedgerEntry) ([]transport.Verdict, error)
}

// Ending is how a run is: one without a State goes on.
type Ending struct {
	State store.State // Done, Interrupted for one that was stopped, or Failed
	Error string      // of one that failed

	Seconds store.Seconds // that it has taken so far
	Warmup  *store.Warmed // nil while it goes on
}

// Config is what a sink is told.
type Config struct {
	// Path returns the directory of a run.
	Path func(transport.RunID) string
	// Files are the means of run directories.
	Files store.Options
	// Inputs has the copies of what runs were given that manifests name; nil, as where Open is set: none are kept.
	Inputs transport.Objects
	// Group is the coordinators of which each keeps all draws by itself; nil for one that is alone.
	Group *Group
	// Open returns what keeps the blocks of a run; nil: directories at Path, which are made when they are needed.
	Open func(run transport.RunID, m *transport.Manifest) (Keeper, error)
	// Linger is how long blocks may wait for others, so that many are stored at once, while Busy reports that others are being made;
	// 0, the default: they do not wait.
	Linger time.Duration
	Busy   func() bool
	// Figures has the sink keep running diagnostics of each run, for whoever watches it.
	Figures bool
	// Faulty is told why blocks of a run can't be stored, or the ledger can't take them, each time that it is so; nil: nobody is.
	Faulty func(run transport.RunID, err error)
	Log    *slog.Logger
}

// Keeper keeps the blocks of a run: *store.BlockWriter, or what a run has whose draws do not outlive its process. Its methods are
// those of store.BlockWriter, where they are described.
type Keeper interface {
	Run() store.Run
	Needs(pack uint32, index uint64, digest [sha256.Size]byte) bool
	Has(pack uint32, digest [sha256.Size]byte) bool
	Write(blocks []store.Block) error
	Ledger() store.Ledger
	State(pack uint32, digest [sha256.Size]byte) ([]byte, error)
	SetLedger(l store.Ledger) error
	Counts() (store.RunCounts, error)
	Update(change func(*store.Run)) error
	Close() error
}

// Sink stores the blocks of all runs. Its methods may be called from several goroutines.
type Sink struct {
	cfg        Config
	opening    chan struct{} // held by who opens a directory, which may wait for another process to let it go
	collecting chan struct{} // held by who fetches copies of inputs

	mu        sync.Mutex // guards the fields below
	runs      map[transport.RunID]*directory
	figures   map[transport.RunID]*figures
	settled   map[transport.RunID]bool      // runs that have ended, all of which is here; only in a group
	collected map[transport.RunID]bool      // runs whose directory has the copies of their inputs
	doubted   map[transport.RunID]parameter // of runs with a stop rule: for which it did not hold last
}

// New returns a sink that has opened nothing yet.
func New(cfg Config) (*Sink, error) {
	if cfg.Path == nil || cfg.Log == nil {
		return nil, errors.New("sink: no directory for runs, or no log")
	}
	if cfg.Inputs != nil && cfg.Open != nil {
		return nil, errors.New("sink: copies of inputs are kept in directories alone")
	}
	if cfg.Linger > 0 && cfg.Busy == nil {
		return nil, errors.New("sink: blocks are to be gathered, and nobody says whether others are being made")
	}
	return &Sink{
		cfg: cfg, opening: make(chan struct{}, 1), collecting: make(chan struct{}, 1), runs: map[transport.RunID]*directory{},
		figures: map[transport.RunID]*figures{}, settled: map[transport.RunID]bool{}, collected: map[transport.RunID]bool{},
		doubted: map[transport.RunID]parameter{},
	}, nil
}

// Bounds of what a sink works on at once, and its times.
const (
	batchBlocks = 512      // of one batch
	batchBytes  = 32 << 20 // of contents, after which a batch is written
	heldBlocks  = 512      // that wait for a block before them; half of what a transport delivers unacknowledged
	heldCopies  = 8        // of a block's message; of others the acknowledgement waits until they come again
	heldFigures = 64       // runs whose running diagnostics are kept
	mostRest    = 250 * time.Millisecond
	gatherBytes = 4 << 20 // of contents, after which none are waited for
	firstLull   = time.Millisecond
	lastLull    = 16 * time.Millisecond
	waitTime    = 50 * time.Millisecond // until the ledger is asked again about blocks that wait
	faultTime   = time.Second           // until it is tried again after a disk or a coordinator refused
	noteTime    = time.Second           // between ledger files of a run that goes on
)

// Serve stores blocks until ctx ends or the transport does. One sink serves a transport at a time, since one process at a time has a
// directory; who uses the sink closes it once nobody else does.
func (s *Sink) Serve(ctx context.Context, t transport.Transport, l Ledger) (err error) {
	sub, err := t.Subscribe(ctx, transport.Filter{Channel: transport.Draws})
	if err != nil {
		return fmt.Errorf("sink: %w", err)
	}
	s.doubt()
	reading, stop := context.WithCancel(ctx)
	b := &batcher{sink: s, transport: t, ledger: l, held: map[key]*entry{}, faults: map[transport.RunID]time.Time{}, relay: newRelay(reading, s)}
	messages := make(chan transport.Received)
	var reader sync.WaitGroup
	var broken error
	reader.Go(func() {
		defer close(messages)
		for {
			r, err := sub.Next(reading)
			if err != nil {
				if reading.Err() == nil {
					broken = fmt.Errorf("sink: %w", err)
				}
				return
			}
			select {
			case messages <- r:
			case <-reading.Done():
				return
			}
		}
	})
	defer func() {
		stop()
		closed := sub.Close()
		reader.Wait()
		b.relay.wait()
		err = errors.Join(broken, closed)
	}()
	b.run(ctx, messages)
	return nil
}

// State returns what a pack goes on from after a committed block: its Content, encoded, without columns.
func (s *Sink) State(ctx context.Context, l View, run transport.RunID, pack transport.PackID, digest transport.Digest) ([]byte, error) {
	d, err := s.open(ctx, l, run)
	if err != nil {
		return nil, err
	}
	if s.cfg.Group != nil && !d.blocks.Has(uint32(pack), digest) {
		if err := s.fetchHead(ctx, l, run, pack, d); err != nil {
			return nil, err
		}
	}
	return d.blocks.State(uint32(pack), digest)
}

// Note writes the ledger of a run down for readers; once the run has ended, with how it went, and lets its directory go.
func (s *Sink) Note(ctx context.Context, l View, run transport.RunID) error {
	for {
		d, err := s.open(ctx, l, run)
		if err != nil {
			return err
		}
		over, err := d.note(l, run, s.cfg.Group != nil)
		if over {
			s.drop(run, d)
		}
		if !errors.Is(err, errLetGo) {
			return err
		}
	}
}

// drop has the directory of a run that has ended, and that was let go, be opened again by whoever needs it.
func (s *Sink) drop(run transport.RunID, d *directory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[run] == d {
		delete(s.runs, run)
		s.settled[run] = s.cfg.Group != nil
	}
}

// doubt has the running diagnostics read the store before they say anything: others may have stored blocks meanwhile.
func (s *Sink) doubt() {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.figures))
	s.mu.Unlock()
	for _, f := range all { // without mu, which Describe takes while it has a run's figures
		f.doubt()
	}
}

// Close lets all run directories go. They are opened again when they are needed; others may write to them meanwhile.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for id, d := range s.runs {
		errs = append(errs, d.blocks.Close())
		delete(s.runs, id)
	}
	return errors.Join(errs...)
}

// open returns the directory of a run, made or opened where that is needed.
func (s *Sink) open(ctx context.Context, l View, run transport.RunID) (*directory, error) {
	if d := s.known(run); d != nil {
		return d, nil
	}
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if d := s.known(run); d != nil {
		return d, nil
	}
	m, err := l.Manifest(ctx, run)
	if err != nil {
		return nil, err
	}
	if s.cfg.Group == nil {
		if err := s.expected(l, run); err != nil {
			return nil, err
		}
	}
	d, err := openDirectory(s.cfg, run, m)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[run] = d
	return d, nil
}

// expected returns an error where a run's directory is gone, which no other coordinator has: a new one in its place would lack what
// the ledger has.
func (s *Sink) expected(l View, run transport.RunID) error {
	if s.cfg.Open != nil {
		return nil
	}
	path := s.cfg.Path(run)
	if store.Exists(path) {
		return nil
	}
	ledger, _, err := l.Ledger(run)
	if err != nil {
		return err
	}
	for p, h := range ledger.Heads {
		if h.Blocks > 0 {
			return transport.Errorf(transport.Internal, "sink", "the ledger has %d blocks of pack %d of run %s, and %s is not there: "+
				"restore it from a copy", h.Blocks, p, run, path)
		}
	}
	return nil
}

// known returns the directory of a run if it is open, else nil.
func (s *Sink) known(run transport.RunID) *directory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[run]
}
