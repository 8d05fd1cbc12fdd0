package store

import (
	"errors"
	"fmt"
)

// Resume opens the run in dir to go on with it: Checkpoints says from where.
func Resume(dir string, opts Options) (*Writer, error) {
	if _, err := ReadRun(dir); err != nil { // before a lock file is made in a directory that is no run's
		return nil, err
	}
	if HasLedger(dir) {
		return nil, fmt.Errorf("store: %s is the run of a cluster: its coordinator goes on with it", dir)
	}
	l, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	w, err := resume(dir, opts)
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	w.lock = l
	return w, nil
}

func resume(dir string, opts Options) (*Writer, error) {
	old, err := Open(dir)
	if err != nil {
		return nil, err
	}
	w, err := newWriter(dir, *old.Run(), opts)
	if err != nil {
		return nil, errors.Join(err, old.Close())
	}
	w.old = old
	w.segment = old.nextSegment()
	for c := range w.chains {
		for p := range Phase(phases) {
			n := int64(old.Lengths(p)[c])
			w.chains[c].next[p], w.chains[c].stored[p] = n, n
		}
	}
	if _, w.staged, err = readCheckpoints(dir, &w.run); err != nil {
		return nil, errors.Join(err, old.Close())
	}
	for c, cp := range w.staged {
		if cp == nil {
			continue
		}
		if stored := w.chains[c].stored; cp.Warmup > stored[Warmup] || cp.Draws > stored[Sampling] {
			err := fmt.Errorf("store: %s: the checkpoint of chain %d covers %d warmup and %d sampling draws, the segments hold %d and %d: a segment is missing",
				dir, c, cp.Warmup, cp.Draws, stored[Warmup], stored[Sampling])
			return nil, errors.Join(err, old.Close())
		}
	}
	return w, nil
}

// Checkpoints returns the latest checkpoint of each chain, nil for a chain that has none and starts afresh. The
// elements are copies.
func (w *Writer) Checkpoints() []*Checkpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]*Checkpoint, len(w.staged))
	for i, c := range w.staged {
		if c != nil {
			c.set(&out[i])
		}
	}
	return out
}

// again checks a draw that was appended before: a resumed chain makes the draws after its checkpoint once more.
func (w *Writer) again(r *Row) error {
	b := &w.chains[r.Chain]
	same := false
	held := int64(b.n - b.warmup)
	at := int64(b.warmup) + r.Draw - (b.next[Sampling] - held)
	if r.Phase == Warmup {
		held = int64(b.warmup)
		at = r.Draw - (b.next[Warmup] - held)
	}
	switch {
	case r.Draw >= b.next[r.Phase]-held:
		same = b.equal(w.cols, int(at), w.row, w.compare)
	case r.Draw < b.stored[r.Phase]:
		var err error
		if same, err = w.old.equal(r, w.cols, w.row, w.compare); err != nil {
			return err
		}
	default:
		return fmt.Errorf("store: chain %d: %s draw %d was appended and stored before", r.Chain, r.Phase, r.Draw)
	}
	if !same {
		return fmt.Errorf("store: %s: chain %d made %s draw %d again with other values than those stored: the run was made by another version of the program, or a file was changed",
			w.dir, r.Chain, r.Phase, r.Draw)
	}
	return nil
}
