package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/pkg/transport"
)

// run is what the packs of a run share on a worker: the manifest, the program, compiled once, and the decisions so far.
type run struct {
	digest   transport.Digest // of the manifest's bytes
	id       transport.RunID
	manifest *transport.Manifest
	job      *job.Job
	program  *chain.Program
	took     time.Duration // to compile it
	lanes    bool          // the program advances all chains of a pack in one call

	ready chan struct{} // closed once there is a program, or an error
	err   error
	// abandoned says that whoever prepared it lost its lease meanwhile: another may try.
	abandoned bool
	users     int // leases and slots that have it; guarded by runs.mu

	mu        sync.Mutex // guards the fields below
	decisions []*transport.Decision
	cold      int // packs that have not ended warmup here
	// spare are columns of blocks that are encoded, whose memory the next blocks take.
	spare [][]transport.Column
}

// prepare reads the manifest, checks who made it, fetches what it names, and compiles the program.
func (w *worker) prepare(ctx context.Context, r *run, g *transport.Grant) error {
	text, err := fetch(ctx, func(ctx context.Context) ([]byte, error) {
		return g.Manifest.Unpack(ctx, w.transport.Objects(transport.Inputs), transport.MaxContent)
	})
	if err != nil {
		r.abandoned = ctx.Err() != nil
		return fmt.Errorf("worker: the manifest: %w", err)
	}
	if w.cfg.Verify != nil {
		if err := w.cfg.Verify(text, g.Key, g.Signature); err != nil {
			return fmt.Errorf("worker: the manifest: %w", err)
		}
	}
	m, err := transport.Decode(text)
	if err != nil {
		return fmt.Errorf("worker: the manifest: %w", err)
	}
	manifest, ok := m.(*transport.Manifest)
	if !ok {
		return fmt.Errorf("worker: the manifest is a message of type %s", transport.NameOf(m))
	}
	r.manifest = manifest
	if !w.suits(manifest.Engine) {
		return unfit{fmt.Errorf("worker: the run wants the engine %s, this worker has %s", manifest.Engine, w.cfg.Engine.Name())}
	}
	if w.cfg.Local != nil {
		r.job = w.cfg.Local(r.digest)
	}
	if r.job == nil {
		r.job, err = fetch(ctx, func(ctx context.Context) (*job.Job, error) {
			return job.Get(ctx, w.transport.Objects(transport.Inputs), manifest)
		})
		if err != nil {
			r.abandoned = ctx.Err() != nil
			return err
		}
	}
	cfg := r.job.Config
	cfg.Batch = 0
	if w.cfg.Lanes {
		cfg.Batch, r.lanes = int(manifest.Width), true
	}
	begin := time.Now()
	err = chain.Guard(func() (err error) {
		r.program, err = chain.Compile(w.cfg.Engine, r.job.Bundle, r.job.Columns, cfg, r.job.Starts)
		return err
	})
	r.took = time.Since(begin)
	w.cfg.Log.Info("program compiled", "run", r.id, "program", manifest.Program.Digest, "seconds", r.took.Seconds())
	if w.cfg.Watcher != nil {
		w.cfg.Watcher.Compiled(r.took)
	}
	return err
}

// unfit ends a lease of a run that other workers can make, and this one can't.
type unfit struct{ error }

// suits reports whether the worker's engine is the one of a name: "xla" is any of XLA's.
func (w *worker) suits(engine string) bool {
	name := w.cfg.Engine.Name()
	return engine == "" || engine == name || strings.HasPrefix(name, engine+":")
}

// fetch repeats what is unavailable until ctx ends.
func fetch[T any](ctx context.Context, get func(context.Context) (T, error)) (T, error) {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		out, err := get(ctx)
		if err == nil || transport.KindOf(err) != transport.Unavailable || ctx.Err() != nil {
			return out, err
		}
		if err := sleep(ctx, pause); err != nil {
			return out, err
		}
	}
}

// sleep waits, and returns why ctx ended if it did before.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// chill and warm count the packs in warmup; with the last of them goes what only warmup needs, which holds copies of the data.
func (r *run) chill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cold++
}

func (r *run) warm() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cold--; r.cold > 0 {
		return nil
	}
	return errors.Join(r.program.FreeStarts(), r.program.FreeTuner())
}

// columns returns the columns of a block whose draws are kept. What is in them is another block's.
func (r *run) columns() []transport.Column {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.spare); n > 0 {
		out := r.spare[n-1]
		r.spare = r.spare[:n-1]
		return out
	}
	return columnsOf(r.program.Sites())
}

// recycle takes columns that nobody refers to any more.
func (r *run) recycle(columns []transport.Column) {
	if len(columns) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = append(r.spare, columns)
}
