package sink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Times and bounds of what a coordinator does for the others.
const (
	keepTime  = time.Second      // between looks at what is lacking here
	auditTime = time.Minute      // between looks at runs that had ended, and may have been resumed
	fetchers  = 4                // requests for blocks being answered
	copies    = 2 * couriers * 8 // requests for copies being answered
)

// Keep has this coordinator keep what its group has, whether it leads or not, until ctx ends or the transport does: it makes durable
// what the one that leads hands on, fetches what it lacks, and gives others what they lack.
func (s *Sink) Keep(ctx context.Context, l View) error {
	sub, err := s.cfg.Group.Transport.Subscribe(ctx, transport.Filter{Channel: transport.Copies, Party: s.cfg.Group.Name})
	if err != nil {
		return fmt.Errorf("sink: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	k := &keeper{sink: s, view: l, requests: make(chan *request), seen: map[transport.RunID][]store.Head{}}
	var parts sync.WaitGroup
	parts.Go(func() { k.store(ctx) })
	parts.Go(func() { k.look(ctx) })
	err = k.serve(ctx, sub)
	stop()
	parts.Wait()
	return errors.Join(err, sub.Close(), k.archive.close())
}

// keeper is a sink in a group.
type keeper struct {
	sink     *Sink
	view     View
	requests chan *request
	archive  archive
	seen     map[transport.RunID][]store.Head // of the ledger at the last look; that of look alone
}

// request is a Copy on its way to the disk.
type request struct {
	*transport.Copy
	durable []bool
	done    chan struct{}
}

// serve answers requests until the subscription ends.
func (k *keeper) serve(ctx context.Context, sub transport.Subscription) error {
	var busy sync.WaitGroup
	defer busy.Wait()
	copying, fetching := make(chan struct{}, copies), make(chan struct{}, fetchers)
	for {
		q, err := sub.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("sink: %w", err)
		}
		m, err := transport.Open(q.Envelope())
		room := fetching
		if _, ok := m.(*transport.Copy); ok {
			room = copying
		}
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		busy.Go(func() {
			defer func() { <-room }()
			k.reply(ctx, q, m, err)
		})
	}
}

// reply answers a request.
func (k *keeper) reply(ctx context.Context, q transport.Received, m transport.Sealed, err error) {
	var reply transport.Message
	switch m := m.(type) {
	case *transport.Copy:
		reply, err = k.copy(ctx, m)
	case *transport.Fetch:
		reply, err = k.lend(ctx, m)
	default:
		if err == nil {
			err = transport.Errorf(transport.Invalid, "sink", "%s is no request to a coordinator about blocks", transport.NameOf(m))
		}
	}
	if err != nil && ctx.Err() == nil && transport.KindOf(err) != transport.Unavailable {
		k.sink.cfg.Log.Warn("request refused", "subject", q.Envelope().Subject.String(), "reason", err.Error())
	}
	if err := transport.Answer(ctx, q, reply, err); err != nil && ctx.Err() == nil {
		k.sink.cfg.Log.Warn("a reply was not sent", "subject", q.Envelope().Subject.String(), "reason", err.Error())
	}
}

// copy has blocks made durable.
func (k *keeper) copy(ctx context.Context, m *transport.Copy) (transport.Message, error) {
	r := &request{m, make([]bool, len(m.Blocks)), make(chan struct{})}
	select {
	case k.requests <- r:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case <-r.done:
		return &transport.Copied{Durable: r.durable}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// store makes the blocks of requests durable, those that have come meanwhile together.
func (k *keeper) store(ctx context.Context) {
	for {
		var batch []*request
		select {
		case r := <-k.requests:
			batch = append(batch, r)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(batch) < copies; {
			select {
			case r := <-k.requests:
				batch = append(batch, r)
			default:
				more = false
			}
		}
		k.write(ctx, batch)
		for _, r := range batch {
			close(r.done)
		}
	}
}

// write makes blocks durable, a segment for each run, and notes which are. Those that are not are handed on again, or fetched once the
// ledger has them.
func (k *keeper) write(ctx context.Context, batch []*request) {
	type part struct {
		directory *directory
		blocks    []store.Block
		durable   []*bool
	}
	parts := map[transport.RunID]*part{}
	for _, r := range batch {
		for i := range r.Blocks {
			b := &r.Blocks[i]
			p := parts[b.Lease.Run]
			if p == nil {
				p = &part{}
				parts[b.Lease.Run] = p
				var err error
				if p.directory, err = k.sink.open(ctx, k.view, b.Lease.Run); err != nil {
					k.complain(ctx, b.Lease.Run, err)
				}
			}
			if p.directory == nil {
				continue
			}
			block, err := k.sink.received(ctx, p.directory, b, transport.Results)
			if err != nil {
				k.complain(ctx, b.Lease.Run, err)
				continue
			}
			if !p.directory.blocks.Needs(block.Pack, block.Index, block.Digest) {
				r.durable[i] = true
				continue
			}
			p.blocks, p.durable = append(p.blocks, block), append(p.durable, &r.durable[i])
		}
	}
	for run, p := range parts {
		if p.directory == nil {
			continue
		}
		if err := p.directory.blocks.Write(p.blocks); err != nil {
			k.complain(ctx, run, err)
			continue
		}
		for _, d := range p.durable {
			*d = true
		}
	}
}

// received returns a block that another coordinator sent as the store has it.
func (s *Sink) received(ctx context.Context, d *directory, b *transport.Block, from transport.Bucket) (store.Block, error) {
	c, err := contentOf(ctx, s.cfg.Group.Transport.Objects(from), b)
	if err != nil {
		return store.Block{}, err
	}
	return d.block(b, c)
}

// complain logs why blocks of a run are not kept here. A run that is not known yet will be.
func (k *keeper) complain(ctx context.Context, run transport.RunID, reason error) {
	if ctx.Err() == nil && transport.KindOf(reason) != transport.NotFound {
		k.sink.cfg.Log.Warn("blocks are not kept here", "run", string(run), "reason", reason.Error())
	}
}

// look fetches again and again what is lacking here, and writes the ledgers of runs down.
func (k *keeper) look(ctx context.Context) {
	ticker := time.NewTicker(keepTime)
	defer ticker.Stop()
	var audited time.Time
	for {
		audit := time.Since(audited) >= auditTime
		if audit {
			audited = time.Now()
		}
		for _, run := range k.view.Runs() {
			if ctx.Err() != nil {
				return
			}
			if audit || !k.sink.rests(run) {
				k.bring(ctx, run)
			}
		}
		k.archive.rest()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// rests reports whether a run had ended and was all here, and nobody has opened it since.
func (s *Sink) rests(run transport.RunID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settled[run] && s.runs[run] == nil
}

// bring brings a run here up to the ledger. What the ledger has had for less than a look may still be on its way here: it is let be.
func (k *keeper) bring(ctx context.Context, run transport.RunID) {
	ledger, ending, err := k.view.Ledger(run)
	if err == nil {
		old, known := k.seen[run]
		k.seen[run] = ledger.Heads
		if known && ending.State == "" {
			ledger.Heads = old
		}
		err = k.sink.fetchAll(ctx, k.view, run, ledger)
	}
	if noted := k.sink.Note(ctx, k.view, run); err == nil && transport.KindOf(noted) != transport.Unavailable {
		err = noted
	}
	if err == nil && k.sink.rests(run) {
		delete(k.seen, run)
	}
	if err != nil && ctx.Err() == nil {
		k.sink.cfg.Log.Warn("a run is not all here yet", "run", string(run), "reason", err.Error())
	}
}
