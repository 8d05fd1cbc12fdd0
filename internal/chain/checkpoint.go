package chain

import (
	"encoding/binary"
	"fmt"
)

// CheckpointVersion is the version of what AppendState writes; RestoreState reads this one alone.
const CheckpointVersion uint32 = 2

// AppendState appends a started chain's state to dst: all that the chain needs to go on, in this program, as if it had
// never stopped. The format, little-endian: the window u32, the totals of warmup's leapfrogs and divergences and of draws
// handed over in warmup and after it, i64 each, the length u32 and bytes of the last decision of pooled warmup, the number of
// parts u32, and each part's length u32 and bytes.
func (c *Chain) AppendState(dst []byte) []byte {
	if !c.started {
		panic("chain: AppendState of a chain that has not begun")
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(c.window))
	for _, n := range []int64{c.warmupLeapfrogs, c.warmupDivergences, c.keptWarmup, c.kept} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(n))
	}
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	if c.decision != nil {
		dst = c.decision.Append(dst)
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c.parts)))
	for _, part := range c.parts {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(part)))
		dst = append(dst, part...)
	}
	return dst
}

// RestoreState gives a chain that has not begun the state that AppendState wrote. An error says that it was written by
// another program, or is damaged; the chain is then as it was.
func (c *Chain) RestoreState(version uint32, state []byte) error {
	if version != CheckpointVersion {
		return fmt.Errorf("chain %d: the checkpoint has version %d, this program reads %d: go on with the version that wrote it", c.index, version, CheckpointVersion)
	}
	d := decoder{rest: state}
	window := d.u32()
	var totals [4]int64
	for i := range totals {
		totals[i] = int64(d.u64())
	}
	decision, ok := c.p.parseDecision(d.bytes(int(d.u32())))
	parts := int(d.u32())
	if d.short || !ok || !c.p.fits(int(window), decision) || parts != len(c.parts) || min(totals[0], totals[1], totals[2], totals[3]) < 0 {
		return c.foreign()
	}
	fresh := make([][]byte, parts)
	for k := range fresh {
		fresh[k] = d.bytes(int(d.u32()))
		if d.short || len(fresh[k]) != len(c.parts[k]) {
			return c.foreign()
		}
	}
	if len(d.rest) != 0 {
		return c.foreign()
	}
	for k, part := range fresh {
		copy(c.parts[k], part)
	}
	c.window, c.decision = int(window), decision
	c.warmupLeapfrogs, c.warmupDivergences, c.keptWarmup, c.kept = totals[0], totals[1], totals[2], totals[3]
	clear(c.part(c.p.layout.row))
	c.started, c.home = true, nil
	c.refreshStatus()
	return nil
}

func (c *Chain) foreign() error {
	return fmt.Errorf("chain %d: the checkpoint does not fit the program: it was written by another model, other settings or another version, or it is damaged", c.index)
}

// decoder reads little-endian numbers; short says that there were too few bytes.
type decoder struct {
	rest  []byte
	short bool
}

func (d *decoder) bytes(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.short, n = true, 0
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) u32() uint32 {
	if b := d.bytes(4); len(b) == 4 {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.bytes(8); len(b) == 8 {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}
