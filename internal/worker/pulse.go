package worker

import (
	"context"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// pulse is what heartbeats tell of a worker.
type pulse struct {
	leapfrogs atomic.Int64
}

// count notes a block that was made.
func (p *pulse) count(l *lease, at *cursor, b *block) {
	p.leapfrogs.Add(b.leapfrogs)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress.Block = at.index + 1
	l.progress.Draws = at.first + uint64(at.draws())
	if at.first == 0 { // a phase begins
		l.progress.Divergences = 0
	}
	l.progress.Divergences += uint64(b.divergences)
}

// beat publishes heartbeats, one as soon as a program is compiled: its run may not last until the next.
func (w *worker) beat(ctx context.Context) error {
	ticker := time.NewTicker(beatTime)
	defer ticker.Stop()
	last, leapfrogs, busy := time.Now(), int64(0), int64(0)
	rate, share := 0.0, 0.0
	for sequence := uint64(0); ; sequence++ {
		select {
		case <-ctx.Done():
			return nil
		case <-w.asked.beat:
		case now := <-ticker.C:
			seconds := now.Sub(last).Seconds()
			n, b := w.pulse.leapfrogs.Load(), w.slots.busy.Load()
			rate, share = float64(n-leapfrogs)/seconds, time.Duration(b-busy).Seconds()/seconds/float64(w.cfg.Slots)
			last, leapfrogs, busy = now, n, b
		}
		m := &transport.Heartbeat{
			Worker: w.cfg.Name, Sequence: sequence, LeapfrogRate: rate, Busy: share, MemoryBytes: memoryBytes(), Compiled: w.runs.compiled(),
		}
		for _, l := range w.held() {
			l.mu.Lock()
			l.progress.Lease, l.progress.Uncommitted = l.LeaseRef, uint32(len(l.pending))
			m.Packs = append(m.Packs, l.progress)
			l.mu.Unlock()
		}
		if err := transport.Send(ctx, w.transport, m); err != nil && ctx.Err() == nil {
			w.note(nil, err)
		}
	}
}

// memoryBytes returns the memory that the Go runtime has from the system.
func memoryBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
