package worker

import (
	"context"
	"errors"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// errReturned ends a lease that was given back.
var errReturned = errors.New("worker: given back")

// Bounds on the pause between requests for packs, whatever the coordinator says, and the pause where it says nothing.
const (
	leastPause = 10 * time.Millisecond
	mostPause  = 30 * time.Second
	usualPause = time.Second
)

// acquire asks for packs while there is room: at once when a pack makes room, else as often as the coordinator wants.
func (w *worker) acquire(ctx context.Context) error {
	busy, next := w.cfg.Packs, time.Now()
	for !w.draining() {
		was := busy
		var settled []*lease
		busy, settled = w.load()
		patience := w.notBefore()
		if next.Before(patience) {
			next = patience
		}
		now := time.Now()
		if busy < w.cfg.Packs && !now.Before(patience) && (busy < was || !now.Before(next)) {
			next = now.Add(w.request(ctx, uint32(w.cfg.Packs+len(settled))))
			w.giveBack(ctx)
			busy, _ = w.load()
		}
		pause := mostPause
		if busy < w.cfg.Packs {
			pause = max(0, time.Until(next))
		}
		if !waitFor(ctx, w.asked.acquire, pause) {
			return nil
		}
	}
	return nil
}

// notBefore returns when packs may be asked for again after one that this worker can't make.
func (w *worker) notBefore() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.patience
}

// waitFor waits for a signal, at most a while; it reports whether ctx goes on.
func waitFor(ctx context.Context, signal <-chan struct{}, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-signal:
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// load returns how many packs have something to make, or have blocks on their way, and the leases of the others.
func (w *worker) load() (busy int, settled []*lease) {
	for _, l := range w.held() {
		switch {
		case l.ctx.Err() != nil:
		case l.settled():
			settled = append(settled, l)
		default:
			busy++
		}
	}
	return busy, settled
}

// request asks for packs, up to so many in all, begins those that are new, and returns the pause until the next request.
func (w *worker) request(ctx context.Context, want uint32) time.Duration {
	now := time.Now()
	m := &transport.Lease{Command: w.command(), Slots: want, Runs: w.runs.ids()}
	for _, l := range w.held() {
		m.Held = append(m.Held, l.LeaseRef)
	}
	reply, err := ask[*transport.LeaseReply](ctx, w, m)
	switch {
	case ctx.Err() != nil:
		return 0
	case transport.KindOf(err) == transport.NotFound: // coordinators forget who has been away for long
		w.note(nil, w.register(ctx))
		return leastPause
	case err != nil:
		w.cfg.Log.Warn("no packs", "error", err)
		return usualPause
	}
	duration := time.Duration(reply.DurationMillis) * time.Millisecond
	fresh := false
	for i := range reply.Grants {
		g := &reply.Grants[i]
		if w.find(g.Lease) != nil {
			continue
		}
		w.supersede(g.Lease)
		w.begin(ctx, g, now, duration)
		fresh = true
	}
	if fresh {
		w.mu.Lock()
		w.duration = duration
		w.mu.Unlock()
		w.urge()
	}
	return min(max(time.Duration(reply.RetryMillis)*time.Millisecond, leastPause), mostPause)
}

// supersede ends leases of the pack of a later one.
func (w *worker) supersede(ref transport.LeaseRef) {
	for _, l := range w.held() {
		if l.Run == ref.Run && l.Pack == ref.Pack && l.Epoch < ref.Epoch {
			l.end(errors.New("worker: the pack was leased anew"))
		}
	}
}

// giveBack gives leases back that have nothing to do, where others have come that have: a worker keeps no more packs than it
// runs at once from others.
func (w *worker) giveBack(ctx context.Context) {
	busy, settled := w.load()
	if more := busy + len(settled) - w.cfg.Packs; more > 0 {
		w.release(ctx, settled[:min(more, len(settled))], "there is nothing to do")
	}
}

// release gives leases back.
func (w *worker) release(ctx context.Context, leases []*lease, reason string) {
	if len(leases) == 0 {
		return
	}
	m := &transport.Release{Command: w.command(), Reason: reason}
	for _, l := range leases {
		l.end(errReturned)
		m.Leases = append(m.Leases, l.LeaseRef)
	}
	_, err := ask[*transport.Done](ctx, w, m)
	w.note(nil, err)
}
