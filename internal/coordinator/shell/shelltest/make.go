package shelltest

import (
	"context"
	"errors"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// uncommitted is how many blocks of a pack may be under way.
const uncommitted = 4

// resend is how long a worker waits for the ledger before it publishes again what that may never have got.
const resend = 60 * time.Second

var errGone = errors.New("shelltest: the lease is gone")

// make makes the blocks of a lease until it ends.
func (w *Worker) make(ctx context.Context, l *lease) {
	defer func() { // the lease may be granted again to this worker: it then is another
		w.mu.Lock()
		defer w.mu.Unlock()
		l.held = false
	}()
	at, err := w.place(ctx, l)
	if err != nil {
		return
	}
	var sent []*transport.Block
	previous := l.Head
	for ctx.Err() == nil {
		if err := w.await(ctx, l, at, &sent); err != nil {
			return
		}
		w.sleep(ctx, w.cfg.Block)
		if w.cfg.More != nil {
			w.sleep(ctx, w.cfg.More(at.index))
		}
		b, err := w.block(ctx, l, at, previous)
		if err != nil || w.dies(Computed, b) {
			return
		}
		if w.publish(ctx, b) != nil || w.dies(Published, b) {
			return
		}
		if !at.sampling() && at.m.Warmup[at.step].Barrier {
			m := report(at, l.state)
			m.Lease, m.Worker, m.Digest = l.Lease, w.cfg.Name, b.Digest
			if w.publish(ctx, m) != nil || w.dies(Reported, b) {
				return
			}
		}
		previous, sent = b.Digest, append(sent, b)
		if err := at.advance(func(v uint64) (*transport.Decision, error) { return w.decision(ctx, l, v) }); err != nil {
			return
		}
	}
}

func (w *Worker) dies(p Point, b *transport.Block) bool {
	if w.cfg.Die == nil || !w.cfg.Die(p, b.Lease.Pack, b.Index) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead()
	return true
}

// place brings the cursor and the states to where the grant says.
func (w *Worker) place(ctx context.Context, l *lease) (*cursor, error) {
	text, err := w.fetch(ctx, &l.Manifest, transport.Inputs)
	if err != nil {
		return nil, err
	}
	m, err := transport.Decode(text)
	if err != nil {
		return nil, err
	}
	at := &cursor{m: m.(*transport.Manifest), size: 1}
	for i := range l.Chains {
		l.state = append(l.state, begin(at.m.Seed, l.Chain+i))
	}
	if l.Next > 0 {
		text, err := w.fetch(ctx, &l.State, transport.Outcome)
		if err != nil {
			return nil, err
		}
		c, err := transport.Decode(text)
		if err != nil {
			return nil, err
		}
		l.state = restore(c.(*transport.Content))
	}
	for at.index < l.Next {
		if err := at.advance(func(v uint64) (*transport.Decision, error) { return w.decision(ctx, l, v) }); err != nil {
			return nil, err
		}
	}
	return at, nil
}

func (w *Worker) fetch(ctx context.Context, p *transport.Payload, from transport.Bucket) ([]byte, error) {
	for {
		text, err := p.Unpack(ctx, w.t.Objects(from), transport.MaxContent)
		if err == nil || transport.KindOf(err) != transport.Unavailable || ctx.Err() != nil {
			return text, err
		}
		w.sleep(ctx, 100*time.Millisecond)
	}
}

// await waits until the block at the cursor is wanted and few are under way. Blocks that stay under way are published again.
func (w *Worker) await(ctx context.Context, l *lease, at *cursor, sent *[]*transport.Block) error {
	for {
		w.mu.Lock()
		held, committed, target, changed := l.held, l.committed, l.target, w.changed
		w.mu.Unlock()
		for len(*sent) > 0 && (*sent)[0].Index < committed {
			b := (*sent)[0]
			*sent = (*sent)[1:]
			if w.dies(Committed, b) {
				return errGone
			}
		}
		if !held && !w.cfg.Zombie || ctx.Err() != nil {
			return errGone
		}
		if len(*sent) < uncommitted && (!at.sampling() || at.first < target) {
			return nil
		}
		w.wait(l, len(*sent) == 0)
		t := time.NewTimer(resend)
		select {
		case <-changed:
		case <-t.C:
			for _, b := range *sent {
				if err := w.again(ctx, b); err != nil {
					return err
				}
			}
		case <-ctx.Done():
		}
		t.Stop()
		w.wait(l, false)
	}
}

// wait notes whether a pack has nothing to do.
func (w *Worker) wait(l *lease, waits bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l.waits = waits
}

// block makes the block at the cursor.
func (w *Worker) block(ctx context.Context, l *lease, at *cursor, previous transport.Digest) (*transport.Block, error) {
	content := at.content(l.Lease.Pack, l.state)
	if w.cfg.Wrong != nil && w.cfg.Wrong.Load() && len(content.Columns) > 0 {
		content.Columns[0].Data[0] ^= 1
	}
	text, err := transport.Encode(content)
	if err != nil {
		return nil, err
	}
	b := &transport.Block{
		Lease: l.Lease, Worker: w.cfg.Name, Index: at.index, Previous: previous, Class: w.cfg.Class, Decision: at.decision,
		Leapfrogs: uint64(content.Draws) * uint64(content.Chains),
	}
	for {
		if b.Content, err = transport.Pack(ctx, w.t.Objects(transport.Results), text); err == nil || ctx.Err() != nil {
			break
		}
		w.sleep(ctx, 100*time.Millisecond)
	}
	b.Digest = transport.BlockDigest(l.Lease.Run, l.Lease.Pack, at.index, previous, b.Content.Digest)
	return b, err
}

// publish stores a message, however often that takes.
func (w *Worker) publish(ctx context.Context, m transport.Sealed) error {
	for {
		err := transport.Send(ctx, w.t, m)
		if err == nil || ctx.Err() != nil || transport.KindOf(err) != transport.Unavailable {
			return err
		}
		w.sleep(ctx, 100*time.Millisecond)
	}
}

// again publishes a block once more; a zombie's too.
func (w *Worker) again(ctx context.Context, b *transport.Block) error {
	e, err := transport.Seal(b)
	if err != nil {
		return err
	}
	e.ID = ""
	if err := w.t.Publish(ctx, e); err != nil && ctx.Err() != nil {
		return err
	}
	return nil
}

// decision asks for a decision until it is taken.
func (w *Worker) decision(ctx context.Context, l *lease, version uint64) (*transport.Decision, error) {
	w.wait(l, true)
	defer w.wait(l, false)
	for ctx.Err() == nil {
		reply, err := ask[*transport.CatchupReply](ctx, w.t, &transport.Catchup{Command: w.command(), Run: l.Lease.Run, After: version - 1})
		if err == nil && reply.Decision.Version == version {
			return &reply.Decision, nil
		}
		w.mu.Lock()
		held := l.held
		w.mu.Unlock()
		if !held && !w.cfg.Zombie {
			return nil, errGone
		}
		w.sleep(ctx, 100*time.Millisecond)
	}
	return nil, ctx.Err()
}
