package worker

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/transport"
)

// cursor is the place of a block in its pack: which one it is, and what it holds. The blocks of warmup are those of the
// manifest, from which a decision after a barrier may turn elsewhere; then come those of sampling.
type cursor struct {
	m        *transport.Manifest
	index    uint64 // of the block in its pack
	step     int    // of the manifest's warmup; beyond the last: sampling
	first    uint64 // number of its first draw in the phase
	decision uint64 // version that it is made under
	barrier  bool   // the block before waits for the next decision
}

// sampling reports whether the block is one of sampling.
func (c *cursor) sampling() bool { return c.step >= len(c.m.Warmup) }

// draws returns how many draws of each chain the block has.
func (c *cursor) draws() uint32 {
	if c.sampling() {
		return c.m.Block
	}
	return c.m.Warmup[c.step].Draws
}

// advance moves to the next block.
func (c *cursor) advance() {
	c.index++
	c.first += uint64(c.draws())
	if c.sampling() {
		return
	}
	c.barrier = c.m.Warmup[c.step].Barrier
	if !c.barrier {
		c.turn(c.step + 1)
	}
}

// turn goes on with a block of the manifest's warmup, or with sampling.
func (c *cursor) turn(step int) {
	if c.step = step; c.sampling() {
		c.first = 0
	}
}

// decide takes the decision that a barrier waits for.
func (c *cursor) decide(d *transport.Decision) error {
	if d.Version != c.decision+1 || !d.Sampling && uint64(d.Next) >= uint64(len(c.m.Warmup)) {
		return fmt.Errorf("worker: decision %d, with block %d of warmup to follow, after decision %d in a warmup of %d blocks", d.Version, d.Next, c.decision, len(c.m.Warmup))
	}
	c.decision, c.barrier = d.Version, false
	if d.Sampling {
		c.turn(len(c.m.Warmup))
	} else {
		c.turn(int(d.Next))
	}
	return nil
}
