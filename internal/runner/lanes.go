package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/store"
)

const (
	slice           = 50 * time.Millisecond // of a chain before another takes its worker: long beside the swap, short to a watcher
	packSlice       = time.Second           // of a pack of chains, whose swap copies all of them and cuts their buffers short
	checkpointEvery = time.Second           // at most; a checkpoint is a copy of some kilobytes
)

// running is a run while its chains run.
type running struct {
	plan     *plan
	sink     sink
	disk     *store.Writer // nil in memory
	progress *progress
	chains   []*lane
	began    time.Time // when the chains did; zero unless they run

	queue   chan *pack // packs that wait for a worker, the one that has waited longest first
	stop    atomic.Bool
	left    atomic.Int64 // packs that are not done
	starts  atomic.Int64 // packs that have not begun
	cold    atomic.Int64 // packs that are not through with warmup
	over    chan struct{}
	endOnce sync.Once

	barrier barrier

	mu  sync.Mutex // guards what follows
	err error
}

// lane is a chain and when its checkpoint was set.
type lane struct {
	chain  *chain.Chain
	saved  time.Time
	window int // of the checkpoint
}

// pack is chains that a worker advances together; one, unless there is a batch.
type pack struct {
	lanes    []*lane
	chains   []*chain.Chain
	decision *adapt.Decision // that the chains have yet to be told
}

func newPack(lanes []*lane) *pack {
	p := &pack{lanes: lanes}
	for _, l := range lanes {
		p.chains = append(p.chains, l.chain)
	}
	return p
}

// all reports whether something is true of all chains.
func (p *pack) all(is func(*chain.Chain) bool) bool {
	return !slices.ContainsFunc(p.chains, func(c *chain.Chain) bool { return !is(c) })
}

// run compiles the programs and runs the chains to their end. The error is what ended the run before.
func (r *running) run(ctx context.Context) (store.State, store.RunCounts, error) {
	err := r.sample(ctx)
	state := store.Done
	switch {
	case err == nil && r.left.Load() > 0:
		state, err = store.Interrupted, fmt.Errorf("interrupted: %w", context.Cause(ctx))
	case err != nil:
		state = store.Failed
	}
	r.plan.seconds.Total = store.Float(time.Since(r.plan.began).Seconds())
	return state, r.counts(), err
}

func (r *running) sample(ctx context.Context) (err error) {
	r.left.Store(int64(r.plan.cfg.Chains))
	program, err := r.plan.compile()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, program.Close()) }()
	if err := r.begin(program); err != nil {
		return err
	}
	r.queue = make(chan *pack, len(r.chains))
	r.over = make(chan struct{})
	r.left.Store(0)
	for lanes := range slices.Chunk(r.chains, r.plan.batch) {
		p := newPack(lanes)
		if !p.all(func(c *chain.Chain) bool { return c.Done(r.plan.cfg.Draws) }) {
			r.left.Add(1)
			r.queue <- p
		}
		if !p.all((*chain.Chain).Begun) {
			r.starts.Add(1)
		}
		if !p.all((*chain.Chain).Warm) {
			r.cold.Add(1)
		}
	}
	if r.left.Load() == 0 {
		return nil
	}
	defer context.AfterFunc(ctx, func() { r.end(nil) })()
	r.began = time.Now()
	watched := r.progress.watch(r)
	r.work(program)
	watched()
	r.plan.seconds, r.began = r.seconds(), time.Time{}
	return r.err
}

// end stops the run, with the first error that is given or none.
func (r *running) end(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.stop.Store(true)
	r.endOnce.Do(func() { close(r.over) })
}

// work runs the workers until all chains are done or the run ends.
func (r *running) work(program *chain.Program) {
	var wg sync.WaitGroup
	for range min(r.plan.cfg.workers(), int(r.left.Load())) {
		wg.Go(func() {
			if err := chain.Guard(func() error { return r.worker(program) }); err != nil {
				r.end(err)
			}
		})
	}
	wg.Wait()
}

// advancer is a chain.Worker or chain.PackWorker.
type advancer struct {
	advance func(chains []*chain.Chain, g chain.Goal, sink chain.Sink) error
	close   func() error
	slice   time.Duration
}

