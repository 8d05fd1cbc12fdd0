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
}

// errStopped says that a block was left unfinished; its pack is of no use any more.
var errStopped = errors.New("worker: stopped within a block")

// newPack returns the chains of a grant, in the state that the block before the first has left, or before their start.
func newPack(r *run, g *transport.Grant, end *transport.Content) (*pack, error) {
	m := r.manifest
	first, chains := m.Pack(g.Lease.Pack)
	if uint32(g.Lease.Pack) >= m.Packs() || g.Chain != first || g.Chains != chains {
		return nil, fmt.Errorf("worker: a grant of chains %d … of pack %d, which has others", g.Chain, g.Lease.Pack)
	}
	p := &pack{run: r, first: first}
	for i := range chains {
		start := r.job.Starts[0]
		if len(r.job.Starts) > 1 {
			start = r.job.Starts[first+i]
		}
		c := r.program.NewChain(int(first+i), start)
		if end != nil {
			if err := c.RestoreState(end.StateVersion, end.States[i].Bytes); err != nil {
				return nil, err
			}
		}
		p.chains = append(p.chains, c)
	}
	if p.cold = !p.chains[0].Warm(); p.cold {
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

// totals are counts over all chains and both phases.
func (p *pack) totals() (leapfrogs, divergences int64) {
	for _, c := range p.chains {
		t := c.Totals()
		leapfrogs += t.WarmupLeapfrogs + t.Leapfrogs
		divergences += t.WarmupDivergences + t.Divergences
	}
	return leapfrogs, divergences
}

// block is a block that was made.
type block struct {
	content                *transport.Content
	leapfrogs, divergences int64
	report                 []adapt.Report // of each chain where a window of pooled warmup ends; else none
}

// forever is a slice of time that is never over.
const forever = time.Duration(math.MaxInt64)

// make makes the block at a cursor, in a slot that has the pack's run. Where stop interrupts it the error is errStopped; any
// other means that the chains can't go on.
func (p *pack) make(s *slot, at *cursor, stop func() bool) (*block, error) {
	content := &transport.Content{
		Chain: p.first, Chains: uint32(len(p.chains)), Warmup: !at.sampling(), First: at.first, Draws: at.draws(), StateVersion: chain.CheckpointVersion,
	}
	goal := chain.Goal{Slice: forever, Stop: stop, Draws: int(at.first) + int(at.draws())}
	columns := columnsOf(p.run.program.Sites())
	if content.Warmup {
		goal.Warmup, goal.Draws = goal.Draws, 0
		if !p.run.manifest.Save {
			columns = nil
		}
	}
	out := &block{content: content}
	draws := collect(content, columns)
	leapfrogs, divergences := p.before()
	if err := s.advance(p.chains, goal, draws); err != nil {
		return nil, err
	}
	if !p.reached(at, goal) {
		return nil, errStopped
	}
	if !draws.whole() {
		return nil, fmt.Errorf("worker: block %d of chains %d … lacks draws", at.index, p.first)
	}
	out.leapfrogs, out.divergences = p.totals()
	out.leapfrogs, out.divergences = out.leapfrogs-leapfrogs, out.divergences-divergences
	for _, c := range p.chains {
		content.States = append(content.States, transport.EndState{Bytes: c.AppendState(nil)})
	}
	if content.Warmup && p.run.manifest.Warmup[at.step].Barrier {
		for _, c := range p.chains {
			if !c.Waiting() {
				return nil, fmt.Errorf("worker: chain %d does not wait for a decision after block %d, where the manifest has one", c.Index(), at.index)
			}
			out.report = append(out.report, p.run.program.Report(c))
		}
	}
	return out, p.warmed(false)
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

// before returns the totals before a block, 0 before the chains' start.
func (p *pack) before() (leapfrogs, divergences int64) {
	if !p.chains[0].Begun() {
		return 0, 0
	}
	return p.totals()
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
