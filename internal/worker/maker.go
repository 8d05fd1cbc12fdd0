package worker

import (
	"context"
	"fmt"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/transport"
)

// make makes the blocks of a lease, from where its grant says, until it ends.
func (w *worker) make(l *lease) error {
	r, err := w.runs.open(l.ctx, l.grant)
	if err != nil {
		return err
	}
	defer func() { w.note(l, w.runs.close(r)) }()
	end, err := w.endState(l)
	if err != nil {
		return err
	}
	var cut *Cut
	if w.cfg.Cuts != nil {
		if cut, err = w.cfg.Cuts.Kept(l.Pack, l.grant.Next, l.grant.Head); err != nil {
			return err
		}
	}
	p, err := newPack(r, l.grant, end, cut)
	if err != nil {
		return err
	}
	defer func() { w.note(l, p.close()) }()
	if w.cfg.Watcher != nil {
		w.cfg.Watcher.Begun(p.chains)
	}
	at := &cursor{m: r.manifest}
	for at.index < l.grant.Next {
		if err := w.pass(l, r, at, nil); err != nil {
			return err
		}
		at.advance()
	}
	if cut != nil { // its chains have the decision before it already
		if err := w.pass(l, r, at, nil); err != nil {
			return err
		}
	}
	for previous := l.grant.Head; ; at.advance() {
		if err := w.pass(l, r, at, p); err != nil {
			return err
		}
		if err := w.admit(l, at); err != nil {
			return err
		}
		x, err := w.block(l, p, at, previous)
		if err != nil {
			w.backlog.give(1)
			return err
		}
		previous = x.block.Digest
		l.add(x)
	}
}

// pass takes the decision that a cursor waits for, if it does: in a pack that goes on from there, unless p is nil.
func (w *worker) pass(l *lease, r *run, at *cursor, p *pack) error {
	if !at.barrier {
		return nil
	}
	d, err := w.decision(l, r, at.decision+1)
	if err != nil {
		return err
	}
	if err := at.decide(d); err != nil || p == nil {
		return err
	}
	raw, err := fetch(l.ctx, func(ctx context.Context) ([]byte, error) {
		return d.Metric.Unpack(ctx, w.transport.Objects(transport.Outcome), transport.MaxContent)
	})
	if err != nil {
		return fmt.Errorf("worker: decision %d: %w", d.Version, err)
	}
	return w.slots.with(l.ctx, r, func(*slot) error { return p.decide(raw) })
}

// admit waits until the block at a cursor is wanted and there is room for it, which is then its own.
func (w *worker) admit(l *lease, at *cursor) error {
	wanted := func() bool { return !w.draining() && (!at.sampling() || at.first < l.target) }
	room := func() bool { return len(l.pending) < w.cfg.Uncommitted }
	for {
		if err := l.rest(func() bool { return !wanted() }); err != nil {
			return err
		}
		ready := false
		changed, err := l.wait(urgeTime, func() bool {
			ready = wanted() && room() && w.backlog.take(l)
			return ready || !wanted()
		})
		switch {
		case ready && err != nil:
			w.backlog.give(1)
			return err
		case ready || err != nil:
			return err
		case !changed:
			w.urge()
		}
	}
}

// block makes the block at a cursor and seals it.
func (w *worker) block(l *lease, p *pack, at *cursor, previous transport.Digest) (*parcel, error) {
	if w.cfg.Watcher != nil {
		w.cfg.Watcher.Making(1)
		defer w.cfg.Watcher.Making(-1)
	}
	var made *block
	err := w.slots.with(l.ctx, p.run, func(s *slot) (err error) {
		if w.draining() { // it waited for the slot, and has nothing to lose
			return errStopped
		}
		var have []uint32
		made, have, err = p.make(s, at, func() bool { return w.halted.Load() || l.ctx.Err() != nil })
		if err == errStopped && w.cfg.Cuts != nil {
			w.cfg.Cuts.Keep(p.cut(l, at, previous, made, have))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	x := &parcel{warmup: !at.sampling(), first: at.first}
	content, err := w.enclose(l, x, p.run, made.content)
	if err != nil {
		return nil, err
	}
	b := &transport.Block{
		Lease: l.LeaseRef, Worker: w.cfg.Name, Index: at.index, Previous: previous, Class: w.class, Decision: at.decision,
		Leapfrogs: uint64(made.leapfrogs), Divergences: uint32(made.divergences), Content: content,
	}
	b.Digest = transport.BlockDigest(l.Run, l.Pack, at.index, previous, content.Digest)
	w.pulse.count(l, at, made)
	x.block = b
	if made.report != nil {
		x.moments, err = w.moments(l, at, x, made)
	}
	return x, err
}

// enclose returns the payload of the content of a block of a parcel: the content itself where the transport carries it, else its bytes,
// and the memory of its columns is the run's again.
func (w *worker) enclose(l *lease, x *parcel, r *run, content *transport.Content) (transport.Payload, error) {
	if _, ok := w.transport.(transport.Direct); ok {
		return transport.Enclose(content, !w.cfg.Volatile)
	}
	raw, err := transport.Encode(content)
	r.recycle(content.Columns)
	if err != nil {
		return transport.Payload{}, err
	}
	return w.pack(l, x, raw)
}

// pack returns the payload of a content of a parcel.
func (w *worker) pack(l *lease, x *parcel, raw []byte) (transport.Payload, error) {
	p, err := fetch(l.ctx, func(ctx context.Context) (transport.Payload, error) {
		return transport.Pack(ctx, w.transport.Objects(transport.Results), raw)
	})
	if len(p.Inline) < len(raw) {
		x.objects = append(x.objects, raw)
	}
	return p, err
}

// moments returns what a pack reports with the block that ends a window.
func (w *worker) moments(l *lease, at *cursor, x *parcel, made *block) (*transport.Moments, error) {
	content, err := w.pack(l, x, adapt.AppendReports(nil, made.report))
	b, step := x.block, at.m.Warmup[at.step]
	m := &transport.Moments{
		Lease: l.LeaseRef, Worker: w.cfg.Name, Window: step.Window, Round: step.Round, Block: b.Index, Digest: b.Digest, Decision: at.decision,
		Leapfrogs: b.Leapfrogs, Divergences: b.Divergences, Content: content,
	}
	for _, r := range made.report {
		m.LogStepSize, m.Acceptance = append(m.LogStepSize, r.LogStepSize), append(m.Acceptance, r.AcceptanceRate)
	}
	return m, err
}

// endState returns the content of the block that a grant goes on from, nil before the first.
func (w *worker) endState(l *lease) (*transport.Content, error) {
	g := l.grant
	if g.Next == 0 {
		return nil, nil
	}
	m, err := fetch(l.ctx, func(ctx context.Context) (transport.Message, error) {
		return g.State.Message(ctx, w.transport.Objects(transport.Outcome), transport.MaxContent)
	})
	if err != nil {
		return nil, fmt.Errorf("worker: the end state of block %d: %w", g.Next-1, err)
	}
	c, ok := m.(*transport.Content)
	if !ok || c.Chain != g.Chain || c.Chains != g.Chains {
		return nil, fmt.Errorf("worker: the end state of block %d is not one of its chains", g.Next-1)
	}
	return c, nil
}
