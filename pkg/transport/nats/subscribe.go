package nats

import (
	"context"
	"errors"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drey-sampler/drey/pkg/transport"
)

// ahead is how many messages of a queue a subscription fetches before they are asked for.
const ahead = 32

// heartbeat is how often the server says that a request for messages is in its hands. After two without, Next asks again:
// the server may have been away, and the client omits a request if the one before is still being written when it would
// be due.
const heartbeat = time.Second

// requestLife is how long a request for messages holds before it is made anew.
const requestLife = 30 * time.Second

// farewell bounds what closing a subscription waits for the server.
const farewell = time.Second

// servers is the group of those that serve requests, of whom one gets each.
const servers = "drey"

func (c *connection) Subscribe(ctx context.Context, f transport.Filter) (transport.Subscription, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	select {
	case <-c.done:
		return nil, errClosed("subscribe")
	default:
	}
	var s transport.Subscription
	var err error
	switch f.Channel.Delivery() {
	case transport.Queue:
		s, err = c.consume(ctx, f)
	case transport.History:
		s, err = c.replay(ctx, f)
	default:
		s, err = c.listen(ctx, f)
	}
	if err != nil {
		return nil, fault("subscribe to "+f.String(), err)
	}
	if err := c.adopt(s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// listener is a subscription of what is not stored.
type listener struct {
	c    *connection
	sub  *client.Subscription
	once sync.Once
	done chan struct{}
}

func (c *connection) listen(ctx context.Context, f transport.Filter) (*listener, error) {
	subscribe := c.conn.SubscribeSync
	if f.Channel.Delivery() == transport.Service {
		subscribe = func(subject string) (*client.Subscription, error) { return c.conn.QueueSubscribeSync(subject, servers) }
	}
	sub, err := subscribe(f.String())
	if err != nil {
		return nil, err
	}
	l := &listener{c: c, sub: sub, done: make(chan struct{})}
	if err := flush(ctx, c.conn); err != nil { // from now on the server knows
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// flush waits until the server has handled all that was sent to it.
func flush(ctx context.Context, conn *client.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	return conn.FlushWithContext(ctx)
}

func (l *listener) Next(ctx context.Context) (transport.Received, error) {
	for {
		msg, err := l.sub.NextMsgWithContext(ctx)
		switch {
		case errors.Is(err, client.ErrSlowConsumer): // some were lost, which broadcasts may be
			continue
		case errors.Is(err, client.ErrBadSubscription), errors.Is(err, client.ErrConnectionClosed):
			return nil, errClosed("next")
		case err != nil:
			return nil, fault("next", err)
		}
		if e, ok := envelope(msg.Subject, msg.Data); ok {
			return &request{e, l.c.conn, msg}, nil
		}
	}
}

func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		l.c.forget(l)
		close(l.done)
		if err = l.sub.Unsubscribe(); isAny(err, client.ErrConnectionClosed, client.ErrBadSubscription) {
			err = nil
		}
		if err == nil && l.c.conn.IsConnected() {
			_ = flush(context.Background(), l.c.conn) // so that no request comes here any more; a server that is away sends none
		}
	})
	return err
}

// envelope makes an envelope of a message, unless its subject is none that this version has.
func envelope(subject string, payload []byte) (transport.Envelope, bool) {
	s, err := transport.ParseSubject(subject)
	return transport.Envelope{Subject: s, Payload: payload}, err == nil
}

// request is a message that is not stored.
type request struct {
	envelope transport.Envelope
	conn     *client.Conn
	msg      *client.Msg
}

func (r *request) Envelope() transport.Envelope { return r.envelope }

func (r *request) Ack(context.Context) error { return nil }

func (r *request) Retry(context.Context) error { return nil }

func (r *request) Reply(ctx context.Context, payload []byte) error {
	if r.envelope.Subject.Channel.Delivery() != transport.Service || r.msg.Reply == "" {
		return errNoRequest(r.envelope.Subject)
	}
	if len(payload) > transport.MaxMessage {
		return transport.Errorf(transport.Invalid, "reply", "a reply of %d bytes, at most %d", len(payload), transport.MaxMessage)
	}
	if err := r.conn.Publish(r.msg.Reply, payload); err != nil {
		return fault("reply", err)
	}
	return nil
}

func errNoRequest(s transport.Subject) error {
	return transport.Errorf(transport.Invalid, "reply", "a message on %s is no request", s)
}

// reader is a subscription of a stream.
type reader struct {
	c        *connection
	messages jetstream.MessagesContext
	queue    bool          // messages are to be acknowledged
	turn     chan struct{} // holds one token, for the one who waits for a message
	once     sync.Once

	mu     sync.Mutex // guards the fields below
	closed bool
	held   map[*stored]bool // delivered and neither acknowledged nor given back
}

func (c *connection) reader(messages jetstream.MessagesContext, queue bool) *reader {
	r := &reader{c: c, messages: messages, queue: queue, turn: make(chan struct{}, 1), held: map[*stored]bool{}}
	r.turn <- struct{}{}
	return r
}

// consume subscribes to a queue.
func (c *connection) consume(ctx context.Context, f transport.Filter) (*reader, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTime)
	defer cancel()
	cons, err := c.js.Consumer(ctx, stream(f.Channel), consumer)
	if err != nil {
		return nil, err
	}
	messages, err := cons.Messages(jetstream.PullMaxMessages(ahead), jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(requestLife))
	if err != nil {
		return nil, err
	}
	return c.reader(messages, true), nil
}

