package store

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// Compact writes the draws of a run to dir, a new directory that stands for itself: a finished run's, in segments of many draws,
// without what a ledger does not name, with the copies of its inputs and nothing to go on from. It returns the names of its files, that
// of run.json last: written in this order to another place they are no run until they are all there.
func (r *Reader) Compact(dir string, opts Options) (names []string, err error) {
	run := *r.run
	if r.ledger != nil {
		if run.Counts, err = r.Counts(); err != nil {
			return nil, err
		}
	}
	w, err := Create(dir, run, r.copies(), false, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	c := compaction{r: r, w: w}
	for chain := range run.Settings.Chains {
		for _, phase := range []Phase{Warmup, Sampling} {
			if err := c.add(chain, phase); err != nil {
				return nil, err
			}
		}
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	if err := w.Update(func(n *Run) { n.State, n.Error = run.State, run.Error }); err != nil {
		return nil, err
	}
	for _, f := range run.Files {
		names = append(names, f.Name)
	}
	for i := range w.segment {
		names = append(names, segmentName(i))
	}
	return append(names, runFile), nil
}

// compaction is segments being written.
type compaction struct {
	r       *Reader
	w       *Writer
	batches []rows
	held    int // bytes of them
}

// add takes the draws of a chain that all chains have.
func (c *compaction) add(chain int, phase Phase) error {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	return c.r.along(phase, chain, 0, c.r.Len(phase), func(b *block, row, n int) error {
		out := rows{chain: chain, chains: 1, phase: phase, first: b.first + int64(row-b.at(chain)), n: n}
		for col := range c.r.cols {
			v, err := c.r.whole(b, col)
			if err != nil {
				return err
			}
			out.cols = append(out.cols, v.appendRaw(nil, c.r.cols[col].width, row, n))
		}
		c.batches = append(c.batches, out)
		if c.held += n * c.r.run.Schema.RowBytes(); c.held >= c.w.opts.BufferBytes {
			return c.flush()
		}
		return nil
	})
}

// flush writes a segment. Neighbouring draws of a chain become one batch.
func (c *compaction) flush() error {
	if len(c.batches) == 0 {
		return nil
	}
	var joined []rows
	for _, b := range c.batches {
		if k := len(joined) - 1; k >= 0 && joined[k].chain == b.chain && joined[k].phase == b.phase {
			joined[k].n += b.n
			for i := range b.cols {
				joined[k].cols[i] = append(joined[k].cols[i], b.cols[i]...)
			}
			continue
		}
		joined = append(joined, b)
	}
	path := filepath.Join(c.w.dir, segmentName(c.w.segment))
	err := atomicFile(c.w.fsys, path, func(out io.Writer) error { return writeSegment(out, c.w.schema, c.w.cols, joined) })
	if err != nil {
		return fmt.Errorf("store: compact %s: %w", c.r.dir, err)
	}
	c.w.segment++
	c.batches, c.held = nil, 0
	return nil
}
