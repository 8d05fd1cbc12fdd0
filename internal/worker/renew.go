package worker

import (
	"context"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// renewals is how often a lease is renewed in its time: three may be lost before it ends.
const renewals = 5

// renew renews all leases a few times in the time that they last, and when it is urged to.
func (w *worker) renew(ctx context.Context) error {
	pause := usualPause
	for waitFor(ctx, w.asked.renew, pause) {
		w.mu.Lock()
		pause = max(w.duration/renewals, leastPause)
		w.mu.Unlock()
		if !w.renewAll(ctx, pause) {
			pause /= 2
		}
	}
	return nil
}

// urge asks for a renewal now.
func (w *worker) urge() { signal(w.asked.renew) }

// renewAll renews the leases that are held; it reports whether the coordinator replied in time.
func (w *worker) renewAll(ctx context.Context, limit time.Duration) bool {
	m := &transport.Renew{Command: w.command()}
	var leases []*lease
	for _, l := range w.held() {
		if l.ctx.Err() == nil {
			leases, m.Leases = append(leases, l), append(m.Leases, l.LeaseRef)
		}
	}
	if len(leases) == 0 {
		return true
	}
	now := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	reply, err := transport.Ask[*transport.RenewReply](limited, w.transport, m)
	switch {
	case ctx.Err() != nil:
		return true
	case transport.KindOf(err) == transport.NotFound:
		w.note(nil, w.register(ctx))
		return false
	case err != nil:
		w.cfg.Log.Warn("leases are not renewed", "error", err)
		return false
	}
	duration := time.Duration(reply.DurationMillis) * time.Millisecond
	for i := range reply.Leases {
		s := &reply.Leases[i]
		for _, l := range leases {
			if l.LeaseRef == s.Lease {
				l.renewed(s, now, duration)
			}
		}
	}
	if reply.Drain {
		w.drain("drained")
	}
	return true
}