// replay subscribes to a history, from its oldest message on.
func (c *connection) replay(ctx context.Context, f transport.Filter) (*reader, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTime)
	defer cancel()
	cons, err := c.js.OrderedConsumer(ctx, stream(f.Channel), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{f.String()}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return nil, err
	}
	messages, err := cons.Messages(jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(requestLife))
	if err != nil {
		return nil, err
	}
	return c.reader(messages, false), nil
}

func (r *reader) Next(ctx context.Context) (transport.Received, error) {
	select {
	case <-r.turn:
		defer func() { r.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, fault("next", ctx.Err())
	}
	for {
		msg, err := r.messages.Next(jetstream.NextContext(ctx))
		switch {
		case errors.Is(err, jetstream.ErrNoHeartbeat): // the server is away; the client asks again
			continue
		case errors.Is(err, jetstream.ErrMsgIteratorClosed), errors.Is(err, client.ErrConnectionClosed):
			return nil, errClosed("next")
		case err != nil:
			return nil, fault("next", err)
		}
		e, ok := envelope(msg.Subject(), msg.Data())
		if !ok { // of another version, or no message of drey: it must not come again for ever
			if r.queue {
				if err := msg.Term(); err != nil {
					return nil, fault("next", err)
				}
			}
			continue
		}
		return r.deliver(e, msg)
	}
}

// deliver notes that a message is held, or gives it back if the subscription has been closed.
func (r *reader) deliver(e transport.Envelope, msg jetstream.Msg) (transport.Received, error) {
	s := &stored{e, r, msg}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		if r.queue {
			return nil, errors.Join(errClosed("next"), msg.Nak())
		}
		return nil, errClosed("next")
	}
	if r.queue {
		r.held[s] = true
	}
	return s, nil
}

func (r *reader) Close() error {
	var errs []error
	r.once.Do(func() {
		r.c.forget(r)
		r.mu.Lock()
		r.closed = true
		held := r.held
		r.held = nil
		r.mu.Unlock()
		for s := range held {
			errs = append(errs, s.msg.Nak())
		}
		r.messages.Drain()
		errs = append(errs, r.returnFetched())
	})
	return errors.Join(errs...)
}

// returnFetched gives back what was fetched ahead. If the server is away, it notices after AckWait.
func (r *reader) returnFetched() error {
	if !r.queue || !r.c.conn.IsConnected() {
		r.messages.Stop()
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	for {
		msg, err := r.messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			break
		}
		if err := msg.Nak(); err != nil {
			return fault("close", err)
		}
	}
	r.messages.Stop() // a subscription that a lost connection interrupted does not end by itself
	if err := flush(context.Background(), r.c.conn); err != nil && transport.KindOf(fault("close", err)) != transport.Unavailable {
		return fault("close", err)
	}
	return nil // if the server is away, it notices after AckWait
}

// stored is a message of a stream.
type stored struct {
	envelope transport.Envelope
	reader   *reader
	msg      jetstream.Msg
}

func (s *stored) Envelope() transport.Envelope { return s.envelope }

func (s *stored) Ack(ctx context.Context) error {
	if !s.reader.queue {
		return nil
	}
	if err := s.msg.DoubleAck(ctx); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
		return fault("ack", err)
	}
	s.release()
	return nil
}

func (s *stored) Retry(ctx context.Context) error {
	if ctx.Err() != nil {
		return fault("retry", ctx.Err())
	}
	if !s.reader.queue {
		return nil
	}
	s.release()
	if err := s.msg.Nak(); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
		return fault("retry", err)
	}
	return nil
}

func (s *stored) release() {
	s.reader.mu.Lock()
	defer s.reader.mu.Unlock()
	delete(s.reader.held, s)
}

func (s *stored) Reply(context.Context, []byte) error { return errNoRequest(s.envelope.Subject) }
