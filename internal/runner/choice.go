package runner

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
)

// What a choice of an engine reckons with besides what it measures.
const (
	// typicalLeapfrogs is the length of NUTS' trajectories, of 4 doublings. Where chains are longer or shorter, so they are on
	// both engines.
	typicalLeapfrogs = 15
	// compileSeconds is what XLA needs to load its plugin and to compile a sampler's programs (docs/engine.md).
	compileSeconds = 3.0
	// restSeconds and ownSeconds, times the length of the position, are what a leapfrog step takes XLA and wasm besides the
	// gradient, for a chain (of a pack) on one core of a processor: of the 10 dimensions of eight schools 0.2 and 0.1 µs
	// (docs/engine.md, docs/benchmarks.md). What is left out for GPUs and TPUs is a matter of launches, a few for all chains of a
	// pack.
	restSeconds = 0.02e-6
	ownSeconds  = 0.01e-6
	// advantage is how much less time a run must take on XLA by this reckoning, which errs by as much.
	advantage = 0.9
)

// choice is what decides between wasm and one of XLA's platforms.
type choice struct {
	leapfrogs float64 // of all chains, about
	platform  string
	rest, own float64 // seconds of a leapfrog step of a chain besides the gradient on XLA and on wasm
	wasm      float64 // seconds of a gradient of a chain, with all threads at work
	least     float64 // the share of that which a gradient takes XLA at least
	packs     []packSpeed
}

// packSpeed is the measured time of a gradient of a chain in packs of a width.
type packSpeed struct {
	width   int
	seconds float64
}

// onWasm returns the seconds of the run on wasm.
func (c *choice) onWasm() float64 { return c.leapfrogs * (c.wasm + c.own) }

// pays reports whether XLA is the faster one where a gradient of a chain takes it so many seconds.
func (c *choice) pays(gradient float64) bool {
	return compileSeconds+c.leapfrogs*(gradient+c.rest) < advantage*c.onWasm()
}

// hopeless reports whether XLA can't be the faster one with the fastest gradient that it may have.
func (c *choice) hopeless() bool { return !c.pays(c.least * c.wasm) }

// best returns the fastest width.
func (c *choice) best() packSpeed {
	out := c.packs[0]
	for _, p := range c.packs {
		if p.seconds < out.seconds {
			out = p
		}
	}
	return out
}

// winner returns the pack of XLA's that is faster than wasm, if one is, and says why.
func (c *choice) winner() (width int, why string) {
	wasm := fmt.Sprintf("a gradient of a chain takes wasm %s", duration(c.wasm))
	if c.hopeless() {
		reason := fmt.Sprintf("and the run about %s: XLA would be no sooner done", duration(c.onWasm()))
		return 0, fmt.Sprintf("engine auto: wasm: %s %s", wasm, reason)
	}
	p := c.best()
	name := xla.Prefix + c.platform
	measured := fmt.Sprintf("%s, %s in packs of %d %s", wasm, name, p.width, duration(p.seconds))
	if c.pays(p.seconds) {
		return p.width, fmt.Sprintf("engine auto: %s, packs of %d: %s", name, p.width, measured)
	}
	return 0, fmt.Sprintf("engine auto: wasm: %s", measured)
}

// duration writes seconds with three digits.
func duration(seconds float64) string {
	for _, u := range []struct {
		of   float64
		name string
	}{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}} {
		if seconds >= u.of {
			return fmt.Sprintf("%.3g %s", seconds/u.of, u.name)
		}
	}
	return fmt.Sprintf("%.3g ns", seconds*1e9)
}

// accelerator returns the platform of XLA's that is at hand, if this build has XLA and there is a plugin.
func accelerator() (platform string, ok bool) {
	if xla.Built() != nil {
		return "", false
	}
	platform, _, err := plugin.Best()
	return platform, err == nil
}
