package chain

import (
	"errors"
	"fmt"
)

// endWindow adapts a chain whose window has ended, and moves it to the next, or to sampling.
func (p *Program) endWindow(c *Chain) error {
	if kind := p.windows[c.window].Kind; kind.AdaptsMetric() {
		occasion := occasionMove
		if kind.Searches() {
			occasion = occasionSearch
		}
		if err := p.tuner.tune(c, occasion); err != nil {
			return err
		}
	}
	c.window++
	if !c.Warm() {
		return nil
	}
	if err := p.tuner.tune(c, occasionFinal); err != nil {
		return err
	}
	p.beginSampling(c)
	return nil
}

// beginSampling sets the counters of a chain where warmup has ended.
func (p *Program) beginSampling(c *Chain) {
	l := p.layout
	c.warmupLeapfrogs, c.warmupDivergences = c.number(l.leapfrogs), c.number(l.divergences)
	clear(c.part(l.skipped))
	c.status.warm.Store(true)
}

// begin gives a chain its first state.
func (p *Program) begin(c *Chain) error {
	starter := p.starters[c.start.Init]
	if starter == nil {
		return fmt.Errorf("chain %d: its start is none that the program was compiled for", c.index)
	}
	if err := starter.start(c); err != nil {
		return err
	}
	c.started = true
	if p.cfg.StepSize == 0 {
		if err := p.tuner.tune(c, occasionStart); err != nil {
			return err
		}
	}
	if c.Warm() {
		p.beginSampling(c)
	}
	return nil
}

// Start gives a chain its first state, unless it has one.
func (p *Program) Start(c *Chain) error {
	if c.started {
		return nil
	}
	if err := p.begin(c); err != nil {
		return err
	}
	c.refreshStatus()
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
