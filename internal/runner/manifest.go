package runner

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// How a run of this machine is cut into packs and blocks. None of it changes a draw.
const (
	ownPacks      = 32        // at least, where there are as many chains: so many of them, or groups of them, take turns
	widest        = 64        // chains that take turns within a group, where a worker may hold as many groups
	blockSeconds  = 0.5       // of a block at most, by a rough reckoning
	unknownTime   = 1e-4      // seconds of a gradient with loops of which nobody knows how often they turn
	ruleBlocks    = 20        // of a run with a stop rule, about, at each of which it is asked
	mostBytes     = 256 << 10 // of the draws of a block, about: with the states it travels within its message
	fewestRows    = 128       // draws of a chain in a block, where they have no more than mostRowBytes: its state is some twenty draws long
	mostRowBytes  = 4 << 20
	uncommitted   = 8 << 20 // bytes of blocks, over all packs, that are made and not in the ledger
	fewestPending = 4       // blocks that may be, a thread
	mostPending   = 64
	backlogBytes  = 32 << 20  // of blocks of all packs, about, that are being made or are not in the ledger
	leaseMillis   = 3_600_000 // the worker does not outlive who leases to it
)

// width returns how many chains a pack of the run has: those of a call of the engine, or few that take turns.
func (p *plan) width() int {
	if p.chain.Batch > 0 {
		return p.batch
	}
	atLeast := (p.cfg.Chains + mostPacks - 1) / mostPacks
	return max(atLeast, min(widest, (p.cfg.Chains+ownPacks-1)/ownPacks))
}

// packs returns how many packs the run has.
func (p *plan) packs() int { return (p.cfg.Chains + p.width() - 1) / p.width() }

// job returns what the run's chains are made from.
func (p *plan) job() *job.Job {
	j := &job.Job{Bundle: p.bundle, Columns: p.model.Columns, Config: p.chain, Starts: p.starts}
	if len(p.uniqueStarts()) == 1 && len(p.starts[0].Given) == 0 {
		j.Starts = p.starts[:1]
	}
	return j
}

// manifest returns the manifest of a run whose worker is in this process and has its job.
func (p *plan) manifest(run *store.Run) (*transport.Manifest, error) {
	width := p.width()
	row := max(1, width*run.Schema.RowBytes())
	rows := max(mostBytes/row, min(fewestRows, mostRowBytes/row))
	gradient := unknownTime
	if w, ok := workOf(p.bundle.LogDensity.Body); ok {
		gradient = w.all
	}
	transition := typicalLeapfrogs * gradient * float64(width)
	warm, draws := int(min(blockSeconds/transition, math.MaxInt32)), int(min(blockSeconds/transition/float64(p.cfg.Thin), math.MaxInt32))
	if draws = min(draws, rows); p.cfg.SaveWarmup {
		warm = min(warm, rows)
	}
	rule := p.cfg.StopRule()
	if rule.Every > 0 {
		draws = min(draws, p.cfg.Draws/ruleBlocks)
	}
	m := &transport.Manifest{
		Chains: uint32(p.cfg.Chains), Width: uint32(width), Warmup: job.Warmup(p.chain, blockDraws(p.cfg.Warmup, warm)),
		Block: uint32(blockDraws(p.cfg.Draws, draws)), Draws: uint64(p.cfg.Draws), Stop: rule, Lease: leaseMillis,
	}
	p.job().Describe(m)
	about := *run
	about.Files = nil
	about.Schema.Sites = nil // the store's own description has them
	var err error
	if m.About, err = json.Marshal(about); err != nil {
		return nil, fmt.Errorf("runner: describe the run: %w", err)
	}
	return m, nil
}

// blockDraws returns the number of draws of a block of a phase that has so many: at most most, but at least one, and a divisor where
// there is one near it, so that no more draws are made than are wanted.
func blockDraws(draws, most int) int {
	most = max(1, min(draws, most))
	best, beyond := most, draws
	for b := most; 2*b >= most && b > 0; b-- {
		if over := (draws+b-1)/b*b - draws; over < beyond {
			best, beyond = b, over
		}
	}
	return best
}
