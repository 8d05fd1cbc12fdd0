package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/pkg/store"
)

// Result is what a run left.
type Result struct {
	Draws Draws
	State store.State
}

// Run samples a model. events, which may be nil, is told of the progress a few times a second and at the end, from one
// goroutine at a time. When ctx is cancelled, chains stop within some milliseconds, what they have drawn is kept, and the
// error wraps context.Cause(ctx). The Result is nil only where nothing was kept; else its Draws are the caller's to close.
func Run(ctx context.Context, cfg Config, m Model, events func(Progress)) (*Result, error) {
	p, err := newPlan(cfg, m)
	if err != nil {
		return nil, err
	}
	if err := p.choose(); err != nil {
		return nil, err
	}
	run, copies, err := p.describe()
	if err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		if cfg.StopRule().Every > 0 {
			return nil, errors.New("a stop rule needs a run directory, from which it reads the draws")
		}
		mem := newMemory(run)
		state, err := p.begin(newMemoryKeeper(mem, p.packs()), new(coordinator.Volatile), events).run(ctx, &run)
		return &Result{mem, state}, err
	}
	w, err := store.CreateBlocks(cfg.Dir, run, copies, p.packs(), cfg.Overwrite, cfg.files)
	if err != nil {
		return nil, err
	}
	j, err := coordinator.OpenJournal(cfg.Dir)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return p.write(ctx, w, j, events)
}

// Resume goes on with the run in dir, made by the same model, data and program, from where its chains are to its last draw.
// The draws are those of a run that never stopped. Otherwise as Run.
func Resume(ctx context.Context, dir string, m Model, events func(Progress)) (*Result, error) {
	return goOn(ctx, dir, 0, m, events)
}

// Extend adds draws kept draws a chain to the run in dir, after those it lacks: the draws are those of one longer run.
// Otherwise as Resume.
func Extend(ctx context.Context, dir string, draws int, m Model, events func(Progress)) (*Result, error) {
	if draws < 1 {
		return nil, fmt.Errorf("extend by %d draws: want at least 1", draws)
	}
	return goOn(ctx, dir, draws, m, events)
}

func goOn(ctx context.Context, dir string, more int, m Model, events func(Progress)) (*Result, error) {
	run, err := store.ReadRun(dir)
	if err != nil {
		return nil, err
	}
	cfg := configOf(run)
	cfg.Dir = dir
	if err := cfg.readDocuments(dir, run); err != nil {
		return nil, err
	}
	p, err := newPlan(cfg, m)
	if err != nil {
		return nil, err
	}
	if err := m.checkAgainst(run, p.bundle.Digest, versionsOf(p.engine)); err != nil {
		return nil, fmt.Errorf("%s can't go on: %w", dir, err)
	}
	w, err := store.OpenBlocks(dir, p.packs(), store.Options{})
	if err != nil {
		return nil, err
	}
	j, err := coordinator.OpenJournal(dir)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := p.goOn(j, w, more); err != nil {
		return nil, errors.Join(err, j.Close(), w.Close())
	}
	return p.write(ctx, w, j, events)
}

// goOn sets the draws that a run goes on to. What the machine says of them counts: a stop rule may have held before the draws that were
// asked for. An error says that there are draws of which it knows nothing.
func (p *plan) goOn(machine shell.Machine, w *store.BlockWriter, more int) error {
	state, known := stateOf(machine)
	if known {
		p.cfg.Draws = int(state.Draws)
	} else if !w.Fresh() {
		return fmt.Errorf("%s can't go on: it has draws, and no coordinator.log that says how they came about: it was fetched from a cluster, or a file is missing", w.Dir())
	}
	p.cfg.Draws += more
	return nil
}

// readDocuments reads the copies of the run's other inputs.
func (c *Config) readDocuments(dir string, run *store.Run) error {
	for _, f := range run.Files {
		doc := &c.Init
		switch f.Name {
		case store.InitFile:
		case store.InverseMassMatrixFile:
			doc = &c.InverseMassMatrix
		default:
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			return err
		}
		if digestOf(text) != f.SHA256 {
			return fmt.Errorf("%s: %s was changed", dir, f.Name)
		}
		*doc = Document{text, f.Source}
	}
	return nil
}

// write runs the chains of a run directory from where they are, and opens its draws.
func (p *plan) write(ctx context.Context, w *store.BlockWriter, j *coordinator.Journal, events func(Progress)) (*Result, error) {
	run := w.Run()
	r := p.begin(w, j, events)
	var state store.State
	var cause error
	if r.outcome, cause = openOutcome(w.Dir()); cause == nil {
		state, cause = r.run(ctx, &run)
		cause = errors.Join(cause, r.outcome.close())
	}
	if err := errors.Join(j.Close(), w.Close()); err != nil {
		return nil, errors.Join(cause, err)
	}
	draws, err := Open(w.Dir())
	if err != nil {
		return nil, errors.Join(cause, err)
	}
	return &Result{draws, state}, cause
}

// add adds the times of a run's parts; before is zero for a new run.
func add(a, b store.Seconds) store.Seconds {
	return store.Seconds{Trace: a.Trace + b.Trace, Compile: a.Compile + b.Compile, Warmup: a.Warmup + b.Warmup, Sampling: a.Sampling + b.Sampling, Total: a.Total + b.Total}
}
