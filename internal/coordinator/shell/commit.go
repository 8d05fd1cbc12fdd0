package shell

import (
	"context"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// verdicts are what the ledger's codes mean to a sink. What is refused for good is as good as stale: nobody waits for it.
var verdicts = map[coordinator.Code]transport.Verdict{
	coordinator.OK: transport.Entered, coordinator.Duplicate: transport.Entered, coordinator.Invalid: transport.Forked,
	coordinator.NotFound: transport.Unknown, coordinator.StaleEpoch: transport.Stale, coordinator.Gap: transport.Wait,
	coordinator.Forked: transport.Forked, coordinator.Early: transport.Wait, coordinator.Ended: transport.Stale,
}

// Commit implements sink.Ledger. A block that a decision follows waits for what its pack reports about the window: both come to the
// machine in one command.
func (r *reign) Commit(ctx context.Context, entries []transport.LedgerEntry) ([]transport.Verdict, error) {
	out := make([]transport.Verdict, len(entries))
	cmd := &coordinator.Commit{}
	var at []int // of the command's blocks in entries
	for i := range entries {
		block, ready, err := r.block(ctx, &entries[i])
		if err != nil {
			return nil, err
		}
		if !ready {
			out[i] = transport.Wait
			continue
		}
		cmd.Blocks, at = append(cmd.Blocks, block), append(at, i)
	}
	if len(cmd.Blocks) == 0 {
		return out, nil
	}
	result, err := r.propose(ctx, cmd)
	if err != nil {
		return nil, err
	}
	for k, code := range result.Blocks {
		i := at[k]
		out[i] = verdicts[code]
		if code == coordinator.Duplicate || code == coordinator.OK {
			r.settled(ctx, &entries[i])
		} else if out[i] != transport.Wait {
			e := &entries[i]
			r.cfg.Log.Info("block refused by the ledger", "run", string(e.Lease.Run), "pack", uint32(e.Lease.Pack), "block", e.Index,
				"epoch", uint64(e.Lease.Epoch), "reason", code.String())
		}
	}
	return out, nil
}

// block returns an entry as the machine takes it; false if a report that it needs has not come.
func (r *reign) block(ctx context.Context, e *transport.LedgerEntry) (b coordinator.Block, ready bool, err error) {
	b = coordinator.Block{Tenure: tenure(e.Lease), K: uint32(e.Index), Prev: coordinator.Digest(e.Previous), Digest: coordinator.Digest(e.Digest), Decisions: uint32(e.Decision)}
	var barrier, fresh bool
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		s, ok := m.Standing(b.Tenure)
		barrier, fresh = m.Barrier(b.Run, b.K), ok && b.K >= s.Blocks
		if e.Index == 0 && e.Previous == (transport.Digest{}) {
			b.Prev = m.Genesis(b.Run, b.Pack)
		}
	})
	if e.Index > uint64(^uint32(0)) {
		b.K = ^uint32(0)
	}
	if !barrier || !fresh {
		return b, true, nil
	}
	b.Report, err = r.reportOf(ctx, e)
	return b, b.Report != nil, err
}

// Runs implements sink.View.
func (s *Shell) Runs() []transport.RunID {
	var out []transport.RunID
	s.cfg.Machine.View(func(m *coordinator.Machine) {
		for _, id := range m.Runs() {
			out = append(out, transport.RunID(id))
		}
	})
	return out
}

// Lineage implements sink.View.
func (s *Shell) Lineage(run transport.RunID, pack transport.PackID, from uint64) []transport.Digest {
	var out []transport.Digest
	s.cfg.Machine.View(func(m *coordinator.Machine) {
		if all := m.Ledger(coordinator.RunID(run), uint32(pack)); from < uint64(len(all)) {
			for _, d := range all[from:] {
				out = append(out, transport.Digest(d))
			}
		}
	})
	return out
}

// Ledger implements sink.View.
func (s *Shell) Ledger(run transport.RunID) (store.Ledger, sink.Ending, error) {
	var out store.Ledger
	var end sink.Ending
	found := false
	s.cfg.Machine.View(func(m *coordinator.Machine) { out, end, found = ledgerOf(m, coordinator.RunID(run)) })
	if !found {
		return out, end, transport.Errorf(transport.NotFound, "coordinator", "there is no run %s", run)
	}
	if end.Warmup == nil {
		return out, end, nil
	}
	decisions, err := s.taken(run)
	if err == nil {
		describe(end.Warmup, decisions)
	}
	return out, end, err
}

// LedgerOf returns what counts of a run's blocks, as the store keeps it, and how the run is; false if there is none of that name.
func LedgerOf(m *coordinator.Machine, run coordinator.RunID) (store.Ledger, sink.Ending, bool) {
	out, end, found := ledgerOf(m, run)
	if end.Warmup == nil {
		return out, end, found
	}
	var decisions []*transport.Decision
	for _, x := range m.Decisions(run) {
		d, err := decode(x.Payload)
		if err != nil {
			return out, end, found // it was logged when it was taken
		}
		decisions = append(decisions, d)
	}
	describe(end.Warmup, decisions)
	return out, end, found
}

// ledgerOf is LedgerOf without what the decisions of warmup say.
func ledgerOf(m *coordinator.Machine, run coordinator.RunID) (store.Ledger, sink.Ending, bool) {
	p, found := m.Progress(run)
	if !found {
		return store.Ledger{}, sink.Ending{}, false
	}
	out := store.Ledger{Draws: p.Draws, Heads: make([]store.Head, p.Packs)}
	for i := range out.Heads {
		if s, _ := m.Standing(coordinator.Tenure{Run: run, Pack: uint32(i)}); s.Blocks > 0 {
			out.Heads[i] = store.Head{Blocks: uint64(s.Blocks), Digest: s.Prev}
		}
	}
	end := sink.Ending{State: endings[p.Status], Error: p.Reason, Seconds: seconds(p.Times)}
	if p.Warm {
		end.Warmup = &store.Warmed{Transitions: int(p.Transitions)}
	}
	return out, end, true
}

// describe says what the decisions of a warmup came to.
func describe(w *store.Warmed, decisions []*transport.Decision) {
	for _, c := range suspects(decisions) {
		w.Suspects = append(w.Suspects, int(c))
	}
	for _, d := range decisions {
		if len(d.Excluded) == 0 {
			continue
		}
		late := store.LateDecision{Window: int(d.Window), Included: len(d.Included)}
		for _, p := range d.Excluded {
			late.Excluded = append(late.Excluded, int(p.Pack))
		}
		w.Late = append(w.Late, late)
	}
}

// seconds returns the times of a run. Workers compile while others may sample: the longest compilation is within the other times. Nobody's
// trace is among them.
func seconds(t coordinator.Times) store.Seconds {
	of := func(ms uint64) store.Float { return store.Float(float64(ms) / 1000) }
	return store.Seconds{Compile: of(t.Compile), Warmup: of(t.Warmup), Sampling: of(t.Sampling), Total: of(t.Idle + t.Warmup + t.Sampling)}
}

// suspects returns the chains that were unlike the others when pooled warmup ended, by its last decision.
func suspects(decisions []*transport.Decision) []uint32 {
	if len(decisions) == 0 {
		return nil
	}
	return decisions[len(decisions)-1].Suspects
}

// endings are the states of run directories by the machine's.
var endings = map[coordinator.Status]store.State{
	coordinator.Done: store.Done, coordinator.Stopped: store.Interrupted, coordinator.Failed: store.Failed,
}
