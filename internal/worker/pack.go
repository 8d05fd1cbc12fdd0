package worker

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/transport"
)

// pack is the chains of a lease.
type pack struct {
	run    *run
	first  uint32 // chain
	chains []*chain.Chain
	cold   bool // in warmup
	// unfinished is what there is already of the next block, nil if nothing.
	unfinished *Cut
}

// errStopped says that a block was left unfinished; its pack is of no use any more.
var errStopped = errors.New("worker: stopped within a block")

// newPack returns the chains of a grant, in the state that the block before the first has left, or before their start, or in which the
// first was left unfinished.
func newPack(r *run, g *transport.Grant, end *transport.Content, cut *Cut) (*pack, error) {
	m := r.manifest
	first, chains := m.Pack(g.Lease.Pack)
	if uint32(g.Lease.Pack) >= m.Packs() || g.Chain != first || g.Chains != chains {
		return nil, fmt.Errorf("worker: a grant of chains %d … of pack %d, which has others", g.Chain, g.Lease.Pack)
	}
	p := &pack{run: r, first: first, unfinished: cut}
	for i := range chains {
		start := r.job.Starts[0]
		if len(r.job.Starts) > 1 {
			start = r.job.Starts[first+i]
		}
		c := r.program.NewChain(int(first+i), start)
		from := end
		if cut != nil && len(cut.Content.States[i].Bytes) > 0 {
			from = cut.Content
		}
		if from != nil {
			if err := c.RestoreState(from.StateVersion, from.States[i].Bytes); err != nil {
				return nil, err
			}
		}
		p.chains = append(p.chains, c)
	}
	p.cold = slices.ContainsFunc(p.chains, func(c *chain.Chain) bool { return !c.Warm() }) // all are, but those within a block
	if p.cold {
		r.chill()
	}
	return p, nil
}

// close notes that the pack is not run here any more.
func (p *pack) close() error { return p.warmed(true) }

// warmed notes that the pack's warmup is over, if it is or over says so.
func (p *pack) warmed(over bool) error {
	if !p.cold || !over && !p.chains[0].Warm() {
		return nil
	}
	p.cold = false
	return p.run.warm()
}

// totals are counts over all chains that have begun, and both phases.
func (p *pack) totals() (leapfrogs, divergences int64) {
	for _, c := range p.chains {
		if !c.Begun() {
			continue
		}
		t := c.Totals()
		leapfrogs += t.WarmupLeapfrogs + t.Leapfrogs
		divergences += t.WarmupDivergences + t.Divergences
	}
	return leapfrogs, divergences
}

// block is a block that was made. Its columns are the run's again once it is encoded.
type block struct {
	content                *transport.Content
	leapfrogs, divergences int64
	report                 []adapt.Report // of each chain where a window of pooled warmup ends; else none
}

// forever is a slice of time that is never over.
const forever = time.Duration(math.MaxInt64)

// make makes the block at a cursor, in a slot that has the pack's run. Where stop interrupts it the error is errStopped, and have says
// how many draws of each chain the block has, which is without states then; any other error means that the chains can't go on.
func (p *pack) make(s *slot, at *cursor, stop func() bool) (out *block, have []uint32, err error) {
	content := &transport.Content{
		Chain: p.first, Chains: uint32(len(p.chains)), Warmup: !at.sampling(), First: at.first, Draws: at.draws(), StateVersion: chain.CheckpointVersion,
	}
	goal := chain.Goal{Slice: forever, Stop: stop, Draws: int(at.first) + int(at.draws())}
	var columns []transport.Column
	if content.Warmup {
		goal.Warmup, goal.Draws = goal.Draws, 0
	}
	if !content.Warmup || p.run.manifest.Save {
		columns = p.run.columns()
	}
	out = &block{content: content}
	draws := collect(content, columns)
	leapfrogs, divergences := p.totals()
	if cut := p.unfinished; cut != nil {
		if err := draws.resume(cut); err != nil {
			return nil, nil, err
		}
		leapfrogs, divergences, p.unfinished = leapfrogs-cut.Leapfrogs, divergences-cut.Divergences, nil
	}
	if err := s.advance(p.chains, goal, draws); err != nil {
		return nil, nil, err
	}
	out.leapfrogs, out.divergences = p.totals()
	out.leapfrogs, out.divergences = out.leapfrogs-leapfrogs, out.divergences-divergences
	if !p.reached(at, goal) {
		return out, draws.have, errStopped
	}
	if !draws.whole() {
		return nil, nil, fmt.Errorf("worker: block %d of chains %d … lacks draws", at.index, p.first)
	}
	for _, c := range p.chains {
		content.States = append(content.States, transport.EndState{Bytes: c.AppendState(nil)})
	}
	if content.Warmup && p.run.manifest.Warmup[at.step].Barrier {
		for _, c := range p.chains {
			if !c.Waiting() {
				return nil, nil, fmt.Errorf("worker: chain %d does not wait for a decision after block %d, where the manifest has one", c.Index(), at.index)
			}
			out.report = append(out.report, p.run.program.Report(c))
		}
	}
	return out, draws.have, p.warmed(false)
}

// decide gives all chains a decision, as adapt.Decision.Append has it.
func (p *pack) decide(raw []byte) error {
	d, err := adapt.ParseDecision(raw)
	if err != nil {
		return err
	}
	width := 1
	if p.run.lanes {
		width = len(p.chains)
	}
	for chains := range slices.Chunk(p.chains, width) {
		if err := p.run.program.Decide(chains, d); err != nil {
			return err
		}
	}
	return p.warmed(false)
}

// reached reports whether all chains are at the end of the block at a cursor.
func (p *pack) reached(at *cursor, g chain.Goal) bool {
	for _, c := range p.chains {
		if at.sampling() && !c.Done(g.Draws) || !at.sampling() && (!c.Begun() || c.Totals().Transitions < uint64(g.Warmup)) {
			return false
		}
	}
	return true
}
