package worker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// lease is a pack that the worker holds. Its maker makes blocks and its sender publishes them; what the coordinator says of it
// comes from elsewhere.
type lease struct {
	transport.LeaseRef
	grant *transport.Grant
	ctx   context.Context // ends with the lease; its cause says why
	end   context.CancelCauseFunc
	tell  func()      // tells whoever acquires packs that something has changed
	left  func(n int) // notes that blocks are pending no more

	mu        sync.Mutex  // guards the fields below
	fence     *time.Timer // ends the lease
	until     time.Time   // when it does
	committed uint64      // blocks in the ledger
	decision  uint64      // version of the decision in force
	target    uint64      // draws of each chain
	pending   []*parcel   // blocks that were made and are not in the ledger, in order
	moved     time.Time   // when pending last lost a block, or was sent
	waiting   bool        // there is no block to make until something changes
	starving  bool        // it waits for the backlog
	progress  transport.PackProgress
	changed   chan struct{}
}

// parcel is a block as it is sent.
type parcel struct {
	block   *transport.Block
	moments *transport.Moments // what its pack reports after it; nil: nothing
	objects [][]byte           // contents of both that are too large for their messages
	sent    bool
	again   bool // it was published before
	warmup  bool
	first   uint64 // its first draw
}

// newLease returns the lease of a grant that was asked for at a time.
func newLease(ctx context.Context, g *transport.Grant, asked time.Time, duration time.Duration, tell func()) *lease {
	l := &lease{
		LeaseRef: g.Lease, grant: g, tell: tell, committed: g.Next, decision: g.Decision, target: g.Target, changed: make(chan struct{}),
	}
	l.ctx, l.end = context.WithCancelCause(ctx)
	l.until = asked.Add(duration * 3 / 4)
	l.fence = time.AfterFunc(time.Until(l.until), func() { l.end(errUnrenewed) })
	return l
}

// errUnrenewed ends a lease that might be another's by now.
var errUnrenewed = fmt.Errorf("worker: not renewed within three quarters of its time")

// notify tells whoever waits that something has changed. mu is held.
func (l *lease) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
	l.tell()
}

// poke has whoever waits look again.
func (l *lease) poke() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify()
}

// decided notes that a decision is in force.
func (l *lease) decided(version uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decision = max(l.decision, version)
	l.notify()
}

// wait returns once is reports true, which is called with mu held, or after the time, or with the reason why the lease ended.
func (l *lease) wait(limit time.Duration, is func() bool) (bool, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		l.mu.Lock()
		ok, changed := is(), l.changed
		l.mu.Unlock()
		if l.ctx.Err() != nil {
			return false, context.Cause(l.ctx)
		}
		if ok {
			return true, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return false, nil
		case <-l.ctx.Done():
		}
	}
}

// held reports whether the lease is certain to be the worker's still: a process that was paused may ask before the timer that
// ends it has fired.
func (l *lease) held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !time.Now().Before(l.until) {
		l.end(errUnrenewed)
	}
	return l.ctx.Err() == nil
}

// renewed takes what the coordinator says of the lease, in a reply to what was asked at a time.
func (l *lease) renewed(s *transport.LeaseState, asked time.Time, duration time.Duration) {
	if !s.Held {
		l.end(fmt.Errorf("worker: the coordinator has given it to another"))
		return
	}
	l.mu.Lock()
	if until := asked.Add(duration * 3 / 4); until.After(l.until) && l.ctx.Err() == nil {
		l.until = until
		l.fence.Reset(time.Until(until))
	}
	l.want(s.Target)
	l.decision = max(l.decision, s.Decision)
	l.notify()
	l.mu.Unlock()
	l.enter(s.Committed, s.Head)
}

// want takes the draws that are wanted from now on. Of blocks beyond those that were, which are wanted now, the ledger may have refused
// some. mu is held.
func (l *lease) want(target uint64) {
	for _, p := range l.pending {
		if !l.wants(p) && p.first < target {
			p.again, p.sent = p.again || p.sent, false
		}
	}
	l.target = target
}

// raise takes it that more draws are wanted. That there are fewer only a renewal says: notices may come late.
func (l *lease) raise(target uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if target > l.target {
		l.want(target)
		l.notify()
	}
}

// enter notes that the ledger has so many blocks, the last of which has a digest.
func (l *lease) enter(committed uint64, head transport.Digest) {
	l.mu.Lock()
	before := len(l.pending)
	l.shift(committed, head)
	gone := before - len(l.pending)
	l.mu.Unlock()
	if gone > 0 {
		l.left(gone)
	}
}

// shift takes the blocks that the ledger has out of those that are pending. mu is held.
func (l *lease) shift(committed uint64, head transport.Digest) {
	if committed <= l.committed {
		return
	}
	for len(l.pending) > 0 && l.committed < committed {
		if b := l.pending[0].block; b.Index == committed-1 && b.Digest != head {
			l.end(fmt.Errorf("worker: the ledger has another block %d, %s, than was made here, %s", b.Index, head, b.Digest))
			return
		}
		l.pending[0] = nil // the array keeps what is before the slice
		l.pending = l.pending[1:]
		l.committed++
	}
	if l.committed != committed {
		l.end(fmt.Errorf("worker: the ledger has %d blocks, and %d were made here", committed, l.committed))
		return
	}
	l.moved = time.Now()
	l.notify()
}

// add notes a block that was made.
func (l *lease) add(p *parcel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(l.pending, p)
	l.notify()
}

// rest waits while idle, which is called with mu held, reports that there is no block to make; meanwhile the lease may be
// settled.
func (l *lease) rest(idle func() bool) error {
	for {
		l.mu.Lock()
		was, changed := l.waiting, l.changed
		if l.waiting = idle(); l.waiting != was {
			l.notify()
			changed = l.changed
		}
		waiting := l.waiting
		l.mu.Unlock()
		if l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
		if !waiting {
			return nil
		}
		select {
		case <-changed:
		case <-l.ctx.Done():
		}
	}
}

// stop notes that no more blocks are made.
func (l *lease) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = true
	l.notify()
}

// settled reports whether there is no block to make, and none owed: the lease could be given back without loss.
func (l *lease) settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting && !l.owing()
}

// owing reports whether a block was made that the ledger wants and lacks. A run that a user stopped does not want what is beyond
// its last draw. mu is held.
func (l *lease) owing() bool { return len(l.pending) > 0 && l.wants(l.pending[0]) }

// wants reports whether the run wants a block, unless its target rises again. mu is held.
func (l *lease) wants(p *parcel) bool { return p.warmup || p.first < l.target }