func (p *plan) advancer(program *chain.Program) (advancer, error) {
	if p.chain.Batch > 0 {
		w, err := program.NewPackWorker()
		if err != nil {
			return advancer{}, err
		}
		return advancer{w.Advance, w.Close, packSlice}, nil
	}
	w, err := program.NewWorker()
	if err != nil {
		return advancer{}, err
	}
	one := func(chains []*chain.Chain, g chain.Goal, sink chain.Sink) error { return w.Advance(chains[0], g, sink) }
	return advancer{one, w.Close, slice}, nil
}

// worker runs slices of the pack that has waited longest.
func (r *running) worker(program *chain.Program) (err error) {
	w, err := r.plan.advancer(program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	goal := chain.Goal{Draws: r.plan.cfg.Draws, Slice: w.slice, Stop: r.stop.Load, Window: true}
	out := r.sink.writer()
	var scratch store.Checkpoint
	for {
		var p *pack
		select {
		case <-r.over:
			return nil
		case p = <-r.queue:
		}
		if r.stop.Load() {
			return nil
		}
		fresh, cold := !p.all((*chain.Chain).Begun), !p.all((*chain.Chain).Warm)
		if err := p.takeDecision(program); err != nil {
			return err
		}
		if err := w.advance(p.chains, goal, out); err != nil {
			return err
		}
		if fresh && r.starts.Add(-1) == 0 {
			err = program.FreeStarts()
		}
		if cold && p.all((*chain.Chain).Warm) && r.cold.Add(-1) == 0 {
			err = errors.Join(err, program.FreeTuner())
		}
		if err != nil {
			return err
		}
		done := p.all(func(c *chain.Chain) bool { return c.Done(r.plan.cfg.Draws) })
		waiting := p.waits()
		if err := r.save(p, &scratch, done || waiting || r.stop.Load()); err != nil {
			return err
		}
		switch {
		case waiting:
			if err := r.barrier.arrive(r, program, p); err != nil {
				return err
			}
		case !done:
			r.queue <- p
		case r.left.Add(-1) == 0:
			r.end(nil)
		}
	}
}

// save sets the chains' checkpoints where they are due, and closes a segment where that is.
func (r *running) save(p *pack, scratch *store.Checkpoint, must bool) error {
	if r.disk == nil {
		return nil
	}
	now := time.Now()
	for _, l := range p.lanes {
		if err := r.checkpoint(l, scratch, now, must); err != nil {
			return err
		}
	}
	return r.disk.FlushDue(now)
}

// checkpoint sets a chain's checkpoint if it is due. The writer copies what is in cp: the states of many chains are large.
func (r *running) checkpoint(l *lane, cp *store.Checkpoint, now time.Time, must bool) error {
	window := l.chain.Window()
	if must || now.Sub(l.saved) >= checkpointEvery || window != l.window {
		t := l.chain.Totals()
		cp.Chain, cp.Transitions, cp.Warmup, cp.Draws = l.chain.Index(), t.Transitions, t.KeptWarmup, t.Kept
		cp.WarmupLeapfrogs = t.WarmupLeapfrogs
		cp.Version, cp.State, cp.Phase = chain.CheckpointVersion, l.chain.AppendState(cp.State[:0]), store.Warmup
		if l.chain.Warm() {
			cp.Phase = store.Sampling
		}
		if err := r.disk.SetCheckpoint(cp); err != nil {
			return err
		}
		l.saved, l.window = now, window
	}
	return nil
}

// counts returns the totals over the chains, which must not be running.
func (r *running) counts() store.RunCounts {
	var n store.RunCounts
	for _, l := range r.chains {
		t := l.chain.Totals()
		n.Leapfrogs += t.Leapfrogs
		n.WarmupLeapfrogs += t.WarmupLeapfrogs
		n.Divergences += t.Divergences
	}
	return n
}

// seconds returns the times until now. That of all chains is shared out to warmup and sampling in proportion to the time that
// chains spent in them.
func (r *running) seconds() store.Seconds {
	out := r.plan.seconds
	if r.began.IsZero() {
		return out
	}
	all := time.Since(r.began).Seconds()
	var warmup, sampling time.Duration
	for _, l := range r.chains {
		s := l.chain.Status()
		warmup += s.WarmupTime
		sampling += s.SampleTime
	}
	share := 0.0
	if warmup+sampling > 0 {
		share = float64(warmup) / float64(warmup+sampling)
	}
	out.Warmup, out.Sampling = store.Float(all*share), store.Float(all*(1-share))
	out.Total = store.Float(time.Since(r.plan.began).Seconds())
	return out
}
