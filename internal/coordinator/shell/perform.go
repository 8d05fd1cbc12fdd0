package shell

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// perform does what came of a command. Nothing here waits: messages go to the outbox, decisions and ends of runs to goroutines.
func (r *reign) perform(ctx context.Context, actions []coordinator.Action) {
	committed := map[coordinator.Tenure]bool{} // packs, without an epoch
	for _, a := range actions {
		switch a := a.(type) {
		case coordinator.LeaseGranted:
			r.event(transport.RunID(a.Run), "lease granted", "pack", number(a.Pack), "worker", string(a.Worker), "epoch", number(a.Epoch))
		case coordinator.LeaseEnded:
			r.leaseEnded(a)
		case coordinator.BlockCommitted:
			committed[coordinator.Tenure{Run: a.Run, Pack: a.Pack}] = true
		case coordinator.DecisionDue:
			r.decide(ctx, a)
		case coordinator.Decided:
			r.decided(a)
			if len(a.Payload) == 0 { // of sampling: packs may go further
				r.addPacks(committed, a.Run)
			}
		case coordinator.RunChanged:
			r.changed(ctx, a)
		case coordinator.DrainAsked:
			r.out.put(&transport.Drain{Worker: transport.PartyID(a.Worker), Reason: "drained"})
		}
	}
	r.tellHolders(committed)
}

func number[T ~uint32 | ~uint64](n T) string { return strconv.FormatUint(uint64(n), 10) }

func (r *reign) leaseEnded(a coordinator.LeaseEnded) {
	run := transport.RunID(a.Run)
	r.event(run, "lease "+a.Why.String(), "pack", number(a.Pack), "worker", string(a.Worker), "epoch", number(a.Epoch))
	r.out.put(&transport.LeaseExpired{
		Worker: transport.PartyID(a.Worker), Reason: a.Why.String(),
		Lease: transport.LeaseRef{Run: run, Pack: transport.PackID(a.Pack), Epoch: transport.Epoch(a.Epoch)},
	})
}

// addPacks adds all packs of a run to a set.
func (r *reign) addPacks(packs map[coordinator.Tenure]bool, run coordinator.RunID) {
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		p, _ := m.Progress(run)
		for i := range p.Packs {
			packs[coordinator.Tenure{Run: run, Pack: i}] = true
		}
	})
}

// tellHolders tells who holds leases of packs how far the ledger is.
func (r *reign) tellHolders(packs map[coordinator.Tenure]bool) {
	if len(packs) == 0 {
		return
	}
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		for t := range packs {
			for _, l := range m.Leases(t.Run, t.Pack) {
				s, _ := m.Standing(t)
				r.out.put(&transport.Committed{
					Worker: transport.PartyID(l.Worker), Committed: uint64(s.Blocks), Head: transport.Digest(s.Prev), Target: s.Draws,
					Lease: transport.LeaseRef{Run: transport.RunID(t.Run), Pack: transport.PackID(t.Pack), Epoch: transport.Epoch(l.Epoch)},
				})
			}
		}
	})
}

// decided broadcasts a decision of warmup.
func (r *reign) decided(a coordinator.Decided) {
	if len(a.Payload) == 0 {
		return
	}
	d, err := decode(a.Payload)
	if err != nil {
		r.cfg.Log.Error("a decision can't be read", "run", string(a.Run), "block", a.K, "reason", err.Error())
		return
	}
	r.event(d.Run, "warmup decided", "version", number(d.Version), "step_size", strconv.FormatFloat(d.StepSize, 'g', -1, 64), "next", number(d.Next),
		"included", included(d), "excluded", excluded(d))
	r.out.put(d)
}

// changed announces how a run is now. Its directory is brought up to date before anybody hears of an end.
func (r *reign) changed(ctx context.Context, a coordinator.RunChanged) {
	run := transport.RunID(a.Run)
	r.event(run, "run is "+a.Status.String(), "draws", number(a.Draws), "reason", a.Reason)
	if a.Status == coordinator.Running {
		return
	}
	r.abandon(a.Run)
	end := &transport.RunEnd{Run: run, State: stateOf(a.Status), Reason: a.Reason}
	r.work.Go(func() {
		for {
			err := r.cfg.Sink.Note(ctx, r, run)
			if err == nil || ctx.Err() != nil {
				break
			}
			r.cfg.Log.Error("how a run ended can't be written down yet", "run", string(run), "reason", err.Error())
			if !pause(ctx, faultTime) {
				return
			}
		}
		r.out.put(end)
		if status, err := r.status(ctx, run); err == nil {
			r.out.put(status.(*transport.RunStatus))
		}
	})
}

func stateOf(s coordinator.Status) transport.RunState {
	switch s {
	case coordinator.Done:
		return transport.Complete
	case coordinator.Stopped:
		return transport.Stopped
	}
	return transport.Failed
}

// event logs a line of a run, here and for whoever reads the run's log. Attributes without a value are left out.
func (r *reign) event(run transport.RunID, text string, attributes ...string) {
	m := &transport.LogRecord{Run: run, Party: r.cfg.Name, Time: time.Now().UnixNano(), Text: text}
	var args []any
	for i := 0; i < len(attributes); i += 2 {
		if attributes[i+1] == "" {
			continue
		}
		m.Attributes = append(m.Attributes, transport.Attribute{Key: attributes[i], Value: attributes[i+1]})
		args = append(args, slog.String(attributes[i], attributes[i+1]))
	}
	r.Shell.mu.Lock()
	r.sequence++
	m.Sequence = r.sequence
	r.Shell.mu.Unlock()
	r.cfg.Log.Info(text, append(args, slog.String("run", string(run)))...)
	r.out.put(m)
}

// outbox is messages on their way out, in order.
type outbox struct {
	some chan struct{} // a signal that there are some

	mu       sync.Mutex // guards the fields below
	messages []transport.Sealed
	lost     int
}

func newOutbox() *outbox { return &outbox{some: make(chan struct{}, 1)} }

// put adds a message. Where there are very many the oldest is lost: each can be.
func (o *outbox) put(m transport.Sealed) {
	o.mu.Lock()
	if o.messages = append(o.messages, m); len(o.messages) > outgoing {
		o.messages = o.messages[1:]
		o.lost++
	}
	o.mu.Unlock()
	select {
	case o.some <- struct{}{}:
	default:
	}
}

func (o *outbox) take() (messages []transport.Sealed, lost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	messages, lost = o.messages, o.lost
	o.messages, o.lost = nil, 0
	return messages, lost
}

// send publishes what is in the outbox.
func (r *reign) send(ctx context.Context) error {
	for {
		select {
		case <-r.out.some:
		case <-ctx.Done():
			return nil
		}
		messages, lost := r.out.take()
		if lost > 0 {
			r.cfg.Log.Warn("messages were not sent: the transport is too slow", "messages", lost)
		}
		for _, m := range messages {
			if err := transport.Send(ctx, r.cfg.Transport, m); err != nil && ctx.Err() == nil {
				r.cfg.Log.Debug("a message was not sent", "message", transport.NameOf(m), "reason", err.Error())
			}
		}
	}
}
