package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/drey-sampler/drey/pkg/transport"
)

// listen takes what coordinators say on a channel. Any of it may be lost: the replies to renewals say it again.
func (w *worker) listen(channel transport.Channel) func(ctx context.Context) error {
	filter := transport.Filter{Channel: channel}
	if channel == transport.Notices {
		filter.Party = w.cfg.Name
	}
	return func(ctx context.Context) error {
		for pause := firstRetry; ctx.Err() == nil; pause = min(2*pause, lastRetry) {
			s, err := w.transport.Subscribe(ctx, filter)
			if err == nil {
				pause = firstRetry
				err = errors.Join(w.follow(ctx, s), s.Close())
			}
			if ctx.Err() != nil {
				return nil
			}
			w.cfg.Log.Warn("notices are missed", "channel", channel.String(), "error", err)
			if sleep(ctx, pause) != nil {
				return nil
			}
		}
		return nil
	}
}

// follow takes messages until there are no more.
func (w *worker) follow(ctx context.Context, s transport.Subscription) error {
	for {
		r, err := s.Next(ctx)
		if err != nil {
			return err
		}
		m, err := transport.Open(r.Envelope())
		if err != nil {
			w.cfg.Log.Warn("a message is refused", "subject", r.Envelope().Subject.String(), "error", err)
			continue
		}
		w.hear(m)
	}
}

// hear takes one message.
func (w *worker) hear(m transport.Sealed) {
	switch m := m.(type) {
	case *transport.Committed:
		if l := w.find(m.Lease); l != nil {
			l.raise(m.Target)
			l.enter(m.Committed, m.Head)
		}
	case *transport.LeaseExpired:
		if l := w.find(m.Lease); l != nil {
			l.end(fmt.Errorf("worker: the coordinator has taken it back: %s", m.Reason))
		}
	case *transport.Drain:
		w.drain("drained")
	case *transport.Decision:
		w.runs.learn(m)
		for _, l := range w.held() {
			if l.Run == m.Run {
				l.decided(m.Version)
			}
		}
	case *transport.RunEnd:
		for _, l := range w.held() {
			if l.Run == m.Run {
				l.end(fmt.Errorf("worker: the run is %s", m.State))
			}
		}
	}
}
