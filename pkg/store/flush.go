package store

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// SetCheckpoint takes a copy of a chain's checkpoint; the next Flush makes it durable, after the draws it covers.
func (w *Writer) SetCheckpoint(c *Checkpoint) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Chain < 0 || c.Chain >= len(w.chains) {
		return fmt.Errorf("store: checkpoint of chain %d of a run of %d chains", c.Chain, len(w.chains))
	}
	if next := w.chains[c.Chain].next; c.Warmup > next[Warmup] || c.Draws > next[Sampling] || c.Warmup < 0 || c.Draws < 0 {
		return fmt.Errorf("store: checkpoint of chain %d covers %d warmup and %d sampling draws of the %d and %d appended",
			c.Chain, c.Warmup, c.Draws, next[Warmup], next[Sampling])
	}
	c.set(&w.staged[c.Chain])
	w.unsaved = true
	return nil
}

// Time has the checkpoint file say how long the run has taken: took is called whenever it is written and returns the times
// of the whole run until then. It must not call the Writer.
func (w *Writer) Time(took func() Seconds) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = took
}

// Flush makes all draws appended and all checkpoints set durable: one segment, then the checkpoint file.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

// flushShare bounds the share of the time that goes into FlushDue: the states of 100,000 chains are half a gigabyte.
const flushShare = 0.05

// FlushDue does what Flush does if Options.SegmentInterval has passed since the last time it did, or since its first
// call, and more where that took long. Set the chains' checkpoints before it.
func (w *Writer) FlushDue(now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lastFlush.IsZero() {
		w.lastFlush = now
	}
	if now.Sub(w.lastFlush) < max(w.opts.SegmentInterval, time.Duration(float64(w.flushTook)/flushShare)) {
		return nil
	}
	begin := time.Now()
	if err := w.flush(); err != nil {
		return err
	}
	w.lastFlush, w.flushTook = now, time.Since(begin)
	return nil
}

// writeHeld writes the rows held as a segment.
func (w *Writer) writeHeld() error {
	var batches []rows
	for c := range w.chains {
		batches = w.chains[c].batches(batches, c, w.cols)
	}
	if len(batches) == 0 {
		return nil
	}
	path := filepath.Join(w.dir, segmentName(w.segment))
	err := atomicFile(w.fsys, path, func(out io.Writer) error {
		return writeSegment(out, w.schema, w.cols, batches)
	})
	if err != nil {
		return err
	}
	w.segment++
	for c := range w.chains {
		w.chains[c].empty()
	}
	w.held = 0
	return nil
}

func (w *Writer) flush() error {
	if err := w.writeHeld(); err != nil || !w.unsaved {
		return err
	}
	err := atomicFile(w.fsys, filepath.Join(w.dir, checkpointFile), func(out io.Writer) error {
		return writeCheckpoints(out, w.run.ID, w.took(), w.staged)
	})
	if err == nil {
		w.unsaved = false
	}
	return err
}

// Finish flushes and records how the run ended: its state, the error that ended it (or nil), and what change sets (nil
// for nothing), which is the place for times and counts. It returns what could not be written; a run whose last draws could
// not be is Failed.
func (w *Writer) Finish(state State, cause error, change func(*Run)) error {
	flushed := w.Flush()
	if flushed != nil && cause == nil {
		state, cause = Failed, flushed
	}
	return errors.Join(flushed, w.Update(func(r *Run) {
		r.State, r.Error = state, ""
		if cause != nil {
			r.Error = cause.Error()
		}
		if change != nil {
			change(r)
		}
	}))
}

// Close releases the directory. It does not flush: what was appended since the last Flush is lost.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lock == nil {
		return nil
	}
	err := w.lock.release()
	w.lock = nil
	if w.old != nil {
		err = errors.Join(err, w.old.Close())
	}
	return err
}
