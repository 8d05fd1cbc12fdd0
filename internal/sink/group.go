package sink

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Group is the coordinators of a group, as one of them sees it.
type Group struct {
	Name      transport.PartyID // of this one
	Transport transport.Transport
	// Members returns the names of all that vote, this one's among them where it does.
	Members func() []transport.PartyID
}

// Grouped reports whether there is a group, for which Keep has to run.
func (s *Sink) Grouped() bool { return s.cfg.Group != nil }

// others returns the members but this one.
func (g *Group) others() []transport.PartyID {
	return slices.DeleteFunc(slices.Clone(g.Members()), func(m transport.PartyID) bool { return m == g.Name })
}

// Bounds of what is on its way to other coordinators, and times.
const (
	couriers  = 4               // requests to one coordinator at once, so that it writes several in one file
	loadBytes = 64 << 20        // that wait for one coordinator; what is beyond it fetches later
	copyTime  = 5 * time.Second // after which a request for a copy is taken for lost
	handTime  = 2 * time.Second // after which a block that too few have is handed on again
)

// relay hands blocks on to other coordinators while this one leads, and collects who has them. A nil one belongs to nobody else.
type relay struct {
	group *Group
	ctx   context.Context // of those on their way
	some  chan struct{}   // a signal that there are receipts
	work  sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	loads map[transport.PartyID]*load
	done  []receipt
}

// receipt says that a coordinator has a block.
type receipt struct {
	by    transport.PartyID
	block key
}

// load is what waits for a coordinator.
type load struct {
	some   chan struct{} // a signal that there are blocks
	blocks []*transport.Block
	bytes  int
}

func newRelay(ctx context.Context, s *Sink) *relay {
	if s.cfg.Group == nil {
		return nil
	}
	return &relay{group: s.cfg.Group, ctx: ctx, some: make(chan struct{}, 1), loads: map[transport.PartyID]*load{}}
}

// wait waits until nothing is on its way any more, once ctx has ended.
func (r *relay) wait() {
	if r != nil {
		r.work.Wait()
	}
}

// receipts returns the signal that there are some.
func (r *relay) receipts() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.some
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// send has a block brought to a coordinator, unless too much waits for it.
func (r *relay) send(b *transport.Block, to transport.PartyID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.loads[to]
	if l == nil {
		l = &load{some: make(chan struct{}, couriers)}
		r.loads[to] = l
		for range couriers {
			r.work.Go(func() { r.carry(l, to) })
		}
	}
	if l.bytes+len(b.Content.Inline) > loadBytes {
		return
	}
	l.blocks, l.bytes = append(l.blocks, b), l.bytes+len(b.Content.Inline)
	signal(l.some)
}

// carry brings what waits to a coordinator, a message at a time.
func (r *relay) carry(l *load, to transport.PartyID) {
	for {
		select {
		case <-l.some:
		case <-r.ctx.Done():
			return
		}
		if blocks := r.take(l); len(blocks) > 0 {
			r.deliver(blocks, to)
		}
	}
}

// take takes a message's worth of what waits.
func (r *relay) take(l *load) []*transport.Block {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := transport.Batch(l.blocks)
	out := slices.Clone(l.blocks[:n])
	if l.blocks = slices.Delete(l.blocks, 0, n); len(l.blocks) > 0 {
		signal(l.some)
	}
	for _, b := range out {
		l.bytes -= len(b.Content.Inline)
	}
	return out
}

// deliver asks a coordinator to keep blocks. If it does not, they are handed on again as long as too few have them.
func (r *relay) deliver(blocks []*transport.Block, to transport.PartyID) {
	ctx, cancel := context.WithTimeout(r.ctx, copyTime)
	defer cancel()
	reply, err := transport.Ask[*transport.Copied](ctx, r.group.Transport, &transport.Copy{To: to, Blocks: values(blocks)})
	if err != nil || len(reply.Durable) != len(blocks) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, durable := range reply.Durable {
		if durable {
			r.done = append(r.done, receipt{to, keyOf(blocks[i])})
		}
	}
	signal(r.some)
}

// hand hands a block on to the coordinators that have it not.
func (b *batcher) hand(e *entry) {
	if b.relay == nil {
		return
	}
	e.handed = time.Now()
	for _, to := range b.relay.group.others() {
		if !slices.Contains(e.keepers, to) {
			b.relay.send(e.block, to)
		}
	}
}

// heed notes which coordinators have the blocks that are held.
func (b *batcher) heed() {
	if b.relay == nil {
		return
	}
	b.relay.mu.Lock()
	done := b.relay.done
	b.relay.done = nil
	b.relay.mu.Unlock()
	for _, r := range done {
		if e := b.held[r.block]; e != nil && !slices.Contains(e.keepers, r.by) {
			e.keepers = append(e.keepers, r.by)
		}
	}
	b.members = b.relay.group.Members()
}

// enough reports whether most coordinators have a block that is durable here. One that too few have for some time is handed on again.
func (b *batcher) enough(e *entry) bool {
	if b.relay == nil {
		return true
	}
	have := 0
	for _, m := range b.members {
		if m == b.relay.group.Name || slices.Contains(e.keepers, m) {
			have++
		}
	}
	if 2*have > len(b.members) {
		return true
	}
	if time.Since(e.handed) >= handTime {
		b.hand(e)
	}
	b.later(handTime)
	return false
}
