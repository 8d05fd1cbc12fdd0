package sink

import (
	"context"
	"slices"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Bounds of what is asked for at once, and times.
const (
	wants     = 1024             // ranges of blocks in one request
	pieceSize = 8 << 20          // bytes of contents that are fetched before they are written
	fetchTime = 10 * time.Second // after which a request for blocks is taken for lost
)

// here returns what of a ledger is durable here: of each pack the blocks before the first that is lacking.
func (d *directory) here(l View, run transport.RunID, ledger store.Ledger) store.Ledger {
	out := d.blocks.Ledger()
	out.Draws = ledger.Draws
	for p := range out.Heads {
		h := &out.Heads[p]
		if h.Blocks >= ledger.Heads[p].Blocks {
			continue
		}
		for _, digest := range l.Lineage(run, transport.PackID(p), h.Blocks) {
			if h.Blocks == ledger.Heads[p].Blocks || !d.blocks.Has(uint32(p), digest) {
				break
			}
			h.Blocks, h.Digest = h.Blocks+1, digest
		}
	}
	return out
}

// lag returns by how many blocks one ledger is behind another.
func lag(here, ledger store.Ledger) uint64 {
	var n uint64
	for p := range ledger.Heads {
		n += ledger.Heads[p].Blocks - min(here.Heads[p].Blocks, ledger.Heads[p].Blocks)
	}
	return n
}

// lacks returns which blocks of a ledger are not durable here, by pack.
func (s *Sink) lacks(l View, run transport.RunID, d *directory, ledger store.Ledger) []transport.Want {
	var out []transport.Want
	here := d.blocks.Ledger()
	for p := range ledger.Heads {
		from, until := here.Heads[p].Blocks, ledger.Heads[p].Blocks
		if from >= until {
			continue
		}
		pack := transport.PackID(p)
		for i, digest := range l.Lineage(run, pack, from) {
			at := from + uint64(i)
			if at >= until || len(out) == wants {
				break
			}
			if d.blocks.Has(uint32(p), digest) {
				continue
			}
			if k := len(out) - 1; k >= 0 && out[k].Pack == pack && out[k].Until == at {
				out[k].Until++
			} else {
				out = append(out, transport.Want{Pack: pack, From: at, Until: at + 1})
			}
		}
	}
	return out
}

// whole has all that the ledger has of a run here, and writes the ledger down. An error of kind Unavailable says that nobody who
// answers has some of it.
func (s *Sink) whole(ctx context.Context, l View, run transport.RunID) error {
	if s.cfg.Group != nil {
		ledger, _, err := l.Ledger(run)
		if err != nil {
			return err
		}
		if err := s.fetchAll(ctx, l, run, ledger); err != nil {
			return err
		}
	}
	return s.Note(ctx, l, run)
}

// fetchAll fetches what of a ledger is lacking here from the other coordinators.
func (s *Sink) fetchAll(ctx context.Context, l View, run transport.RunID, ledger store.Ledger) error {
	d, err := s.open(ctx, l, run)
	if err != nil {
		return err
	}
	lacks := func() []transport.Want { return s.lacks(l, run, d, ledger) }
	return s.fetch(ctx, l, run, d, lacks)
}

// fetchHead fetches the last block of a pack, from which a worker goes on.
func (s *Sink) fetchHead(ctx context.Context, l View, run transport.RunID, pack transport.PackID, d *directory) error {
	ledger, _, err := l.Ledger(run)
	if err != nil {
		return err
	}
	head := ledger.Heads[pack]
	return s.fetch(ctx, l, run, d, func() []transport.Want {
		if head.Blocks == 0 || d.blocks.Has(uint32(pack), head.Digest) {
			return nil
		}
		return []transport.Want{{Pack: pack, From: head.Blocks - 1, Until: head.Blocks}}
	})
}

// fetch asks the other coordinators, one after another, for the blocks that are lacking, until none is.
func (s *Sink) fetch(ctx context.Context, l View, run transport.RunID, d *directory, lacks func() []transport.Want) error {
	left := lacks()
	var last error
	for _, from := range s.cfg.Group.others() {
		for len(left) > 0 {
			n, err := s.fetchPiece(ctx, l, run, d, from, left)
			if err != nil {
				last = err
			}
			if n == 0 {
				break
			}
			if err := d.advance(l, run); err != nil {
				return err
			}
			left = lacks()
		}
	}
	if len(left) == 0 {
		return nil
	}
	if last != nil {
		return transport.Errorf(transport.Unavailable, "sink", "block %d of pack %d of run %s is not here, and no other coordinator gave it: %w", left[0].From, left[0].Pack, run, last)
	}
	return transport.Errorf(transport.Unavailable, "sink", "block %d of pack %d of run %s is not here, and no other coordinator has it yet", left[0].From, left[0].Pack, run)
}

// advance writes down what of the ledger is here now.
func (d *directory) advance(l View, run transport.RunID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	ledger, _, err := l.Ledger(run)
	if err != nil {
		return err
	}
	return d.blocks.SetLedger(d.here(l, run, ledger))
}

// fetchPiece fetches some of the blocks that are wanted from a coordinator and makes them durable; n says how many.
func (s *Sink) fetchPiece(ctx context.Context, l View, run transport.RunID, d *directory, from transport.PartyID, left []transport.Want) (n int, err error) {
	left = slices.Clone(left)
	var blocks []store.Block
	for size := 0; size < pieceSize && len(left) > 0; {
		var reply *transport.Fetched
		if reply, err = s.ask(ctx, &transport.Fetch{To: from, Run: run, Wants: left}); err != nil || len(reply.Blocks) == 0 {
			break // what came before is good
		}
		for i := range reply.Blocks {
			b := &reply.Blocks[i]
			block, err := s.checked(ctx, l, run, d, b)
			if err != nil {
				return 0, err
			}
			blocks, size = append(blocks, block), size+int(b.Content.Size)
			left = after(left, b.Lease.Pack, b.Index)
		}
	}
	if err := d.blocks.Write(blocks); err != nil {
		return 0, err
	}
	return len(blocks), err
}

func (s *Sink) ask(ctx context.Context, m *transport.Fetch) (*transport.Fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	return transport.Ask[*transport.Fetched](ctx, s.cfg.Group.Transport, m)
}

// checked returns a block that was fetched as the store has it. An error of kind Corrupt says that it is not the ledger's.
func (s *Sink) checked(ctx context.Context, l View, run transport.RunID, d *directory, b *transport.Block) (store.Block, error) {
	lineage := l.Lineage(run, b.Lease.Pack, b.Index)
	if b.Lease.Run != run || len(lineage) == 0 || lineage[0] != b.Digest {
		return store.Block{}, transport.Errorf(transport.Corrupt, "fetch", "block %d of pack %d of run %s is not the ledger's", b.Index, b.Lease.Pack, b.Lease.Run)
	}
	block, err := s.received(ctx, d, b, transport.Outcome)
	if err == nil && b.Content.IsObject() {
		if err := s.cfg.Group.Transport.Objects(transport.Outcome).Delete(ctx, b.Content.Digest); err != nil {
			s.cfg.Log.Debug("sink: remove an object", "error", err.Error())
		}
	}
	return block, err
}

// after returns the wants that come after a block, which is of the first of them that names its pack and index.
func after(left []transport.Want, pack transport.PackID, index uint64) []transport.Want {
	for i, w := range left {
		if w.Pack != pack || index < w.From || index >= w.Until {
			continue
		}
		if w.From = index + 1; w.From == w.Until {
			return left[i+1:]
		}
		left[i] = w
		return left[i:]
	}
	return nil
}
