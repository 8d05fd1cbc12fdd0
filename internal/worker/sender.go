package worker

import (
	"context"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// send publishes the blocks of a lease in order until it ends. Blocks that stay out of the ledger for long are published again:
// their messages may be lost.
func (w *worker) send(l *lease) error {
	for {
		var next *parcel
		again := false
		_, err := l.wait(resendTime, func() bool {
			if next = l.next(); next != nil {
				again = next.again
			}
			return next != nil
		})
		if err != nil {
			return err
		}
		if next == nil {
			continue
		}
		if again {
			w.cfg.Log.Warn("a block is sent again", "run", l.Run, "pack", l.Pack, "epoch", l.Epoch, "block", next.block.Index)
		}
		if err := w.publish(l, next, again); err != nil {
			return err
		}
		l.mu.Lock()
		next.sent, l.moved = true, time.Now()
		l.mu.Unlock()
	}
}

// next returns the first block that is to be published, nil if there is none. mu is held.
func (l *lease) next() *parcel {
	if l.owing() && l.pending[0].sent && time.Since(l.moved) >= resendTime {
		for _, p := range l.pending {
			p.again, p.sent = p.again || p.sent, false
		}
	}
	for _, p := range l.pending {
		if !p.sent && l.wants(p) {
			return p
		}
	}
	return nil
}

// publish stores a block's message, and that of what it ends; where it was published before, its objects too.
func (w *worker) publish(l *lease, p *parcel, again bool) error {
	for _, raw := range p.objects {
		if !again {
			break
		}
		_, err := fetch(l.ctx, func(ctx context.Context) (transport.Digest, error) {
			return w.transport.Objects(transport.Results).Put(ctx, raw)
		})
		if err != nil {
			return err
		}
	}
	if err := w.store(l, p.block, again); err != nil || p.moments == nil {
		return err
	}
	return w.store(l, p.moments, again)
}

// store publishes a message until it is stored or the lease ends. One that was published before goes without an ID, by which
// it could be taken for a duplicate.
func (w *worker) store(l *lease, m transport.Sealed, again bool) error {
	e, err := transport.Hand(w.transport, m)
	if err != nil {
		return err
	}
	if again {
		e.ID = ""
	}
	_, err = fetch(l.ctx, func(ctx context.Context) (struct{}, error) {
		if !l.held() {
			return struct{}{}, context.Cause(l.ctx)
		}
		return struct{}{}, w.transport.Publish(ctx, e)
	})
	return err
}
