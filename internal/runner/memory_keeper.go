package runner

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/drey-sampler/drey/pkg/store"
)

// memoryKeeper keeps the blocks of a run in memory. Each pack has one lineage, for the coordinator does not outlive the worker.
type memoryKeeper struct {
	mu     sync.Mutex // guards the fields below
	memory *memory
	heads  map[uint32]*head
	counts store.RunCounts
	ledger store.Ledger
}

// head is the last block of a pack.
type head struct {
	blocks uint64
	digest [sha256.Size]byte
	state  []byte
}

var _ keeper = (*memoryKeeper)(nil)

func newMemoryKeeper(m *memory, packs int) *memoryKeeper {
	k := &memoryKeeper{memory: m, heads: map[uint32]*head{}}
	k.ledger.Heads = make([]store.Head, packs)
	return k
}

// Run returns the run's description.
func (k *memoryKeeper) Run() store.Run {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.memory.run
}

// Update changes it.
func (k *memoryKeeper) Update(change func(*store.Run)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.memory.run)
	return nil
}

// Needs reports whether a block is not kept yet.
func (k *memoryKeeper) Needs(pack uint32, index uint64, _ [sha256.Size]byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.heads[pack]
	return h == nil || index >= h.blocks
}

// Write keeps blocks, each pack's in their order.
func (k *memoryKeeper) Write(blocks []store.Block) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range blocks {
		b := &blocks[i]
		h := k.heads[b.Pack]
		if h == nil {
			h = &head{}
			k.heads[b.Pack] = h
		}
		if b.Index != h.blocks {
			return fmt.Errorf("runner: block %d of pack %d comes after %d blocks", b.Index, b.Pack, h.blocks)
		}
		*h = head{b.Index + 1, b.Digest, b.State}
		if b.Phase == store.Warmup {
			k.counts.WarmupLeapfrogs += int64(b.Leapfrogs)
		} else {
			run := &k.memory.run
			leapfrogs, divergences := b.Count(int(max(0, int64(run.Settings.Draws)-b.First)), &run.Schema, run.Settings.Thin)
			k.counts.Leapfrogs, k.counts.Divergences = k.counts.Leapfrogs+leapfrogs, k.counts.Divergences+divergences
		}
		if b.Columns != nil {
			k.memory.add(b)
		}
	}
	return nil
}

// State returns the state after the last block of a pack.
func (k *memoryKeeper) State(pack uint32, digest [sha256.Size]byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h := k.heads[pack]; h != nil && h.digest == digest {
		return h.state, nil
	}
	return nil, fmt.Errorf("runner: pack %d has no block %x", pack, digest[:8])
}

// Unfinished returns nil: nobody goes on with a run in memory.
func (k *memoryKeeper) Unfinished(uint32, uint64, [sha256.Size]byte) ([]byte, error) { return nil, nil }

// DropStates does nothing: there is one state of each pack.
func (k *memoryKeeper) DropStates() error { return nil }

// Has reports whether a block is the last that is kept of its pack.
func (k *memoryKeeper) Has(pack uint32, digest [sha256.Size]byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.heads[pack]
	return h != nil && h.digest == digest
}

// Ledger returns what SetLedger has set last.
func (k *memoryKeeper) Ledger() store.Ledger {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ledger
}

// SetLedger takes the number of draws that count; what was made beyond them is left out.
func (k *memoryKeeper) SetLedger(l store.Ledger) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ledger, k.memory.limit = l, int(l.Draws)
	return nil
}

// Counts returns the totals over the blocks.
func (k *memoryKeeper) Counts() (store.RunCounts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.counts, nil
}

// Close does nothing.
func (k *memoryKeeper) Close() error { return nil }
