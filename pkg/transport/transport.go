package transport

import (
	"context"
	"errors"
	"time"
)

// Transport is one party's connection. Its methods may be called by any number of goroutines at once.
//
// Errors are of type *Error. Unavailable means that what was asked may or may not have happened: a message that was not
// confirmed may be delivered, a request that had no reply may have been carried out. Whoever receives is idempotent.
type Transport interface {
	// Publish sends e on a channel that is not a Service. On a Queue or a History it returns once the message is stored,
	// waiting for room in a full queue until ctx ends. On a Broadcast it returns at once, and the message may be lost. A
	// message with the ID of one that the queue has seen lately may be dropped without an error.
	// The transport keeps nothing of e.Payload after Publish returns.
	Publish(ctx context.Context, e Envelope) error
	// Request sends e on a Service channel and returns the payload of the reply. Without a subscriber it is Unavailable.
	Request(ctx context.Context, e Envelope) ([]byte, error)
	// Subscribe begins to receive what a filter chooses. What is published after it returns is delivered; on a Queue or a
	// History so is what was stored before.
	Subscribe(ctx context.Context, f Filter) (Subscription, error)
	// Objects returns the large payloads of a bucket.
	Objects(b Bucket) Objects
	// Close ends the subscriptions and the connection. Messages delivered and not acknowledged are delivered to others.
	Close() error
}

// Subscription is a stream of messages. Next may be called by several goroutines; each message goes to one of them.
type Subscription interface {
	// Next waits for a message. On a Queue it waits also while Limits.Pending messages are delivered and not acknowledged.
	// After Close, or when the transport is closed, it is an error of kind Unavailable; when ctx ends too.
	Next(ctx context.Context) (Received, error)
	// Close ends the subscription; what it has delivered and has not been acknowledged is delivered again, soon.
	Close() error
}

// Received is a message as it is delivered. The payload belongs to the receiver.
type Received interface {
	Envelope() Envelope
	// Ack says that a message of a Queue is dealt with, so that it is never delivered again; it returns once the transport
	// knows. An error means that it may be delivered again. On other channels it does nothing.
	Ack(ctx context.Context) error
	// Retry gives a message of a Queue back, to be delivered again at once. On other channels it does nothing.
	Retry(ctx context.Context) error
	// Reply answers a request. On other channels it is an error.
	Reply(ctx context.Context, payload []byte) error
}

// Bucket is a set of objects with its own permissions. The list is closed.
type Bucket uint8

// The buckets.
const (
	Inputs  Bucket = iota // written by who submits: manifests, programs, data
	Results               // written by workers: contents of blocks and moments
	Outcome               // written by coordinators: metrics, states, segments
	buckets
)

// String returns the bucket's name on the wire.
func (b Bucket) String() string {
	return [...]string{"drey-inputs", "drey-results", "drey-outcome", "no bucket"}[min(b, buckets)]
}

// Buckets returns all buckets.
func Buckets() []Bucket { return []Bucket{Inputs, Results, Outcome} }

// Objects are large payloads, named by the SHA-256 of their bytes. Putting the same bytes twice is one object.
type Objects interface {
	// Put stores an object of at most MaxObject bytes and returns its name once it is stored.
	Put(ctx context.Context, data []byte) (Digest, error)
	// Get returns an object whose bytes have the digest. Limit is the size in bytes that the caller accepts; a larger object
	// is an error of kind Invalid, a missing one NotFound, one with other bytes Corrupt.
	Get(ctx context.Context, name Digest, limit int64) ([]byte, error)
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, name Digest) error
}

// MaxObject is the largest object in bytes: what an engine with 32-bit addresses can hold.
const MaxObject int64 = 4 << 30

// Envelope is a message on its way.
type Envelope struct {
	Subject Subject
	ID      string // equal for copies of one message; "" for a copy that no filter may take for a duplicate
	Payload []byte // what Encode returned
	message Sealed // the message itself, in the place of Payload, where Hand has put it
}

// maxID is the longest Envelope.ID in bytes: three tokens and some numbers.
const maxID = 4 * MaxToken

// Check returns an error of kind Invalid unless the envelope can be sent to a channel that is (service) or is not a Service.
func (e Envelope) Check(service bool) error {
	if err := e.Subject.Check(); err != nil {
		return err
	}
	switch is := e.Subject.Channel.Delivery() == Service; {
	case is && !service:
		return Errorf(Invalid, "publish", "%s takes requests: use Request", e.Subject)
	case !is && service:
		return Errorf(Invalid, "request", "nobody replies on %s: use Publish", e.Subject)
	case len(e.Payload) > MaxMessage:
		return Errorf(Invalid, "publish", "a message of %d bytes on %s, at most %d: put the large part into the object store", len(e.Payload), e.Subject, MaxMessage)
	case len(e.ID) > maxID:
		return Errorf(Invalid, "publish", "the message's ID has %d bytes, at most %d", len(e.ID), maxID)
	}
	return nil
}

// Limits bound what a transport stores and how much of it is on its way. All connections to a bus use the same.
type Limits struct {
	Pending       int           // messages of a queue delivered and not acknowledged, over all its subscribers
	AckWait       time.Duration // after which a message that was not acknowledged is delivered again
	QueueMessages int64         // in one queue; beyond it Publish waits
	QueueBytes    int64         // likewise
	HistoryBytes  int64         // of all histories; beyond it the oldest are dropped
}

// DefaultLimits returns limits for a cluster of a thousand workers with four uncommitted blocks each: the sink commits
// four times a second, so that 30 s without an acknowledgement means that it is gone.
func DefaultLimits() Limits {
	return Limits{Pending: 1024, AckWait: 30 * time.Second, QueueMessages: 16384, QueueBytes: 2 << 30, HistoryBytes: 256 << 20}
}

// Validate returns all that is wrong with the limits.
func (l Limits) Validate() error {
	var errs []error
	for _, c := range []struct {
		name string
		bad  bool
	}{
		{"Pending", l.Pending < 1},
		{"AckWait", l.AckWait <= 0},
		{"QueueMessages", l.QueueMessages < 1},
		{"QueueBytes", l.QueueBytes < MaxMessage},
		{"HistoryBytes", l.HistoryBytes < MaxMessage},
	} {
		if c.bad {
			errs = append(errs, Errorf(Invalid, "limits", "%s is too small", c.name))
		}
	}
	return errors.Join(errs...)
}

// isContext reports whether an error is that of a context that has ended.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
