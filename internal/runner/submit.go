package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/transport"
)

// How a cluster's run is cut into packs and blocks, and how it is leased.
const (
	packChains   = 8  // of a pack, where there are as many
	clusterPacks = 16 // of a run that says nothing else
	leastBlock   = 10 // draws of a block: less makes messages more work than draws
	mostBlock    = 100
	blocksOfRun  = 20         // about as many in sampling
	lateMillis   = 60 * 1_000 // without a block, after which an idle worker makes the pack's blocks too
)

// Terms are what a run on a cluster is told besides its configuration.
type Terms struct {
	Lease time.Duration // for which a worker may be silent until its packs are given to others
	// Deadline is how long half of the packs wait at the end of a window of pooled warmup, until the decision is taken without those
	// that are late; 0, the default, is as long as it takes. Another marks the run TimingDependent.
	Deadline time.Duration
}

// ErrNoBarrier says that a run has no barrier for a deadline: its chains adapt each by itself, or in so few transitions that all that
// they decide has to come from all of them.
var ErrNoBarrier = errors.New("runner: a deadline of warmup is for chains that wait for each other: --adapt pooled, and 40 transitions of warmup or more")

// DefaultTerms returns the defaults.
func DefaultTerms() Terms { return Terms{Lease: 15 * time.Second} }

// Manifest returns the job of a run for a cluster, and its manifest, in which only what Job.Put sets is missing. The draws are
// those that Run makes of the same configuration, where workers have this program's version and engine.
func Manifest(cfg Config, m Model, terms Terms) (*job.Job, *transport.Manifest, error) {
	wanted := cfg.Engine
	if _, ok := XLAPlatform(wanted); ok || wanted == EngineAuto {
		cfg.Engine = EngineWasm // what runs the chains is the workers' matter: where a run is submitted from it may not be there
	}
	p, err := newPlan(cfg, m)
	if err != nil {
		return nil, nil, err
	}
	run, copies, err := p.describe()
	if err != nil {
		return nil, nil, err
	}
	if wanted == EngineAuto {
		wanted = ""
	} else {
		run.Settings.Engine = wanted
	}
	width := packWidth(cfg.Chains, cfg.Batch)
	run.Settings.Batch = width
	run.TimingDependent = terms.Deadline > 0
	open := 0
	if run.TimingDependent {
		if open = job.OpenWindows(p.chain); open == 0 {
			return nil, nil, ErrNoBarrier
		}
	}
	about, err := json.Marshal(run)
	if err != nil {
		return nil, nil, fmt.Errorf("runner: describe the run: %w", err)
	}
	j := p.job()
	j.Precision = m.Precision()
	for _, c := range copies {
		j.Files = append(j.Files, job.File(c))
	}
	block := min(max(cfg.Draws/blocksOfRun, leastBlock), mostBlock)
	drawn := block // of a run without draws, for when it is extended
	if cfg.Draws > 0 {
		drawn = blockDraws(cfg.Draws, block)
	}
	return j, &transport.Manifest{
		Engine: wanted, Chains: uint32(cfg.Chains), Width: uint32(width), Warmup: job.Warmup(p.chain, block), Block: uint32(drawn),
		Draws: uint64(cfg.Draws), Stop: cfg.StopRule(), Lease: uint32(terms.Lease.Milliseconds()), Late: lateMillis, About: about,
		Deadline: uint32(terms.Deadline.Milliseconds()), Open: uint32(open),
	}, nil
}

// packWidth returns the number of chains of a pack; packs are about equally wide.
func packWidth(chains, batch int) int {
	if batch > 0 {
		return min(batch, chains)
	}
	packs := max(1, min(clusterPacks, chains/packChains))
	return (chains + packs - 1) / packs
}

// OpenEngine returns the engine of a name that Engines has.
func OpenEngine(name string) (engine.Engine, error) { return engineOf(name) }
