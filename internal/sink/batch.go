package sink

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// key is what tells blocks apart: one digest may stand in the place of another.
type key struct {
	run    transport.RunID
	pack   transport.PackID
	digest transport.Digest
}

// entry is a block between its message and the acknowledgement.
type entry struct {
	block    *transport.Block
	content  *transport.Content // until it is durable
	stored   *store.Block       // from then on, if it was written here
	bytes    int
	messages []transport.Received // the last copies of it
	keepers  []transport.PartyID  // other coordinators that have it
	handed   time.Time            // when it was last handed on to those that have it not
	order    uint64               // of arrival
}

func (e *entry) key() key { return keyOf(e.block) }

func keyOf(b *transport.Block) key { return key{b.Lease.Run, b.Lease.Pack, b.Digest} }

// batcher takes messages in batches through the steps: read, write, commit, acknowledge.
type batcher struct {
	sink      *Sink
	transport transport.Transport
	ledger    Ledger
	relay     *relay              // nil where this coordinator is alone
	members   []transport.PartyID // coordinators that vote, where it is not

	held    map[key]*entry                // read and without a verdict that is final
	faults  map[transport.RunID]time.Time // runs whose directory could not be written, and until when it is not tried again
	fresh   []*entry                      // of these, those not durable yet
	settled []transport.Received          // messages to be acknowledged
	answers sync.WaitGroup                // acknowledgements under way
	bytes   int                           // of their contents
	arrived uint64
	retry   time.Time // when to try again what could not be done; zero: nothing is left
	next    time.Time // before which no batch ends, unless it is full
}

// run works until ctx ends or no more messages come. A batch ends when nothing is left to read, but not before as much time has
// passed since the last one as that took: what comes often is written in larger pieces, what comes seldom at once.
func (b *batcher) run(ctx context.Context, messages <-chan transport.Received) {
	defer b.answers.Wait()
	for {
		first, ok := b.wait(ctx, messages)
		if !ok {
			return
		}
		if first != nil {
			b.take(ctx, first)
			b.gather(ctx, messages)
			b.linger(ctx, messages)
		}
		begin := time.Now()
		b.retry = time.Time{}
		b.write(ctx)
		b.commit(ctx)
		b.acknowledge(ctx)
		b.note(ctx)
		b.next = time.Now().Add(min(time.Since(begin), mostRest))
	}
}

// wait returns the next message, nil when something is to be tried again; false at the end.
func (b *batcher) wait(ctx context.Context, messages <-chan transport.Received) (transport.Received, bool) {
	var again <-chan time.Time
	if !b.retry.IsZero() {
		timer := time.NewTimer(time.Until(b.retry))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case r, ok := <-messages:
		return r, ok
	case <-again:
		return nil, true
	case <-b.relay.receipts():
		return nil, true
	case <-ctx.Done():
		return nil, false
	}
}

// gather takes what else there is.
func (b *batcher) gather(ctx context.Context, messages <-chan transport.Received) {
	rest := time.NewTimer(time.Until(b.next))
	defer rest.Stop()
	resting := rest.C
	for len(b.fresh) < batchBlocks && b.bytes < batchBytes {
		select {
		case r, ok := <-messages:
			if !ok {
				return
			}
			b.take(ctx, r)
			continue
		case <-ctx.Done():
			return
		case <-resting:
			resting = nil
		}
		for more := true; more && len(b.fresh) < batchBlocks && b.bytes < batchBytes; {
			select {
			case r, ok := <-messages:
				if more = ok; ok {
					b.take(ctx, r)
				}
			default:
				more = false
			}
		}
		return
	}
}

