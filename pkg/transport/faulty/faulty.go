// Package faulty is a transport that loses, repeats, delays and reorders what another one carries, and can be cut off.
//
// Faults are those that the contract of transport.Transport allows: whoever is correct over any transport gets the same
// results over this one. What goes wrong is a function of the seed, the operation, the subject and how many of its kind came
// before, never of time or of other subjects.
package faulty

import (
	"context"
	"fmt"
	"sync"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Plan says how often faults happen: probabilities from 0 to 1, of each operation.
type Plan struct {
	Seed      uint64
	Drop      float64 // a message, a request or an acknowledgement is lost before it arrives
	Lost      float64 // it arrives, and the confirmation or the reply is lost
	Duplicate float64 // it arrives twice
	Delay     float64 // it arrives after later ones
}

// String returns the plan as a test prints it.
func (p Plan) String() string {
	return fmt.Sprintf("seed %d: drop %g, lost %g, duplicate %g, delay %g", p.Seed, p.Drop, p.Lost, p.Duplicate, p.Delay)
}

// Direction is what a partition cuts.
type Direction uint8

// The directions, which can be added.
const (
	Outbound Direction = 1 << iota // what this party sends: messages, requests, acknowledgements, objects
	Inbound                        // what it receives
)

// Transport is a connection with faults over another.
type Transport struct {
	inner transport.Transport
	plan  Plan

	mu      sync.Mutex // guards the fields below
	counts  map[string]uint64
	faults  map[string]int
	late    []transport.Envelope // that were delayed, to go out after the next ones
	cut     Direction
	changed chan struct{} // closed and made anew when cut changes
}

var _ transport.Transport = (*Transport)(nil)

// Wrap returns a connection over inner, which it closes with itself.
func Wrap(inner transport.Transport, plan Plan) *Transport {
	return &Transport{inner: inner, plan: plan, counts: map[string]uint64{}, faults: map[string]int{}, changed: make(chan struct{})}
}

// Cut parts this party from the others until Heal, in the directions given. What it sends is an error that is Unavailable;
// what it would receive waits, unless it is not stored: then it may be lost.
func (t *Transport) Cut(d Direction) { t.part(d) }

// Heal ends a partition.
func (t *Transport) Heal() { t.part(0) }

func (t *Transport) part(d Direction) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut = d
	close(t.changed)
	t.changed = make(chan struct{})
}

// Faults returns how many faults of each kind there were: drop, lost, duplicate, delay, cut.
func (t *Transport) Faults() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[string]int{}
	for k, n := range t.faults {
		out[k] = n
	}
	return out
}

// fate is what happens to one operation.
type fate struct {
	drop, lost, duplicate, delay bool
}

// decide draws the fate of the next thing of a kind that this party sends on a subject; none gets through a partition.
func (t *Transport) decide(op, subject string) (fate, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cut&Outbound != 0 {
		t.faults["cut"]++
		return fate{}, transport.Errorf(transport.Unavailable, op, "a partition on %s", subject)
	}
	return t.draw(op, subject), nil
}

// draw draws the fate of the next operation of a kind on a subject. The transport is locked.
func (t *Transport) draw(op, subject string) fate {
	key := op + " " + subject
	n := t.counts[key]
	t.counts[key]++
	hits := func(what string, p float64) bool {
		hit := uniform(t.plan.Seed, key+" "+what, n) < p
		if hit {
			t.faults[what]++
		}
		return hit
	}
	return fate{hits("drop", t.plan.Drop), hits("lost", t.plan.Lost), hits("duplicate", t.plan.Duplicate), hits("delay", t.plan.Delay)}
}

// uniform returns a number in [0, 1) that depends on its arguments alone: FNV-1a of the text, mixed as in SplitMix64.
func uniform(seed uint64, text string, n uint64) float64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	z := (seed ^ h) + (n+1)*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return float64((z^z>>31)>>11) / (1 << 53)
}

func errDropped(op, subject string) error {
	return transport.Errorf(transport.Unavailable, op, "a fault on %s", subject)
}

// Publish publishes with faults. On a Queue or a History whatever may be lost is an error; a delayed Broadcast goes out after
// a later publication of this connection, or never. Copies have no ID, so that no filter takes them away.
func (t *Transport) Publish(ctx context.Context, e transport.Envelope) error {
	if err := e.Check(false); err != nil {
		return err
	}
	subject := e.Subject.String()
	f, err := t.decide("publish", subject)
	if err != nil {
		return err
	}
	broadcast := e.Subject.Channel.Delivery() == transport.Broadcast
	switch {
	case f.drop && broadcast:
		return nil
	case f.drop:
		return errDropped("publish", subject)
	case f.delay && broadcast:
		t.hold(e)
		return nil
	}
	if err := t.inner.Publish(ctx, e); err != nil {
		return err
	}
	if f.duplicate {
		again := e
		again.ID = ""
		if err := t.inner.Publish(ctx, again); err != nil {
			return err
		}
	}
	if f.lost && !broadcast {
		return errDropped("publish", subject)
	}
	return t.release(ctx)
}

func (t *Transport) hold(e transport.Envelope) {
	e.Payload = append([]byte(nil), e.Payload...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late = append(t.late, e)
}

// release sends what was held back: broadcasts, and requests whose replies nobody waits for any more.
func (t *Transport) release(ctx context.Context) error {
	t.mu.Lock()
	late := t.late
	t.late = nil
	t.mu.Unlock()
	for _, e := range late {
		var err error
		if e.Subject.Channel.Delivery() == transport.Service {
			_, err = t.inner.Request(ctx, e)
		} else {
			err = t.inner.Publish(ctx, e)
		}
		if err != nil && transport.KindOf(err) != transport.Unavailable {
			return err
		}
	}
	return nil
}

// Request asks with faults. A delayed request is an error now and is carried out after the next one.
func (t *Transport) Request(ctx context.Context, e transport.Envelope) ([]byte, error) {
	if err := e.Check(true); err != nil {
		return nil, err
	}
	subject := e.Subject.String()
	f, err := t.decide("request", subject)
	if err != nil {
		return nil, err
	}
	switch {
	case f.drop:
		return nil, errDropped("request", subject)
	case f.delay:
		t.hold(e)
		return nil, errDropped("request", subject)
	}
	reply, err := t.inner.Request(ctx, e)
	if err == nil && f.duplicate {
		reply, err = t.inner.Request(ctx, e)
	}
	if err != nil {
		return nil, err
	}
	if err := t.release(ctx); err != nil {
		return nil, err
	}
	if f.lost {
		return nil, errDropped("request", subject)
	}
	return reply, nil
}

// Subscribe subscribes without a fault of its own, unless the party is cut off.
func (t *Transport) Subscribe(ctx context.Context, f transport.Filter) (transport.Subscription, error) {
	t.mu.Lock()
	cut := t.cut
	t.mu.Unlock()
	if cut != 0 {
		return nil, transport.Errorf(transport.Unavailable, "subscribe", "a partition on %s", f)
	}
	s, err := t.inner.Subscribe(ctx, f)
	if err != nil {
		return nil, err
	}
	return &subscription{inner: s, t: t, done: make(chan struct{})}, nil
}

// Objects returns the other's objects with faults.
func (t *Transport) Objects(b transport.Bucket) transport.Objects {
	return &objects{t.inner.Objects(b), t, b.String()}
}

// Close closes both connections; what was held back is lost.
func (t *Transport) Close() error { return t.inner.Close() }
