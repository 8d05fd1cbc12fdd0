package chain

import (
	"encoding/binary"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// packRows is a pack worker's memory for draws: those of all lanes as the session has them, and of one lane.
type packRows struct {
	rows
	values [][]byte // of each site
	sizes  []int    // of their elements
}

func (r *packRows) init(p *Program) {
	n := p.lanes()
	r.rows.init(p)
	r.positions = make([]byte, n*len(r.positions))
	for i := range r.raw {
		r.raw[i] = make([]byte, n*len(r.raw[i]))
	}
	for i, s := range p.sites {
		r.values = append(r.values, make([]byte, n*len(r.batch.Values[i])))
		r.sizes = append(r.sizes, tensor.ParseDType(s.DType).Size())
	}
}

// drain hands the draws in the session's buffers to the sink, a lane after another.
func (w *PackWorker) drain() error {
	most := w.counters.mostRows()
	if most == 0 {
		return nil
	}
	if err := w.readAll(most); err != nil {
		return err
	}
	b := &w.rows.batch
	for lane, c := range w.members {
		if c == nil || w.counters.row(lane) == 0 {
			continue
		}
		b.Chain, b.Warmup, b.Len, b.First = c.index, !c.Warm(), w.counters.row(lane), c.kept
		if b.Warmup {
			b.First = c.keptWarmup
		}
		w.readLane(b, lane)
		if err := w.sink.Append(b); err != nil {
			return err
		}
		if b.Warmup {
			c.keptWarmup += int64(b.Len)
		} else {
			c.kept += int64(b.Len)
		}
	}
	return w.counters.empty(w.run, w.p.layout)
}

// readAll reads the statistics and transforms the positions of the first rows of all lanes.
func (w *PackWorker) readAll(count int) error {
	l, r := w.p.layout, &w.rows
	for i, at := range l.stats {
		if at < 0 {
			continue
		}
		if err := w.run.Get(at, r.raw[i]); err != nil {
			return err
		}
	}
	if len(r.values) == 0 {
		return nil
	}
	if err := w.run.Get(l.positions, r.positions); err != nil {
		return err
	}
	return r.transform(w.transform, count, r.values)
}

// readLane takes the draws of a lane out of what readAll has read.
func (w *PackWorker) readLane(b *Batch, lane int) {
	l, r, n := w.p.layout, &w.rows, w.lanes.width
	for i, dst := range map4(b) {
		d := l.params[l.stats[i]].DType
		for k := range b.Len {
			dst[k] = float(d, r.raw[i][(k*n+lane)*d.Size():])
		}
	}
	for k := range b.Len {
		at := k*n + lane
		b.Diverging[k] = r.raw[statDiverging][at] != 0
		b.Steps[k] = int32(binary.LittleEndian.Uint32(r.raw[statSteps][4*at:]))
		if len(r.raw[statTreeDepth]) > 0 {
			b.TreeDepth[k] = int32(binary.LittleEndian.Uint32(r.raw[statTreeDepth][4*at:]))
		}
	}
	for i, v := range b.Values {
		collect(v[:len(v)/w.p.capacity*b.Len], r.values[i], lane, n, r.sizes[i])
	}
}
