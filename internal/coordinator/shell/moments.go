package shell

import (
	"context"
	"math"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// place names the block that moments are about.
type place struct {
	run    transport.RunID
	pack   transport.PackID
	index  uint64
	digest transport.Digest
}

// report is moments that have come, and whose block is not in the ledger yet.
type report struct {
	moments  *transport.Moments
	messages []transport.Received // the last copies
	order    uint64               // of arrival
}

// Bounds on what waits for its block. What is let go comes again: a worker sends a block and its moments until the ledger has it.
const (
	heldReports = 512 // half of what a transport delivers unacknowledged
	heldCopies  = 8   // of one; of others the acknowledgement waits until they come again
)

// collect takes what packs report at the end of windows, and keeps it until the ledger has it with its block. Only then are the
// messages acknowledged: the next coordinator gets them again.
func (r *reign) collect(ctx context.Context) error {
	sub, err := r.cfg.Transport.Subscribe(ctx, transport.Filter{Channel: transport.Statistics})
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		q, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		m, err := transport.Open(q.Envelope())
		moments, ok := m.(*transport.Moments)
		if err == nil && !ok {
			err = transport.Errorf(transport.Refused, "moments", "%s is none", transport.NameOf(m))
		}
		if err != nil {
			r.cfg.Log.Info("message refused", "subject", q.Envelope().Subject.String(), "reason", err.Error())
			r.acknowledge(ctx, q)
			continue
		}
		r.keepReport(ctx, moments, q)
	}
}

func (r *reign) acknowledge(ctx context.Context, messages ...transport.Received) {
	for _, q := range messages {
		if err := q.Ack(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Log.Debug("a message was not acknowledged", "reason", err.Error()) // it comes again
		}
	}
}

// keepReport keeps moments for their block, unless the ledger has gone on from its place.
func (r *reign) keepReport(ctx context.Context, m *transport.Moments, q transport.Received) {
	at := place{m.Lease.Run, m.Lease.Pack, m.Block, m.Digest}
	blocks := uint64(0)
	known := false
	r.cfg.Machine.View(func(machine *coordinator.Machine) {
		var s coordinator.Standing
		if s, known = machine.Standing(tenure(m.Lease)); known {
			blocks = uint64(s.Blocks)
		}
	})
	if !known || m.Block < blocks {
		r.acknowledge(ctx, q)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if have := r.moments[at]; have != nil {
		if have.messages = append(have.messages, q); len(have.messages) > heldCopies {
			have.messages = have.messages[1:]
		}
		return
	}
	r.arrived++
	r.moments[at] = &report{m, []transport.Received{q}, r.arrived}
	if len(r.moments) > heldReports {
		r.letGo(ctx)
	}
}

// letGo acknowledges the oldest report and forgets it. mu is held.
func (r *reign) letGo(ctx context.Context) {
	var oldest place
	first := uint64(math.MaxUint64)
	for at, x := range r.moments {
		if x.order < first {
			oldest, first = at, x.order
		}
	}
	r.acknowledge(ctx, r.moments[oldest].messages...)
	delete(r.moments, oldest)
}

// settled acknowledges the report of a block that is in the ledger, and those for other blocks in its place or before.
func (r *reign) settled(ctx context.Context, e *transport.LedgerEntry) {
	var over []transport.Received
	r.mu.Lock()
	for at, x := range r.moments {
		if at.run == e.Lease.Run && at.pack == e.Lease.Pack && at.index <= e.Index {
			over = append(over, x.messages...)
			delete(r.moments, at)
		}
	}
	r.mu.Unlock()
	r.acknowledge(ctx, over...)
}

// A report of the machine is Moments, encoded: without what depends on who made them, so that decisions do not either, and without
// their content, which is an object of Results by then. What is still too large is itself an object of Outcome, and the report its
// digest.
const digestBytes = len(transport.Digest{})

// reportOf returns the report of a block, nil if it has not come.
func (r *reign) reportOf(ctx context.Context, e *transport.LedgerEntry) ([]byte, error) {
	r.mu.Lock()
	x := r.moments[place{e.Lease.Run, e.Lease.Pack, e.Index, e.Digest}]
	r.mu.Unlock()
	if x == nil {
		return nil, nil
	}
	m := *x.moments
	m.Worker, m.Lease.Epoch = "_", 0
	if len(m.Content.Inline) > 0 {
		if _, err := r.cfg.Transport.Objects(transport.Outcome).Put(ctx, m.Content.Inline); err != nil {
			return nil, err
		}
		m.Content.Inline = nil
	}
	text, err := transport.Encode(&m)
	if err != nil || len(text) <= coordinator.MaxReport {
		return text, err
	}
	digest, err := r.cfg.Transport.Objects(transport.Outcome).Put(ctx, text)
	return digest[:], err
}

// momentsOf is the inverse of reportOf, with the content.
func (r *reign) momentsOf(ctx context.Context, report []byte) (*transport.Moments, []byte, error) {
	outcome := r.cfg.Transport.Objects(transport.Outcome)
	if len(report) == digestBytes {
		var err error
		if report, err = outcome.Get(ctx, transport.Digest(report), transport.MaxMessage); err != nil {
			return nil, nil, err
		}
	}
	m, err := transport.Decode(report)
	if err != nil {
		return nil, nil, err
	}
	moments, ok := m.(*transport.Moments)
	if !ok {
		return nil, nil, transport.Errorf(transport.Corrupt, "moments", "a report is %s", transport.NameOf(m))
	}
	if moments.Content.Size == 0 {
		return moments, nil, nil
	}
	content, err := moments.Content.Unpack(ctx, outcome, transport.MaxContent)
	if transport.KindOf(err) == transport.NotFound && err != nil { // it was too large to come with its message
		content, err = moments.Content.Unpack(ctx, r.cfg.Transport.Objects(transport.Results), transport.MaxContent)
	}
	return moments, content, err
}
