package coordinator

import "slices"

// commit enters durable blocks into the ledger, in the order of the command, each for itself.
func (m *Machine) commit(x *Commit) Result {
	var out Result
	var touched []*run // that may have a decision due, or be done
	for i := range x.Blocks {
		b := &x.Blocks[i]
		code := m.admit(b)
		out.Blocks = append(out.Blocks, code)
		if code != OK {
			continue
		}
		r := m.findRun(b.Run)
		out.Actions = append(out.Actions, m.enter(r, b)...)
		if len(touched) == 0 || touched[len(touched)-1] != r {
			touched = append(touched, r)
		}
	}
	for i, r := range touched {
		if !slices.Contains(touched[:i], r) {
			out.Actions = append(out.Actions, r.settle(m)...)
		}
	}
	return out
}

// admit returns OK if the ledger takes a block now, else why not. What the ledger has already comes first: a block that was
// committed stays so, whoever sends it again and whatever became of the run.
func (m *Machine) admit(b *Block) Code {
	r, p, out := m.findPack(b.Tenure)
	switch {
	case p == nil:
		return out.Code
	case b.Digest == Digest{}:
		return Invalid
	case b.K < p.head() && p.digests[b.K] == b.Digest:
		return Duplicate
	case b.K < p.head():
		return Forked
	case r.status != Running:
		return Ended
	case p.lease(b.Epoch) == nil:
		return StaleEpoch
	case b.K > p.head():
		return Gap
	case b.Prev != r.prev(b.Pack, b.K):
		return Forked
	case b.K >= r.blocks():
		return Ended
	case b.K >= r.limit():
		return Early
	case b.Decisions != r.decided(b.K):
		return Forked
	case !r.reportFits(b):
		return Invalid
	}
	return OK
}

// decided returns how many decisions of warmup are about blocks before block k: fewer than there are where its pack is late.
func (r *run) decided(k uint32) uint32 {
	n := len(r.decisions)
	for n > 0 && r.decisions[n-1].k >= k {
		n--
	}
	return uint32(n)
}

// reportFits reports whether a block brings a report where a decision of warmup waits for one, and else none. Where the decision was
// taken without its pack it may bring one, which does not count.
func (r *run) reportFits(b *Block) bool {
	barrier := b.K < uint32(len(r.steps)) && r.steps[b.K].Barrier
	return (barrier == (len(b.Report) > 0) || barrier && b.K < r.judged) && len(b.Report) <= MaxReport
}

// enter puts an admitted block into the ledger. Where a late pack has two leases, the first block ends the race.
func (m *Machine) enter(r *run, b *Block) []Action {
	p := &r.packs[b.Pack]
	p.digests = append(p.digests, b.Digest)
	if p.report = b.Report; b.K < r.judged {
		p.report = nil
	}
	p.progress = m.now
	out := []Action{BlockCommitted{r.id, b.Pack, b.K, b.Digest}}
	for i := 0; i < len(p.leases); {
		if e := p.leases[i].epoch; e != b.Epoch {
			out = append(out, m.end(r, b.Pack, e, Overtaken))
		} else {
			i++
		}
	}
	return out
}
