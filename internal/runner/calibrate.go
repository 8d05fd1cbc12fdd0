package runner

import (
	"fmt"
	"math"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine/xla"
)

// choose takes XLA for a run of EngineAuto, and sets the width of packs, where a plugin of its is here and is faster than wasm by
// a short measurement, which Config.Notice is told of. Without a plugin nothing is measured, nor for a run that wasm has done
// before XLA has compiled. A run that wasm can't hold, whose data pass its memory, is XLA's.
func (p *plan) choose() error {
	platform, ok := accelerator()
	if p.cfg.Engine != EngineAuto || !ok {
		return nil
	}
	threads := min(p.cfg.workers(), p.cfg.Chains)
	c := choice{platform: platform, leapfrogs: typicalLeapfrogs * float64(p.cfg.Chains) * (float64(p.cfg.Warmup) + float64(p.cfg.Draws)*float64(p.cfg.Thin))}
	each := float64(p.bundle.Manifest.Dimension) / float64(threads)
	c.own = ownSeconds * each
	if platform == "cpu" {
		c.rest = restSeconds * each
	}
	if most, ok := workOf(p.bundle.LogDensity.Body); ok {
		if platform == "cpu" {
			c.least = most.algebra / most.all
		}
		if c.wasm = most.all / float64(threads); c.hopeless() {
			p.notify(fmt.Sprintf("engine auto: wasm: the run takes it no more than %s: XLA would be no sooner done", duration(c.onWasm())))
			return nil
		}
	}
	var err error
	if c.wasm, err = chain.GradientSeconds(p.engine, p.bundle, p.model.Columns, 1, threads, math.Inf(1)); err != nil {
		name := xla.Prefix + platform
		return p.use(platform, p.cfg.batch(name, p.cfg.workers()), fmt.Sprintf("engine auto: %s: %v", name, err))
	}
	if !c.hopeless() {
		if err := p.measure(&c); err != nil {
			p.notify(fmt.Sprintf("engine auto: wasm: %s%s does not work here: %v", xla.Prefix, platform, err))
			return nil
		}
	}
	width, why := c.winner()
	if width == 0 {
		p.notify(why)
		return nil
	}
	return p.use(platform, width, why)
}

// slowFirst is how much slower than wasm's XLA's first call of a gradient may be, which finds memory and wakes threads, for
// others to be worth their time.
const slowFirst = 5

// measure times XLA's gradients: in the packs of a run that asks for XLA, and in narrower ones, which fit into caches.
func (p *plan) measure(c *choice) error {
	eng, err := xla.Open(c.platform, xla.Config{})
	if err != nil {
		return err
	}
	widths := []int{p.cfg.batch(eng.Name(), p.cfg.workers())}
	if c.platform == "cpu" && p.cfg.Batch == 0 && widths[0] >= 4*leastPack {
		widths = append(widths, leastPack)
	}
	for _, width := range widths {
		packs := (p.cfg.Chains + width - 1) / width
		threads := min(p.cfg.workers(), packs)
		seconds, err := chain.GradientSeconds(eng, p.bundle, p.model.Columns, width, threads, slowFirst*float64(threads)*c.wasm)
		if err != nil {
			return err
		}
		c.packs = append(c.packs, packSpeed{width, seconds})
	}
	return nil
}

// use takes one of XLA's engines for the run.
func (p *plan) use(platform string, width int, why string) error {
	eng, err := xla.Open(platform, xla.Config{})
	if err != nil {
		return err
	}
	p.engine, p.cfg.Batch = eng, width
	p.setBatch()
	p.notify(why)
	return nil
}

func (p *plan) notify(line string) {
	if p.cfg.Notice != nil {
		p.cfg.Notice(line)
	}
}
