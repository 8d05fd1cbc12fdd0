package runner

import (
	"sync"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
)

// barrier is where packs of a pooled warmup wait for each other. No pack is left out, however late: that would leave out the regions
// where transitions take long.
type barrier struct {
	pooling adapt.Pooling

	mu      sync.Mutex // guards what follows
	last    *adapt.Decision
	waiting []*pack
	chains  int // in waiting packs
}

// begin takes the last decision from the chains of a run that goes on: some may have had it, others not. A chain's checkpoint is set when
// it comes to a barrier, and none leaves it before all have come, so no chain lacks more than one decision.
func (b *barrier) begin(r *running) {
	b.pooling = r.plan.chain.Pooling(len(r.chains))
	for _, l := range r.chains {
		if d := l.chain.Decision(); d != nil && (b.last == nil || d.Window > b.last.Window) {
			b.last = d
		}
	}
}

// arrive has a pack that waits go on where the decision is known, and wait where it is not. The last pack to come takes it, and
// has all go on.
func (b *barrier) arrive(r *running, program *chain.Program, p *pack) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.last; d != nil && d.Window == p.window() {
		p.decision = d
		r.queue <- p
		return nil
	}
	b.waiting, b.chains = append(b.waiting, p), b.chains+len(p.chains)
	if b.chains < len(r.chains) {
		return nil
	}
	reports := make([]adapt.Report, len(r.chains))
	for i, l := range r.chains {
		reports[i] = program.Report(l.chain)
	}
	var err error
	if b.last, err = b.pooling.Decide(b.last, reports); err != nil {
		return err
	}
	for _, p := range b.waiting {
		p.decision = b.last
		r.queue <- p
	}
	b.waiting, b.chains = nil, 0
	return nil
}

// window returns the earliest window of the chains: that of all of them, unless the run was killed while their checkpoints were set.
func (p *pack) window() int {
	window := p.chains[0].Window()
	for _, c := range p.chains {
		window = min(window, c.Window())
	}
	return window
}

// waits reports whether the pack can't go on without a decision: the chains in the earliest window, which go first, wait for one.
func (p *pack) waits() bool {
	window := p.window()
	return p.all(func(c *chain.Chain) bool { return c.Window() > window || c.Waiting() })
}

// takeDecision tells the chains what was decided, those that have yet to hear it.
func (p *pack) takeDecision(program *chain.Program) error {
	d := p.decision
	p.decision = nil
	if d == nil {
		return nil
	}
	var chains []*chain.Chain
	for _, c := range p.chains {
		if c.Waiting() && c.Window() == d.Window {
			chains = append(chains, c)
		}
	}
	return program.Decide(chains, d)
}
