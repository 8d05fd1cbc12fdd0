package store

import (
	"errors"
	"io"
	"path/filepath"
)

// Flush makes all draws appended durable, in one segment.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writeHeld()
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
	return err
}
