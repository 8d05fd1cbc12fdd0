package worker

import "sync"

// backlog bounds how many blocks of all packs are being made, or made and not in the ledger: each has the memory of its draws and
// its chains' states.
type backlog struct {
	mu       sync.Mutex // guards the fields below
	free     int
	starving []*lease // that found none free, each once, the first to be told first
}

// take reserves a place for a block of a lease, whose mu is held; false if there is none: the lease is poked when there may be.
func (b *backlog) take(l *lease) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free > 0 {
		b.free--
		return true
	}
	if !l.starving {
		l.starving = true
		b.starving = append(b.starving, l)
	}
	return false
}

// give frees places. No lease's mu is held.
func (b *backlog) give(n int) {
	b.mu.Lock()
	b.free += n
	told := b.starving[:min(n, len(b.starving))]
	b.starving = b.starving[len(told):]
	b.mu.Unlock()
	for _, l := range told {
		l.mu.Lock()
		l.starving = false
		l.notify()
		l.mu.Unlock()
	}
}
