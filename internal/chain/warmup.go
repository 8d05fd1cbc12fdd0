package chain

import (
	"errors"
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// endWindow adapts chains, at most a batch of them, whose one window has ended, and moves them to the next, or to sampling.
// Those that are nil are left out.
func (p *Program) endWindow(chains []*Chain) error {
	windows, window := first(chains).windows(), first(chains).window
	if kind := windows[window].Kind; kind.AdaptsMetric() {
		occasion := occasionMove
		if kind.Searches() {
			occasion = occasionSearch
		}
		if err := p.tuner.tune(chains, occasion); err != nil {
			return err
		}
	}
	if window+1 == len(windows) {
		if err := p.tuner.tune(chains, occasionFinal); err != nil {
			return err
		}
	}
	for _, c := range chains {
		if c == nil {
			continue
		}
		if c.window++; c.Warm() {
			p.beginSampling(c)
		}
	}
	return nil
}

// beginSampling sets the counters of a chain where warmup has ended.
func (p *Program) beginSampling(c *Chain) {
	l := p.layout
	c.warmupLeapfrogs, c.warmupDivergences = c.number(l.leapfrogs), c.number(l.divergences)
	clear(c.part(l.skipped))
	c.status.warm.Store(true)
}

// Start gives a chain its first state, unless it has one.
func (p *Program) Start(c *Chain) error {
	if c.started {
		return nil
	}
	return p.startAll([]*Chain{c})
}

// startAll gives chains, at most a batch of them, their first states, unless they have one.
func (p *Program) startAll(chains []*Chain) error {
	var inits []*tensor.Func
	groups := map[*tensor.Func][]*Chain{}
	for _, c := range chains {
		if c.started {
			continue
		}
		init := c.start.Init
		if p.starters[init] == nil {
			return fmt.Errorf("chain %d: its start is none that the program was compiled for", c.index)
		}
		if groups[init] == nil {
			inits = append(inits, init)
		}
		groups[init] = append(groups[init], c)
	}
	for _, init := range inits {
		if err := p.begin(p.starters[init], groups[init]); err != nil {
			return err
		}
	}
	return nil
}

// begin gives chains of one starter their first states.
func (p *Program) begin(s *starter, chains []*Chain) error {
	if err := s.start(chains); err != nil {
		return err
	}
	for _, c := range chains {
		c.started = true
	}
	if p.cfg.StepSize == 0 {
		if err := p.tuner.tune(chains, occasionStart); err != nil {
			return err
		}
	}
	for _, c := range chains {
		if c.Warm() {
			p.beginSampling(c)
		}
		c.refreshStatus()
	}
	return nil
}

// FreeStarts frees what only Start needs, which holds a copy of the data.
func (p *Program) FreeStarts() error {
	var errs []error
	for _, s := range p.starters {
		s.mu.Lock()
		errs = append(errs, s.free())
		s.mu.Unlock()
	}
	return errors.Join(errs...)
}

// FreeTuner frees what only warmup needs, which holds a copy of the data.
func (p *Program) FreeTuner() error { return p.tuner.free() }
