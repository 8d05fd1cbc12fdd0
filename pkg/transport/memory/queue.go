package memory

import (
	"context"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// queue holds the messages of a channel until they are acknowledged.
type queue struct {
	limits transport.Limits

	mu      sync.Mutex    // guards the fields below
	changed chan struct{} // closed and made anew at every change
	ready   []*stored     // to be delivered, the first first
	pending int           // delivered and not acknowledged
	count   int64         // stored, delivered ones too
	bytes   int64         // of them
}

// stored is a message of a queue. Its fields are guarded by the queue.
type stored struct {
	envelope transport.Envelope
	reader   *queueReader // who has it, if it is delivered
	timer    *time.Timer  // ends the delivery
	gone     bool         // acknowledged
}

// signal wakes whoever waits for a change. The queue is locked.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// publish stores a message, waiting for room.
func (q *queue) publish(ctx context.Context, closed <-chan struct{}, e transport.Envelope) error {
	for {
		q.mu.Lock()
		if q.count < q.limits.QueueMessages && q.bytes+int64(len(e.Payload)) <= q.limits.QueueBytes {
			q.ready = append(q.ready, &stored{envelope: copied(e)})
			q.count++
			q.bytes += int64(len(e.Payload))
			q.signal()
			q.mu.Unlock()
			return nil
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-closed:
			return errClosed("publish")
		case <-ctx.Done():
			return errContext(ctx, "publish", "the queue is full")
		}
	}
}

// giveBack makes a delivered message ready again, before all others. The queue is locked.
func (q *queue) giveBack(m *stored) {
	m.timer.Stop()
	delete(m.reader.held, m)
	m.reader = nil
	q.pending--
	q.ready = append([]*stored{m}, q.ready...)
	q.signal()
}

// queueReader is a subscription of a queue.
type queueReader struct {
	*ending
	queue *queue
	held  map[*stored]bool // delivered here and not acknowledged; guarded by the queue
}

func (r *queueReader) Next(ctx context.Context) (transport.Received, error) {
	for {
		m, changed, err := r.take()
		if m != nil || err != nil {
			return m, err
		}
		select {
		case <-changed:
		case <-r.done:
			return nil, errClosed("next")
		case <-ctx.Done():
			return nil, errContext(ctx, "next", "no message")
		}
	}
}

// take returns the next message, or what to wait for.
func (r *queueReader) take() (transport.Received, <-chan struct{}, error) {
	q := r.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-r.done:
		return nil, nil, errClosed("next")
	default:
	}
	if len(q.ready) == 0 || q.pending >= q.limits.Pending {
		return nil, q.changed, nil
	}
	m := q.ready[0]
	q.ready = q.ready[1:]
	q.pending++
	m.reader = r
	r.held[m] = true
	var timer *time.Timer
	timer = time.AfterFunc(q.limits.AckWait, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if m.timer == timer && m.reader != nil && !m.gone {
			q.giveBack(m)
		}
	})
	m.timer = timer
	return &queued{plain{copied(m.envelope)}, r, m, timer}, nil, nil
}

func (r *queueReader) Close() error {
	return r.end(r, func() {
		r.queue.mu.Lock()
		defer r.queue.mu.Unlock()
		for m := range r.held {
			r.queue.giveBack(m)
		}
	})
}

// queued is a delivery of a stored message.
type queued struct {
	plain
	reader  *queueReader
	message *stored
	timer   *time.Timer // of this delivery
}

func (d *queued) Ack(ctx context.Context) error {
	if ctx.Err() != nil {
		return errContext(ctx, "ack", "before it began")
	}
	q, m := d.reader.queue, d.message
	q.mu.Lock()
	defer q.mu.Unlock()
	if m.gone {
		return nil
	}
	m.gone = true
	if m.reader != nil {
		m.timer.Stop()
		delete(m.reader.held, m)
		q.pending--
	} else {
		for i, other := range q.ready {
			if other == m {
				q.ready = append(q.ready[:i:i], q.ready[i+1:]...)
				break
			}
		}
	}
	q.count--
	q.bytes -= int64(len(m.envelope.Payload))
	q.signal()
	return nil
}

func (d *queued) Retry(ctx context.Context) error {
	if ctx.Err() != nil {
		return errContext(ctx, "retry", "before it began")
	}
	q, m := d.reader.queue, d.message
	q.mu.Lock()
	defer q.mu.Unlock()
	if !m.gone && m.reader != nil && m.timer == d.timer {
		q.giveBack(m)
	}
	return nil
}
