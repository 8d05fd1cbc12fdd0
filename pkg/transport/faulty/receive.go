package faulty

import (
	"context"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// overtaken is how long a delayed message of a queue waits for one to overtake it.
const overtaken = 5 * time.Millisecond

// subscription delivers with faults.
type subscription struct {
	inner transport.Subscription
	t     *Transport
	done  chan struct{} // closed by Close
	once  sync.Once

	mu    sync.Mutex // guards the field below
	ready []transport.Received
}

// Next delivers a message of a queue perhaps twice, or after the one that follows it.
func (s *subscription) Next(ctx context.Context) (transport.Received, error) {
	if err := s.connected(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if len(s.ready) > 0 {
		r := s.ready[0]
		s.ready = s.ready[1:]
		s.mu.Unlock()
		return r, nil
	}
	s.mu.Unlock()
	inner, err := s.inner.Next(ctx)
	if err != nil {
		return nil, err
	}
	r := &received{inner, s.t}
	if err := s.connected(ctx); err != nil { // it came through before the cut, and its reader has gone
		_ = inner.Retry(context.WithoutCancel(ctx)) // if this is lost as well, AckWait brings it back
		return nil, err
	}
	subject := inner.Envelope().Subject
	if subject.Channel.Delivery() != transport.Queue {
		return r, nil
	}
	s.t.mu.Lock()
	f := s.t.draw("deliver", subject.String())
	s.t.mu.Unlock()
	if f.duplicate {
		s.later(r)
	}
	if !f.delay {
		return r, nil
	}
	wait, cancel := context.WithTimeout(ctx, overtaken)
	defer cancel()
	overtaking, err := s.inner.Next(wait)
	if err != nil {
		return r, nil // nothing follows it
	}
	s.later(r)
	return &received{overtaking, s.t}, nil
}

func (s *subscription) later(r transport.Received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append(s.ready, r)
}

// connected waits until nothing cuts what the party receives.
func (s *subscription) connected(ctx context.Context) error {
	for {
		s.t.mu.Lock()
		cut, changed := s.t.cut, s.t.changed
		s.t.mu.Unlock()
		select {
		case <-s.done:
			return transport.Errorf(transport.Unavailable, "next", "the subscription is closed")
		default:
		}
		if cut&Inbound == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-s.done:
		case <-ctx.Done():
			return transport.Errorf(transport.Unavailable, "next", "a partition: %w", ctx.Err())
		}
	}
}

func (s *subscription) Close() error {
	s.once.Do(func() { close(s.done) })
	return s.inner.Close()
}

// received is a message whose answers may be lost.
type received struct {
	transport.Received
	t *Transport
}

// Ack acknowledges, unless it is lost: then the message comes again.
func (r *received) Ack(ctx context.Context) error {
	subject := r.Envelope().Subject.String()
	f, err := r.t.decide("ack", subject)
	if err != nil {
		return err
	}
	if f.drop {
		if err := r.Received.Retry(ctx); err != nil {
			return err
		}
		return errDropped("ack", subject)
	}
	if err := r.Received.Ack(ctx); err != nil {
		return err
	}
	if f.lost {
		return errDropped("ack", subject)
	}
	return nil
}

func (r *received) Retry(ctx context.Context) error {
	if _, err := r.t.decide("retry", r.Envelope().Subject.String()); err != nil {
		return err
	}
	return r.Received.Retry(ctx)
}

func (r *received) Reply(ctx context.Context, payload []byte) error {
	if _, err := r.t.decide("reply", r.Envelope().Subject.String()); err != nil {
		return err
	}
	return r.Received.Reply(ctx, payload)
}

// objects are another's, with faults.
type objects struct {
	inner  transport.Objects
	t      *Transport
	bucket string
}

func (o *objects) Put(ctx context.Context, data []byte) (transport.Digest, error) {
	f, err := o.t.decide("put", o.bucket)
	if err == nil && f.drop {
		err = errDropped("put", o.bucket)
	}
	if err != nil {
		return transport.Digest{}, err
	}
	name, err := o.inner.Put(ctx, data)
	if err == nil && f.lost {
		err = errDropped("put", o.bucket)
	}
	return name, err
}

func (o *objects) Get(ctx context.Context, name transport.Digest, limit int64) ([]byte, error) {
	f, err := o.t.decide("get", o.bucket)
	if err == nil && (f.drop || f.lost) {
		err = errDropped("get", o.bucket)
	}
	if err != nil {
		return nil, err
	}
	return o.inner.Get(ctx, name, limit)
}

func (o *objects) Delete(ctx context.Context, name transport.Digest) error {
	f, err := o.t.decide("delete", o.bucket)
	if err == nil && f.drop {
		err = errDropped("delete", o.bucket)
	}
	if err != nil {
		return err
	}
	err = o.inner.Delete(ctx, name)
	if err == nil && f.lost {
		err = errDropped("delete", o.bucket)
	}
	return err
}