// linger takes what else comes for as long as blocks may wait, unless nobody makes others: what comes next then waits for these.
func (b *batcher) linger(ctx context.Context, messages <-chan transport.Received) {
	if b.sink.cfg.Linger == 0 {
		return
	}
	over := time.NewTimer(b.sink.cfg.Linger)
	defer over.Stop()
	lull := time.NewTimer(firstLull)
	defer lull.Stop()
	for pause := firstLull; len(b.fresh) < batchBlocks && b.bytes < gatherBytes; {
		select {
		case r, ok := <-messages:
			if !ok {
				return
			}
			b.take(ctx, r)
			pause = firstLull
		case <-lull.C:
			if !b.sink.cfg.Busy() {
				return
			}
			pause = min(2*pause, lastLull)
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
		lull.Reset(pause)
	}
}

// take reads a message. One that is not a block of its run is refused for good: it is acknowledged, and the reason logged.
func (b *batcher) take(ctx context.Context, r transport.Received) {
	block, content, size, err := b.read(ctx, r.Envelope())
	switch {
	case err == nil:
	case transport.KindOf(err) == transport.Unavailable:
		b.log(r.Retry(ctx), "give a message back")
		return
	default:
		b.sink.cfg.Log.Warn("block refused", "subject", r.Envelope().Subject.String(), "reason", err.Error())
		b.log(r.Ack(ctx), "acknowledge")
		return
	}
	e := &entry{block: block, content: content, bytes: size}
	if known := b.held[e.key()]; known != nil {
		if known.messages = append(known.messages, r); len(known.messages) > heldCopies {
			known.messages = known.messages[1:]
		}
		if block.Lease.Epoch > known.block.Lease.Epoch {
			known.block = block
		}
		return
	}
	b.arrived++
	e.order, e.messages = b.arrived, []transport.Received{r}
	b.held[e.key()] = e
	b.fresh = append(b.fresh, e)
	b.bytes += size
	b.hand(e)
}

// read opens a message and what it has elsewhere; all digests are checked by then.
func (b *batcher) read(ctx context.Context, e transport.Envelope) (*transport.Block, *transport.Content, int, error) {
	m, err := transport.Open(e)
	if err != nil {
		return nil, nil, 0, err
	}
	block, ok := m.(*transport.Block)
	if !ok {
		return nil, nil, 0, transport.Errorf(transport.Refused, "sink", "%s is no block", transport.NameOf(m))
	}
	content, err := contentOf(ctx, b.transport.Objects(transport.Results), block)
	return block, content, int(block.Content.Size), err
}

// contentOf returns the content of a block, whose digest it has checked.
func contentOf(ctx context.Context, objects transport.Objects, block *transport.Block) (*transport.Content, error) {
	inner, err := block.Content.Message(ctx, objects, transport.MaxContent)
	if err != nil {
		return nil, err
	}
	content, ok := inner.(*transport.Content)
	if !ok {
		return nil, transport.Errorf(transport.Refused, "sink", "%s is no content of a block", transport.NameOf(inner))
	}
	return content, nil
}

// log logs an error of an answer to the transport: the message comes again.
func (b *batcher) log(err error, what string) {
	if err != nil {
		b.sink.cfg.Log.Debug("sink: "+what, "error", err.Error())
	}
}

// later has the batcher try again in so long, at the latest.
func (b *batcher) later(d time.Duration) {
	if at := time.Now().Add(d); b.retry.IsZero() || at.Before(b.retry) {
		b.retry = at
	}
}

// settle has the messages of a block acknowledged.
func (b *batcher) settle(e *entry) {
	delete(b.held, e.key())
	b.settled = append(b.settled, e.messages...)
}

// acknowledgements is how many are under way at once: each waits for the transport.
const acknowledgements = 16

// acknowledge begins to acknowledge the messages of settled blocks, once those of the batch before are: it takes a transport about as
// long as the next batch takes the disk.
func (b *batcher) acknowledge(ctx context.Context) {
	b.answers.Wait()
	messages := b.settled
	b.settled = nil
	for some := range slices.Chunk(messages, len(messages)/acknowledgements+1) {
		b.answers.Go(func() {
			for _, r := range some {
				b.log(r.Ack(ctx), "acknowledge")
			}
		})
	}
}

// clean removes the object that a block's content came as: its bytes are in the store. Copies of the message that still come find
// none, and are refused.
func (b *batcher) clean(ctx context.Context, e *entry) {
	if c := &e.block.Content; c.IsObject() {
		b.log(b.transport.Objects(transport.Results).Delete(ctx, c.Digest), "remove an object")
	}
}
