package memory

import (
	"context"
	"sync"

	"github.com/drey-sampler/drey/pkg/transport"
)

// history holds the latest messages of the channels that are read from the start.
type history struct {
	limit int64 // bytes

	mu      sync.Mutex    // guards the fields below
	changed chan struct{} // closed and made anew at every change
	first   int           // number of the oldest message
	held    []transport.Envelope
	bytes   int64
}

// publish stores a message and drops the oldest beyond the limit.
func (h *history) publish(e transport.Envelope) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = append(h.held, copied(e))
	h.bytes += int64(len(e.Payload))
	for h.bytes > h.limit {
		h.bytes -= int64(len(h.held[0].Payload))
		h.held, h.first = h.held[1:], h.first+1
	}
	close(h.changed)
	h.changed = make(chan struct{})
}

// historyReader is a subscription of a history.
type historyReader struct {
	*ending
	history *history
	filter  transport.Filter

	mu sync.Mutex // guards the field below
	at int        // number of the message to look at next
}

func (r *historyReader) Next(ctx context.Context) (transport.Received, error) {
	for {
		m, changed := r.take()
		if m != nil {
			return m, nil
		}
		select {
		case <-r.done:
			return nil, errClosed("next")
		case <-changed:
		case <-ctx.Done():
			return nil, errContext(ctx, "next", "no message")
		}
	}
}

// take returns the next message that the filter chooses, or what to wait for.
func (r *historyReader) take() (transport.Received, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.done:
		return nil, nil
	default:
	}
	h := r.history
	h.mu.Lock()
	defer h.mu.Unlock()
	for r.at = max(r.at, h.first); r.at < h.first+len(h.held); {
		e := h.held[r.at-h.first]
		r.at++
		if r.filter.Match(e.Subject) {
			return plain{copied(e)}, nil
		}
	}
	return nil, h.changed
}

func (r *historyReader) Close() error { return r.end(r, func() {}) }

// backlog is how many messages of a broadcast a slow listener may be behind before it loses some.
const backlog = 4096

// listener is a subscription of a broadcast.
type listener struct {
	*ending
	bus      *Bus
	filter   transport.Filter
	messages chan transport.Envelope
}

// listen adds a listener.
func (b *Bus) listen(f transport.Filter, end *ending) *listener {
	l := &listener{end, b, f, make(chan transport.Envelope, backlog)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners[l] = true
	return l
}

// broadcast hands a message to all listeners that are not too far behind.
func (b *Bus) broadcast(e transport.Envelope) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		if !l.filter.Match(e.Subject) {
			continue
		}
		select {
		case l.messages <- copied(e):
		default:
		}
	}
}

func (l *listener) Next(ctx context.Context) (transport.Received, error) {
	select {
	case <-l.done:
		return nil, errClosed("next")
	default:
	}
	select {
	case e := <-l.messages:
		return plain{e}, nil
	case <-l.done:
		return nil, errClosed("next")
	case <-ctx.Done():
		return nil, errContext(ctx, "next", "no message")
	}
}

func (l *listener) Close() error {
	return l.end(l, func() {
		l.bus.mu.Lock()
		defer l.bus.mu.Unlock()
		delete(l.bus.listeners, l)
	})
}
