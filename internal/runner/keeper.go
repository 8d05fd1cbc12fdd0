package runner

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/store"
)

// keeper keeps the blocks of a run, and those that are unfinished: *store.BlockWriter, where its methods are described, or
// *memoryKeeper.
type keeper interface {
	sink.Keeper
	Unfinished(pack uint32, index uint64, previous [sha256.Size]byte) ([]byte, error)
	DropStates() error
}

// timed has the run's description say how long the run has taken, whenever it is written and every few seconds.
type timed struct {
	keeper
	seconds func() store.Seconds

	mu    sync.Mutex // guards the field below
	noted time.Time
}

// timesEvery is the time between two notes of the run's times while it goes on: what those of a killed run may lack.
const timesEvery = 5 * time.Second

func newTimed(k keeper, seconds func() store.Seconds) *timed {
	return &timed{keeper: k, seconds: seconds, noted: time.Now()}
}

// Update changes the run's description.
func (k *timed) Update(change func(*store.Run)) error {
	k.mu.Lock()
	k.noted = time.Now()
	k.mu.Unlock()
	return k.keeper.Update(func(r *store.Run) {
		change(r)
		r.Seconds = k.seconds()
	})
}

// SetLedger says what the ledger has.
func (k *timed) SetLedger(l store.Ledger) error {
	if err := k.keeper.SetLedger(l); err != nil {
		return err
	}
	k.mu.Lock()
	due := time.Since(k.noted) >= timesEvery
	k.mu.Unlock()
	if !due {
		return nil
	}
	return k.Update(func(*store.Run) {})
}

// Close does nothing: who opened what keeps the draws closes it.
func (k *timed) Close() error { return nil }
