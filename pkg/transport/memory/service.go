package memory

import (
	"context"
	"sync"

	"github.com/drey-sampler/drey/pkg/transport"
)

// service hands requests to whoever serves.
type service struct {
	calls chan *call // without a buffer: a request is with a server or with its sender

	mu      sync.Mutex    // guards the fields below
	servers int           // how many subscriptions there are
	changed chan struct{} // closed and made anew when there are none
}

// call is a request under way.
type call struct {
	plain
	reply chan []byte // of one
}

func (s *service) request(ctx context.Context, closed <-chan struct{}, e transport.Envelope) ([]byte, error) {
	s.mu.Lock()
	servers, none := s.servers, s.changed
	s.mu.Unlock()
	nobody := transport.Errorf(transport.Unavailable, "request", "nobody answers on %s: is a coordinator running?", e.Subject)
	if servers == 0 {
		return nil, nobody
	}
	c := &call{plain{copied(e)}, make(chan []byte, 1)}
	select {
	case s.calls <- c:
	case <-none:
		return nil, nobody
	case <-closed:
		return nil, errClosed("request")
	case <-ctx.Done():
		return nil, errContext(ctx, "request", "nobody took it")
	}
	select {
	case reply := <-c.reply:
		return reply, nil
	case <-closed:
		return nil, errClosed("request")
	case <-ctx.Done():
		return nil, errContext(ctx, "request", "no reply")
	}
}

// Reply answers the request; replies after the first are dropped.
func (c *call) Reply(_ context.Context, payload []byte) error {
	if len(payload) > transport.MaxMessage {
		return transport.Errorf(transport.Invalid, "reply", "a reply of %d bytes, at most %d", len(payload), transport.MaxMessage)
	}
	select {
	case c.reply <- append([]byte(nil), payload...):
	default:
	}
	return nil
}

// server is a subscription of a service.
type server struct {
	*ending
	service *service
}

func (s *service) serve(end *ending) *server {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.servers++
	return &server{end, s}
}

func (r *server) Next(ctx context.Context) (transport.Received, error) {
	select {
	case <-r.done:
		return nil, errClosed("next")
	default:
	}
	select {
	case c := <-r.service.calls:
		return c, nil
	case <-r.done:
		return nil, errClosed("next")
	case <-ctx.Done():
		return nil, errContext(ctx, "next", "no request")
	}
}

func (r *server) Close() error {
	return r.end(r, func() {
		s := r.service
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.servers--; s.servers == 0 {
			close(s.changed)
			s.changed = make(chan struct{})
		}
	})
}
