package worker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/transport"
)

// worker is a worker's process.
type worker struct {
	cfg       Config
	class     string
	transport transport.Transport
	commands  commands
	runs      *runs
	slots     *slots
	backlog   backlog
	pulse     pulse
	asked     asked          // what other goroutines ask of those that acquire and renew
	halted    atomic.Bool    // no block goes on
	holds     sync.WaitGroup // of leases

	mu       sync.Mutex // guards the fields below
	leases   []*lease
	duration time.Duration // of a lease, as the coordinator said last
	patience time.Time     // no packs are asked for before it
}

// commands numbers a process's requests.
type commands struct {
	incarnation uint64
	last        atomic.Uint64
}

// asked are signals, each of which is there once however often it is given.
type asked struct {
	acquire, renew chan struct{}
	drain          chan string // the reason
	beat           chan struct{}
	draining       atomic.Bool
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run leases packs and runs them until ctx ends or the coordinator drains the worker; it then hands over what it holds, within
// five seconds, and returns nil. An error says why it could not begin: the configuration, or that the coordinator does not
// admit it; it waits for a coordinator that does not answer.
func Run(ctx context.Context, t transport.Transport, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	w := &worker{
		cfg: cfg, class: Class(cfg.Engine, cfg.Version), transport: t, commands: commands{incarnation: uint64(time.Now().UnixNano())},
		asked: asked{acquire: make(chan struct{}, 1), renew: make(chan struct{}, 1), drain: make(chan string, 1), beat: make(chan struct{}, 1)},
	}
	w.runs = &runs{prepare: w.prepare, prepared: func() { signal(w.asked.beat) }}
	w.slots = newSlots(cfg.Slots, w.runs)
	w.backlog.free = cfg.Backlog
	if err := w.register(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var services sync.WaitGroup
	for _, serve := range []func(context.Context) error{w.listen(transport.Notices), w.listen(transport.Decisions), w.acquire, w.renew, w.beat} {
		services.Go(func() {
			if err := chain.Guard(func() error { return serve(life) }); err != nil {
				w.cfg.Log.Error("a part of the worker failed", "worker", cfg.Name, "error", err)
				w.drain("failed: " + err.Error())
			}
		})
	}
	reason := "preempted"
	select {
	case <-ctx.Done():
	case reason = <-w.asked.drain:
	}
	w.handOver(life, reason)
	end()
	services.Wait()
	w.holds.Wait()
	return errors.Join(w.slots.end(), w.runs.end())
}

// command returns the identity of a new request.
func (w *worker) command() transport.Command {
	return transport.Command{Party: w.cfg.Name, Incarnation: w.commands.incarnation, Sequence: w.commands.last.Add(1) - 1}
}

// ask sends a request and waits a while for the reply.
func ask[R transport.Message](ctx context.Context, w *worker, m transport.Sealed) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	return transport.Ask[R](ctx, w.transport, m)
}

// register announces the worker, and waits for a coordinator that does not answer.
func (w *worker) register(ctx context.Context) error {
	_, err := fetch(ctx, func(ctx context.Context) (*transport.Done, error) {
		return ask[*transport.Done](ctx, w, &transport.Register{
			Command: w.command(), Class: w.class, Engine: w.cfg.Engine.Name(), Drey: w.cfg.Version, Host: w.cfg.Host, Slots: uint32(w.cfg.Slots),
			Width: uint32(w.cfg.Width),
		})
	})
	return err
}

// held returns the leases that are held now.
func (w *worker) held() []*lease {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.leases)
}

// find returns the lease of a reference, nil if it is not held.
func (w *worker) find(ref transport.LeaseRef) *lease {
	for _, l := range w.held() {
		if l.LeaseRef == ref {
			return l
		}
	}
	return nil
}

// begin runs a new lease.
func (w *worker) begin(ctx context.Context, g *transport.Grant, asked time.Time, duration time.Duration) {
	l := newLease(ctx, g, asked, duration, func() { signal(w.asked.acquire) })
	l.left = w.backlog.give
	w.mu.Lock()
	w.leases = append(w.leases, l)
	w.mu.Unlock()
	w.cfg.Log.Info("lease", "run", l.Run, "pack", l.Pack, "epoch", l.Epoch, "block", g.Next)
	w.holds.Go(func() { w.hold(l) })
}

// hold runs a lease to its end.
func (w *worker) hold(l *lease) {
	var wg sync.WaitGroup
	for _, part := range []func(*lease) error{w.make, w.send} {
		wg.Go(func() {
			err := chain.Guard(func() error { return part(l) })
			if err == errStopped {
				l.stop()
			} else {
				w.rest(err)
				l.end(failed{err})
			}
		})
	}
	wg.Wait()
	l.mu.Lock()
	lost := len(l.pending)
	l.pending = nil
	l.mu.Unlock()
	w.backlog.give(lost)
	l.fence.Stop()
	w.mu.Lock()
	w.leases = slices.DeleteFunc(w.leases, func(x *lease) bool { return x == l })
	w.mu.Unlock()
	w.over(l)
	signal(w.asked.acquire)
}

// rest has the worker ask for no packs for a while, before it is seen to have room, where it got one that it can't make.
func (w *worker) rest(err error) {
	var u unfit
	if !errors.As(err, &u) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.patience = time.Now().Add(mostPause)
}

// failed ends a lease whose pack can't go on.
type failed struct{ err error }

func (f failed) Error() string { return f.err.Error() }
func (f failed) Unwrap() error { return f.err }
