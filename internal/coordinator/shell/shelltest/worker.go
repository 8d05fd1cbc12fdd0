package shelltest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Point is a place in a worker's life where it may die.
type Point uint8

// The points.
const (
	Computed  Point = iota // a block is made and not published
	Published              // it is published; what it ends is not reported
	Reported               // that is, too
	Committed              // the worker has learned that the ledger has it
)

// WorkerConfig says what a worker does.
type WorkerConfig struct {
	Name        transport.PartyID
	Incarnation uint64
	Slots       uint32
	Class       string        // "arithmetic" where it is empty
	Block       time.Duration // that a block takes
	// More is how much longer a block of some index takes; nil: no longer.
	More  func(index uint64) time.Duration
	Renew time.Duration // between renewals
	Beat  time.Duration // between heartbeats; 0 sends none
	// Zombie workers go on making blocks of leases that they have lost.
	Zombie bool
	// Die says whether the worker dies at a point of a block; nil never.
	Die func(at Point, pack transport.PackID, index uint64) bool
	// Wrong has it make other bits than it should, while it is true; nil never.
	Wrong *atomic.Bool
}

// Worker is a worker of the pretended model.
type Worker struct {
	cfg WorkerConfig
	t   transport.Transport

	mu       sync.Mutex // guards the fields below
	sequence uint64
	leases   map[transport.LeaseRef]*lease
	changed  chan struct{} // closed and made anew when a lease hears something
	dead     context.CancelFunc
}

// lease is a pack that a worker makes blocks of.
type lease struct {
	transport.Grant
	state     []chain
	held      bool
	waits     bool // for a decision, or for more to be wanted
	committed uint64
	target    uint64
}

// NewWorker returns a worker over a connection of its own.
func NewWorker(t transport.Transport, cfg WorkerConfig) *Worker {
	if cfg.Class == "" {
		cfg.Class = "arithmetic"
	}
	if cfg.Renew == 0 {
		cfg.Renew = 3 * time.Second
	}
	return &Worker{cfg: cfg, t: t, leases: map[transport.LeaseRef]*lease{}, changed: make(chan struct{})}
}

// Run works until ctx ends, or the worker dies. It gives nothing back: that is Release.
func (w *Worker) Run(ctx context.Context) {
	ctx, dead := context.WithCancel(ctx)
	defer dead()
	w.mu.Lock()
	w.dead = dead
	w.mu.Unlock()
	var parts sync.WaitGroup
	defer parts.Wait()
	for !w.register(ctx) {
		if ctx.Err() != nil {
			return
		}
	}
	parts.Go(func() { w.hear(ctx) })
	parts.Go(func() { w.renew(ctx) })
	if w.cfg.Beat > 0 {
		parts.Go(func() { w.beat(ctx) })
	}
	for ctx.Err() == nil {
		reply, err := ask[*transport.LeaseReply](ctx, w.t, &transport.Lease{Command: w.command(), Slots: w.room()})
		if transport.KindOf(err) == transport.NotFound && err != nil {
			w.register(ctx)
		}
		if err != nil {
			w.sleep(ctx, 200*time.Millisecond)
			continue
		}
		for _, g := range reply.Grants {
			if l := w.begin(g); l != nil {
				parts.Go(func() { w.make(ctx, l) })
			}
		}
		w.sleep(ctx, time.Duration(reply.RetryMillis)*time.Millisecond)
	}
}

// ask sends a request and waits for its reply for some seconds: the coordinator that took it may have died.
func ask[R transport.Message](ctx context.Context, t transport.Transport, m transport.Sealed) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return transport.Ask[R](ctx, t, m)
}

func (w *Worker) command() transport.Command {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sequence++
	return transport.Command{Party: w.cfg.Name, Incarnation: w.cfg.Incarnation, Sequence: w.sequence}
}

func (w *Worker) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (w *Worker) register(ctx context.Context) bool {
	_, err := ask[*transport.Done](ctx, w.t, &transport.Register{Command: w.command(), Class: w.cfg.Class, Engine: "arithmetic", Slots: w.cfg.Slots})
	if err != nil {
		w.sleep(ctx, 200*time.Millisecond)
	}
	return err == nil
}

// room returns how many packs the worker can hold: those that wait for others take no slot.
func (w *Worker) room() uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.cfg.Slots
	for _, l := range w.leases {
		if l.held && l.waits {
			n++
		}
	}
	return n
}

// begin takes a lease that is new, and whose states can be had.
func (w *Worker) begin(g transport.Grant) *lease {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leases[g.Lease] != nil {
		return nil
	}
	l := &lease{Grant: g, held: true, committed: g.Next, target: g.Target}
	w.leases[g.Lease] = l
	return l
}

// Release gives all leases back, as a drained worker does.
func (w *Worker) Release(ctx context.Context) error {
	w.mu.Lock()
	m := &transport.Release{Reason: "drained"}
	for ref, l := range w.leases {
		l.held = false
		m.Leases = append(m.Leases, ref)
	}
	w.mu.Unlock()
	m.Command = w.command()
	_, err := ask[*transport.Done](ctx, w.t, m)
	return err
}

// signal wakes whoever waits for a lease to change. mu is held.
func (w *Worker) signal() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// hear takes notices of the ledger and the end of leases.
func (w *Worker) hear(ctx context.Context) {
	for ctx.Err() == nil {
		sub, err := w.t.Subscribe(ctx, transport.Filter{Channel: transport.Notices, Party: w.cfg.Name})
		if err != nil {
			w.sleep(ctx, 100*time.Millisecond)
			continue
		}
		for {
			q, err := sub.Next(ctx)
			if err != nil {
				break
			}
			switch m, _ := transport.Open(q.Envelope()); m := m.(type) {
			case *transport.Committed:
				w.update(m.Lease, func(l *lease) { l.committed, l.target = max(l.committed, m.Committed), max(l.target, m.Target) })
			case *transport.LeaseExpired:
				w.update(m.Lease, func(l *lease) { l.held = false })
			}
		}
		_ = sub.Close()
	}
}

func (w *Worker) update(ref transport.LeaseRef, change func(*lease)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.leases[ref]; l != nil {
		change(l)
		w.signal()
	}
}

// renew renews the leases that are held.
func (w *Worker) renew(ctx context.Context) {
	for ctx.Err() == nil {
		w.sleep(ctx, w.cfg.Renew)
		m := &transport.Renew{Command: w.command()}
		w.mu.Lock()
		for ref, l := range w.leases {
			if l.held {
				m.Leases = append(m.Leases, ref)
			}
		}
		w.mu.Unlock()
		reply, err := ask[*transport.RenewReply](ctx, w.t, m)
		if err != nil {
			continue
		}
		for _, s := range reply.Leases {
			w.update(s.Lease, func(l *lease) {
				l.held, l.committed, l.target = s.Held, max(l.committed, s.Committed), s.Target
			})
		}
	}
}

// beat publishes heartbeats.
func (w *Worker) beat(ctx context.Context) {
	for m := (&transport.Heartbeat{Worker: w.cfg.Name}); ctx.Err() == nil; m.Sequence++ {
		w.sleep(ctx, w.cfg.Beat)
		m.Packs = m.Packs[:0]
		w.mu.Lock()
		for ref, l := range w.leases {
			if l.held {
				m.Packs = append(m.Packs, transport.PackProgress{Lease: ref, Block: l.committed})
			}
		}
		w.mu.Unlock()
		_ = transport.Send(ctx, w.t, m) // one that is lost is followed by another
	}
}
