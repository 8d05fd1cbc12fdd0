package runner

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/store"
)

// watch sees the chains of a run while the worker advances them.
type watch struct {
	plan   *plan
	before store.Seconds                 // of a run that goes on
	moving chan struct{}                 // closed once the program is compiled
	chains []atomic.Pointer[chain.Chain] // nil until the worker has one
	firsts []atomic.Int64                // transitions that each had done before

	making atomic.Int64  // packs that make a block, or wait to
	mu     sync.Mutex    // guards the fields below
	took   time.Duration // of compiling
	began  time.Time     // when the chains did
	ended  time.Time     // likewise, zero while they move
}

var _ worker.Watcher = (*watch)(nil)

func newWatch(p *plan, before store.Seconds) *watch {
	return &watch{plan: p, before: before, moving: make(chan struct{}), chains: make([]atomic.Pointer[chain.Chain], p.cfg.Chains), firsts: make([]atomic.Int64, p.cfg.Chains)}
}

// Compiled implements worker.Watcher.
func (w *watch) Compiled(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began.IsZero() { // else the worker had dropped the program meanwhile
		close(w.moving)
		w.began = time.Now()
	}
	w.took += took
}

// Making implements worker.Watcher.
func (w *watch) Making(change int) { w.making.Add(int64(change)) }

// busy reports whether blocks are being made.
func (w *watch) busy() bool { return w.making.Load() > 0 }

// Begun implements worker.Watcher.
func (w *watch) Begun(chains []*chain.Chain) {
	for _, c := range chains {
		w.firsts[c.Index()].Store(c.Status().Transitions)
		w.chains[c.Index()].Store(c)
	}
}

// end notes that chains do not move any more.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = time.Now()
}

// status returns how far a chain is; ok is false where the worker has not had it.
func (w *watch) status(i int) (s chain.Status, ok bool) {
	if c := w.chains[i].Load(); c != nil {
		return c.Status(), true
	}
	return chain.Status{Warmup: int64(w.plan.cfg.Warmup)}, false
}

// first returns how many transitions a chain had done when the worker got it.
func (w *watch) first(i int) int64 { return w.firsts[i].Load() }

// seconds returns the times of the run until now. That of all chains is shared out to warmup and sampling in proportion to the time
// that chains spent in them.
func (w *watch) seconds() store.Seconds {
	w.mu.Lock()
	took, began, ended := w.took, w.began, w.ended
	w.mu.Unlock()
	now := time.Now()
	if ended.IsZero() {
		ended = now
	}
	out := store.Seconds{Trace: w.plan.seconds.Trace, Compile: store.Float(took.Seconds()), Total: store.Float(now.Sub(w.plan.began).Seconds())}
	if !began.IsZero() {
		all := ended.Sub(began).Seconds()
		var warmup, sampling time.Duration
		for i := range w.chains {
			s, _ := w.status(i)
			warmup += s.WarmupTime
			sampling += s.SampleTime
		}
		if warmup+sampling > 0 {
			share := float64(warmup) / float64(warmup+sampling)
			out.Warmup, out.Sampling = store.Float(all*share), store.Float(all*(1-share))
		}
	}
	return add(w.before, out)
}
