package runner

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// cuts are the blocks that chains were within when the run was interrupted: the draws of a block that is cut off are read like
// others, and whoever goes on with the run goes on within it.
type cuts struct {
	keeper keeper

	mu   sync.Mutex // guards the field below
	made []*worker.Cut
}

var _ worker.Cuts = (*cuts)(nil)

// Keep implements worker.Cuts.
func (c *cuts) Keep(x *worker.Cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, x)
}

// Kept implements worker.Cuts.
func (c *cuts) Kept(pack transport.PackID, index uint64, previous transport.Digest) (*worker.Cut, error) {
	raw, err := c.keeper.Unfinished(uint32(pack), index, previous)
	if raw == nil || err != nil {
		return nil, err
	}
	x, err := worker.DecodeCut(raw)
	if err == nil && (x.Pack != pack || x.Index != index || index > 0 && x.Previous != previous) {
		err = fmt.Errorf("runner: the unfinished block %d of pack %d is another's", index, pack)
	}
	return x, err
}

// write stores the blocks that follow what the ledger has.
func (c *cuts) write(l store.Ledger) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var blocks []store.Block
	for _, x := range c.made {
		if h := l.Heads[x.Pack]; x.Index != h.Blocks || h.Blocks > 0 && x.Previous != h.Digest {
			continue
		}
		b, err := blockOf(x)
		if err != nil {
			return err
		}
		blocks = append(blocks, b)
	}
	c.made = nil
	return c.keeper.Write(blocks)
}

// blockOf returns an unfinished block as the store has it, with the draws that there are of all its chains.
func blockOf(x *worker.Cut) (store.Block, error) {
	raw, err := x.Encode()
	if err != nil {
		return store.Block{}, err
	}
	c := x.Content
	out := store.Block{
		Pack: uint32(x.Pack), Index: x.Index, Previous: x.Previous, Digest: sha256.Sum256(raw), Chain: int(c.Chain), Chains: int(c.Chains),
		Phase: store.Sampling, First: int64(c.First), Leapfrogs: uint64(x.Leapfrogs), Divergences: uint32(x.Divergences), State: raw, Cut: true,
	}
	if c.Warmup {
		out.Phase = store.Warmup
	}
	n := int(slices.Min(x.Have))
	if n == 0 || len(c.Columns) == 0 {
		return out, nil
	}
	out.Draws = n
	for _, col := range c.Columns {
		width := int(col.Elements) * col.DType.Size()
		var data []byte
		for rows := range slices.Chunk(col.Data, int(c.Draws)*width) {
			data = append(data, rows[:n*width]...)
		}
		out.Columns = append(out.Columns, data)
	}
	return out, nil
}
