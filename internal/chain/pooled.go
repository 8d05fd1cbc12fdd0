package chain

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// windows returns those of the chain's warmup: as its last decision has them, or as planned.
func (c *Chain) windows() []adapt.Window {
	if c.decision != nil {
		return c.decision.Windows
	}
	return c.p.windows
}

// windowEnd returns the number of the transition before which the window of a chain in warmup ends.
func (c *Chain) windowEnd() uint32 { return uint32(c.windows()[c.window].Last + 1) }

// warmupEnd returns the number of transitions of warmup.
func (c *Chain) warmupEnd() uint32 {
	if w := c.windows(); len(w) > 0 {
		return uint32(w[len(w)-1].Last + 1)
	}
	return 0
}

// waits reports whether a chain whose next transition has the given number has to wait for a decision before it.
func (c *Chain) waits(draw uint32) bool {
	return !c.Warm() && c.windows()[c.window].Kind.Barrier() && draw >= c.windowEnd()
}

// Waiting reports whether a chain outside Advance is at a barrier of pooled warmup: it goes on after Program.Decide.
func (c *Chain) Waiting() bool {
	return c.started && !c.isRunning() && c.waits(uint32(c.number(c.p.layout.draw)))
}

// Decision returns the last decision that the chain has had, nil before the first one. It is not to be changed.
func (c *Chain) Decision() *adapt.Decision { return c.decision }

// Report returns what a waiting chain tells about the window that ends.
func (p *Program) Report(c *Chain) adapt.Report {
	numbers := func(name string) []float64 { return p.floats(c, "Adapt."+name) }
	moments := func(name string) adapt.Moments {
		mean := numbers(name + ".Mean")
		if mean == nil {
			return adapt.Moments{}
		}
		return adapt.Moments{Count: numbers(name + ".Count")[0], Mean: mean, M2: numbers(name + ".M2")}
	}
	r := adapt.Report{
		Chain: c.index, LogStepSize: numbers("Step.Average")[0],
		LogDensity: moments("Window.LogDensity"), Positions: moments("Window.Positions"), Gradients: moments("Window.Gradients"),
	}
	r.AcceptanceRate = numbers("Window.AcceptanceRate")[0] / r.Positions.Count
	return r
}

// floats returns a part of a chain's state by its name; nil where the program has none.
func (p *Program) floats(c *Chain, name string) []float64 {
	i := p.layout.named(name)
	if i < 0 {
		return nil
	}
	param := p.layout.params[i]
	return engine.ArrayOf(param.DType, param.Shape, c.part(i)).Float64s()
}

// setFloats sets a part of a chain's state, rounded to its type.
func (p *Program) setFloats(c *Chain, name string, x []float64) {
	i := p.layout.named(name)
	param := p.layout.params[i]
	copy(c.part(i), engine.Bytes(tensor.ArrayOf(param.DType, param.Shape, x)))
}

// Decide gives chains, at most a batch of them, the decision that they wait for, and moves them to the next window, or to sampling.
func (p *Program) Decide(chains []*Chain, d *adapt.Decision) error {
	for _, c := range chains {
		if !c.Waiting() || c.window != d.Window {
			return fmt.Errorf("chain %d: a decision about window %d of warmup comes in window %d, or before its end", c.index, d.Window, c.window)
		}
		if n := len(d.InverseMass); n != p.metricSize() {
			return fmt.Errorf("chain %d: a decision has an inverse mass matrix of %d elements, want %d", c.index, n, p.metricSize())
		}
	}
	for _, c := range chains {
		p.apply(c, d)
	}
	if d.Search && p.cfg.StepSize == 0 {
		if err := p.tuner.tune(chains, occasionStart); err != nil {
			return err
		}
	}
	for _, c := range chains {
		c.home = nil
		if c.Warm() {
			p.beginSampling(c)
		}
		c.refreshStatus()
	}
	return nil
}

// metricSize returns the number of elements of the inverse mass matrix that decisions have.
func (p *Program) metricSize() int {
	if p.cfg.Metric == adapt.MetricUnit {
		return 0
	}
	return tensor.NumElements(p.layout.params[p.layout.named("Adapt.Factor")].Shape)
}

// apply changes the adaptation state of a chain as a decision says. Dual averaging goes on from the common step size, about which it is
// centred from now on, with the gain of the draws it has had.
func (p *Program) apply(c *Chain, d *adapt.Decision) {
	if d.InverseMass != nil {
		p.setFloats(c, "Adapt.Factor", adapt.PooledFactor(d.InverseMass, p.bundle.Manifest.Dimension))
	}
	if p.cfg.StepSize == 0 {
		p.setFloats(c, "Adapt.StepSize", []float64{d.StepSize})
		p.setFloats(c, "Adapt.Step.Center", []float64{d.LogStepSize})
		p.setFloats(c, "Adapt.Step.Average", []float64{d.LogStepSize})
		p.setFloats(c, "Adapt.Step.Error", []float64{0})
	}
	for _, i := range p.layout.window {
		clear(c.part(i))
	}
	c.decision, c.window = d, d.Next()
}

// fits reports whether a chain of the program can be in a window of warmup after a decision, nil for none.
func (p *Program) fits(window int, d *adapt.Decision) bool {
	if d == nil {
		return window <= len(p.windows)
	}
	return d.Window < window && window <= len(d.Windows)
}

// parseDecision returns the decision of a checkpoint, nil where it has none; ok is false where it can't be one of the program's.
func (p *Program) parseDecision(b []byte) (d *adapt.Decision, ok bool) {
	if len(b) == 0 {
		return nil, true
	}
	d, err := adapt.ParseDecision(b)
	return d, err == nil && p.cfg.Pooled && len(d.InverseMass) == p.metricSize()
}

// superchain returns the number that keys a chain's start.
func (p *Program) superchain(c *Chain) uint32 { return uint32(c.index / max(1, p.cfg.Superchain)) }
