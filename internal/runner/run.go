package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
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
		mem := newMemory(run)
		r := &running{plan: p, sink: mem, progress: newProgress(events)}
		state, counts, err := r.run(ctx)
		mem.run.State, mem.run.Counts, mem.run.Seconds, mem.run.Warmup = state, counts, p.seconds, r.warmed()
		return &Result{mem, state}, err
	}
	w, err := store.Create(cfg.Dir, run, copies, cfg.Overwrite, cfg.files)
	if err != nil {
		return nil, err
	}
	return p.write(ctx, w, events)
}

// Resume goes on with the run in dir, made by the same model, data and program, from its last checkpoints to its last draw.
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
	cfg.Draws += more
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
	w, err := store.Resume(dir, store.Options{})
	if err != nil {
		return nil, err
	}
	err = w.Update(func(r *store.Run) { r.Settings.Draws, r.State, r.Error = cfg.Draws, store.Running, "" })
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return p.write(ctx, w, events)
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
func (p *plan) write(ctx context.Context, w *store.Writer, events func(Progress)) (*Result, error) {
	before := w.Run().Seconds
	r := &running{plan: p, sink: diskSink{w}, disk: w, progress: newProgress(events)}
	w.Time(func() store.Seconds { return add(before, r.seconds()) })
	state, counts, cause := r.run(ctx)
	finished := w.Finish(state, cause, func(run *store.Run) {
		run.Counts, run.Seconds, run.Warmup = counts, add(before, p.seconds), r.warmed()
	})
	if err := errors.Join(finished, w.Close()); err != nil {
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

// begin makes the chains, those with a checkpoint from it.
func (r *running) begin(program *chain.Program) error {
	checkpoints := make([]*store.Checkpoint, r.plan.cfg.Chains)
	if r.disk != nil {
		checkpoints = r.disk.Checkpoints()
	}
	for i, cp := range checkpoints {
		c := program.NewChain(i, r.plan.starts[i])
		if cp != nil {
			if err := c.RestoreState(cp.Version, cp.State); err != nil {
				return err
			}
		}
		r.chains = append(r.chains, &lane{chain: c, saved: time.Now()})
	}
	r.barrier.begin(r)
	return nil
}
