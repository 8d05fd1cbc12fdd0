package worker_test

import (
	"context"
	"sync"

	"github.com/drey-sampler/drey/pkg/transport"
)

// hooked is a connection whose publications and requests a test may meddle with, and that it may kill.
type hooked struct {
	transport.Transport
	publish func(m transport.Sealed, next func() error) error
	request func(m transport.Sealed, next func() ([]byte, error)) ([]byte, error)
	// envelope sees what is published as it goes out.
	envelope func(e transport.Envelope)

	mu   sync.Mutex // guards the field below
	dead bool
}

// kill cuts the connection for good: what comes after has no effect.
func (h *hooked) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead = true
}

func (h *hooked) isDead() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dead
}

var errDead = transport.Errorf(transport.Unavailable, "test", "the process is dead")

func (h *hooked) Publish(ctx context.Context, e transport.Envelope) error {
	if h.isDead() {
		return errDead
	}
	if h.envelope != nil {
		h.envelope(e)
	}
	next := func() error { return h.Transport.Publish(ctx, e) }
	if h.publish == nil {
		return next()
	}
	m, err := transport.Open(e)
	if err != nil {
		return err
	}
	return h.publish(m, next)
}

func (h *hooked) Request(ctx context.Context, e transport.Envelope) ([]byte, error) {
	if h.isDead() {
		return nil, errDead
	}
	next := func() ([]byte, error) { return h.Transport.Request(ctx, e) }
	if h.request == nil {
		return next()
	}
	m, err := transport.Open(e)
	if err != nil {
		return nil, err
	}
	return h.request(m, next)
}

// onBlock returns a hook that meddles with blocks alone.
func onBlock(f func(b *transport.Block, next func() error) error) func(transport.Sealed, func() error) error {
	return func(m transport.Sealed, next func() error) error {
		if b, ok := m.(*transport.Block); ok {
			return f(b, next)
		}
		return next()
	}
}
