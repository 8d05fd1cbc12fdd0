package sink

import (
	"context"
	"slices"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// commitBlocks is how many blocks one request has.
const commitBlocks = 1024

// write makes the fresh blocks durable, a segment for each run. Those of a run whose directory can't be written stay fresh.
func (b *batcher) write(ctx context.Context) {
	fresh := b.fresh
	b.fresh, b.bytes = nil, 0
	byRun := map[transport.RunID][]*entry{}
	var runs []transport.RunID
	for _, e := range fresh {
		run := e.block.Lease.Run
		if byRun[run] == nil {
			runs = append(runs, run)
		}
		byRun[run] = append(byRun[run], e)
	}
	for _, run := range runs {
		if time.Now().Before(b.faults[run]) {
			b.postpone(run, byRun[run])
			continue
		}
		delete(b.faults, run)
		err := b.writeRun(ctx, run, byRun[run])
		switch {
		case err == nil:
		case transport.KindOf(err) == transport.NotFound:
			b.refuse(byRun[run], err)
		default:
			b.sink.cfg.Log.Error("blocks can't be stored: they wait until they can", "run", string(run), "reason", err.Error())
			if b.sink.cfg.Faulty != nil {
				b.sink.cfg.Faulty(run, err)
			}
			b.faults[run] = time.Now().Add(faultTime)
			b.postpone(run, byRun[run])
		}
	}
}

// postpone keeps blocks of a run that can't be written now. Those beyond what may wait are let go, so that other runs go on: their
// workers send them again.
func (b *batcher) postpone(run transport.RunID, entries []*entry) {
	b.later(time.Until(b.faults[run]))
	for _, e := range entries {
		if len(b.fresh) >= batchBlocks/2 || b.bytes+e.bytes > batchBytes/2 {
			b.settle(e)
			continue
		}
		b.fresh = append(b.fresh, e)
		b.bytes += e.bytes
	}
}

func (b *batcher) writeRun(ctx context.Context, run transport.RunID, entries []*entry) error {
	d, err := b.sink.open(ctx, b.ledger, run)
	if err != nil {
		return err
	}
	var blocks []store.Block
	var written []*entry
	var whole []*store.Block
	for _, e := range entries {
		if e.content == nil {
			continue // durable, and the rest of its batch was not
		}
		block, err := d.block(e.block, e.content)
		if err != nil {
			b.refuse([]*entry{e}, err)
			continue
		}
		if d.blocks.Needs(block.Pack, block.Index, block.Digest) {
			blocks = append(blocks, block)
		}
		written, whole = append(written, e), append(whole, &block)
	}
	if err := d.blocks.Write(blocks); err != nil {
		return err
	}
	for i, e := range written {
		e.content, e.stored = nil, whole[i]
	}
	return nil
}

// refuse drops blocks for good, with the reason.
func (b *batcher) refuse(entries []*entry, reason error) {
	for _, e := range entries {
		b.sink.cfg.Log.Warn("block refused", "run", string(e.block.Lease.Run), "pack", uint32(e.block.Lease.Pack), "block", e.block.Index,
			"worker", string(e.block.Worker), "epoch", uint64(e.block.Lease.Epoch), "reason", reason.Error())
		b.settle(e)
	}
}

// commit asks the ledger about all blocks that are held and durable, here and at most coordinators, those of a pack in their order,
// and acknowledges those that it has decided about.
func (b *batcher) commit(ctx context.Context) {
	b.heed()
	var durable []*entry
	for _, e := range b.held {
		if e.content == nil && b.enough(e) {
			durable = append(durable, e)
		}
	}
	for some := range slices.Chunk(inOrder(durable), commitBlocks) {
		if !b.ask(ctx, some) {
			return
		}
	}
	b.drop()
}

// inOrder returns entries with those of each pack one after another by index, packs by their first arrival.
func inOrder(entries []*entry) []*entry {
	type place struct {
		run  transport.RunID
		pack transport.PackID
	}
	byPack := map[place][]*entry{}
	var order []place
	slices.SortFunc(entries, func(x, y *entry) int { return int(int64(x.order - y.order)) })
	for _, e := range entries {
		p := place{e.block.Lease.Run, e.block.Lease.Pack}
		if byPack[p] == nil {
			order = append(order, p)
		}
		byPack[p] = append(byPack[p], e)
	}
	out := entries[:0:0]
	for _, p := range order {
		slices.SortStableFunc(byPack[p], func(x, y *entry) int { return int(int64(x.block.Index - y.block.Index)) })
		out = append(out, byPack[p]...)
	}
	return out
}

// ask asks the ledger about some blocks; false if it does not answer.
func (b *batcher) ask(ctx context.Context, entries []*entry) bool {
	list := make([]transport.LedgerEntry, len(entries))
	for i, e := range entries {
		list[i] = transport.LedgerEntry{
			Lease: e.block.Lease, Index: e.block.Index, Previous: e.block.Previous, Digest: e.block.Digest, Decision: e.block.Decision,
			Segment: b.sink.cfg.Path(e.block.Lease.Run), Size: e.block.Content.Size,
		}
	}
	verdicts, err := b.ledger.Commit(ctx, list)
	if err == nil && len(verdicts) != len(list) {
		err = transport.Errorf(transport.Internal, "commit", "%d verdicts on %d blocks", len(verdicts), len(list))
	}
	if err != nil {
		if ctx.Err() == nil {
			b.sink.cfg.Log.Warn("the ledger does not answer: blocks wait", "reason", err.Error())
		}
		b.later(faultTime)
		return false
	}
	for i, v := range verdicts {
		if v == transport.Wait {
			b.later(waitTime)
			continue
		}
		if v == transport.Entered {
			b.entered(ctx, entries[i])
		} else {
			b.sink.cfg.Log.Debug("block not in the ledger", "run", string(list[i].Lease.Run), "pack", uint32(list[i].Lease.Pack),
				"block", list[i].Index, "epoch", uint64(list[i].Lease.Epoch), "verdict", uint8(v))
		}
		b.settle(entries[i])
	}
	return true
}

// entered does what follows from a block's entry into the ledger.
func (b *batcher) entered(ctx context.Context, e *entry) {
	b.clean(ctx, e)
	if e.stored == nil || !b.sink.cfg.Figures {
		return
	}
	f, err := b.sink.figuresOf(ctx, b.ledger, e.block.Lease.Run)
	if err == nil {
		err = f.take(e.stored, string(e.block.Worker))
	}
	if err != nil && ctx.Err() == nil {
		b.sink.cfg.Log.Warn("a block does not fit the run's diagnostics", "run", string(e.block.Lease.Run), "pack", uint32(e.block.Lease.Pack),
			"block", e.block.Index, "reason", err.Error())
	}
}

// drop lets the oldest blocks go that wait for one before them, where there are too many: what they wait for may never come, and
// a worker that still needs them sends them again.
func (b *batcher) drop() {
	if len(b.held) <= heldBlocks {
		return
	}
	var waiting []*entry
	for _, e := range b.held {
		if e.content == nil {
			waiting = append(waiting, e)
		}
	}
	slices.SortFunc(waiting, func(x, y *entry) int { return int(int64(x.order - y.order)) })
	for _, e := range waiting[:max(0, len(waiting)-heldBlocks)] {
		b.sink.cfg.Log.Warn("block dropped: the one before it does not come", "run", string(e.block.Lease.Run), "pack", uint32(e.block.Lease.Pack), "block", e.block.Index)
		b.settle(e)
	}
}

// note writes the ledgers of runs down that have not been for a while.
func (b *batcher) note(ctx context.Context) {
	b.sink.mu.Lock()
	var due []transport.RunID
	for run, d := range b.sink.runs {
		if time.Since(d.noted) >= noteTime {
			d.noted = time.Now()
			due = append(due, run)
		}
	}
	b.sink.mu.Unlock()
	for _, run := range due {
		if err := b.sink.Note(ctx, b.ledger, run); err != nil && ctx.Err() == nil {
			b.sink.cfg.Log.Warn("the ledger of a run can't be written down", "run", string(run), "reason", err.Error())
		}
	}
}
