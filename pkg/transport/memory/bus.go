// Package memory is a transport within one process: local runs use it, and tests.
//
// A Bus keeps queues, histories and objects in memory. Its connections behave as those of transport/nats do, except that
// nothing outlives the process and that no duplicate is filtered.
package memory

import (
	"context"
	"sync"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Bus is what connections of one process share. Its methods may be called by any number of goroutines at once.
type Bus struct {
	limits  transport.Limits
	queues  map[transport.Channel]*queue
	history history
	objects map[transport.Bucket]*Objects

	mu        sync.Mutex // guards the fields below
	listeners map[*listener]bool
	services  map[transport.Filter]*service
}

// New returns an empty bus. The limits' problems are an error of kind Invalid.
func New(limits transport.Limits) (*Bus, error) {
	if err := limits.Validate(); err != nil {
		return nil, err
	}
	b := &Bus{
		limits: limits, queues: map[transport.Channel]*queue{}, objects: map[transport.Bucket]*Objects{}, listeners: map[*listener]bool{},
		services: map[transport.Filter]*service{},
	}
	for _, c := range transport.Channels() {
		if c.Delivery() == transport.Queue {
			b.queues[c] = &queue{limits: limits, changed: make(chan struct{})}
		}
	}
	for _, name := range transport.Buckets() {
		b.objects[name] = new(Objects)
	}
	b.history = history{limit: limits.HistoryBytes, changed: make(chan struct{})}
	return b, nil
}

// service returns the service of a channel, or of a party where each has one.
func (b *Bus) service(c transport.Channel, party transport.PartyID) *service {
	f := transport.Filter{Channel: c}
	if c.Addressed() {
		f.Party = party
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.services[f] == nil {
		b.services[f] = &service{calls: make(chan *call), changed: make(chan struct{})}
	}
	return b.services[f]
}

// Connect returns a connection of its own.
func (b *Bus) Connect() transport.Transport {
	return &connection{bus: b, done: make(chan struct{}), open: map[transport.Subscription]bool{}}
}

// connection is one party's.
type connection struct {
	bus  *Bus
	done chan struct{} // closed by Close

	mu     sync.Mutex // guards the fields below
	closed bool
	open   map[transport.Subscription]bool
}

var _ transport.Transport = (*connection)(nil)

// errClosed is what everything returns after Close.
func errClosed(op string) error {
	return transport.Errorf(transport.Unavailable, op, "the connection or the subscription is closed")
}

// errContext is the error for a context that ended while something was waited for.
func errContext(ctx context.Context, op, awaited string) error {
	return transport.Errorf(transport.Unavailable, op, "%s: %w", awaited, ctx.Err())
}

func (c *connection) Publish(ctx context.Context, e transport.Envelope) error {
	if err := c.ready(ctx, "publish"); err != nil {
		return err
	}
	if err := e.Check(false); err != nil {
		return err
	}
	switch e.Subject.Channel.Delivery() {
	case transport.Queue:
		return c.bus.queues[e.Subject.Channel].publish(ctx, c.done, e)
	case transport.History:
		c.bus.history.publish(e)
	default:
		c.bus.broadcast(e)
	}
	return nil
}

func (c *connection) Request(ctx context.Context, e transport.Envelope) ([]byte, error) {
	if err := c.ready(ctx, "request"); err != nil {
		return nil, err
	}
	if err := e.Check(true); err != nil {
		return nil, err
	}
	return c.bus.service(e.Subject.Channel, e.Subject.Party).request(ctx, c.done, e)
}

// ready returns an error if the connection is closed or the context has ended.
func (c *connection) ready(ctx context.Context, op string) error {
	select {
	case <-c.done:
		return errClosed(op)
	case <-ctx.Done():
		return errContext(ctx, op, "before it began")
	default:
		return nil
	}
}

func (c *connection) Subscribe(ctx context.Context, f transport.Filter) (transport.Subscription, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if err := c.ready(ctx, "subscribe"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed("subscribe")
	}
	end := &ending{done: make(chan struct{}), leave: c.forget}
	var s transport.Subscription
	switch f.Channel.Delivery() {
	case transport.Queue:
		s = &queueReader{ending: end, queue: c.bus.queues[f.Channel], held: map[*stored]bool{}}
	case transport.History:
		s = &historyReader{ending: end, history: &c.bus.history, filter: f}
	case transport.Service:
		s = c.bus.service(f.Channel, f.Party).serve(end)
	default:
		s = c.bus.listen(f, end)
	}
	c.open[s] = true
	return s, nil
}

func (c *connection) forget(s transport.Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, s)
}

// Direct implements transport.Direct.
func (c *connection) Direct() {}

func (c *connection) Objects(b transport.Bucket) transport.Objects { return c.bus.objects[b] }

func (c *connection) Close() error {
	c.mu.Lock()
	subscriptions := make([]transport.Subscription, 0, len(c.open))
	for s := range c.open {
		subscriptions = append(subscriptions, s)
	}
	if !c.closed {
		c.closed = true
		close(c.done)
	}
	c.mu.Unlock()
	for _, s := range subscriptions {
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

// ending is the end of a subscription.
type ending struct {
	done  chan struct{} // closed by Close
	once  sync.Once
	leave func(transport.Subscription)
}

// end closes a subscription once, and then does what.
func (e *ending) end(s transport.Subscription, what func()) error {
	e.once.Do(func() {
		close(e.done)
		what()
		e.leave(s)
	})
	return nil
}

// plain is a message that need not be acknowledged.
type plain struct {
	envelope transport.Envelope
}

func (p plain) Envelope() transport.Envelope { return p.envelope }
func (p plain) Ack(context.Context) error    { return nil }
func (p plain) Retry(context.Context) error  { return nil }
func (p plain) Reply(context.Context, []byte) error {
	return transport.Errorf(transport.Invalid, "reply", "a message on %s is no request", p.envelope.Subject)
}

// copied returns an envelope with a payload of its own.
func copied(e transport.Envelope) transport.Envelope {
	e.Payload = append([]byte(nil), e.Payload...)
	return e
}
