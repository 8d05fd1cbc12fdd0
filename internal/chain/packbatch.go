package chain

import (
	"encoding/binary"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// packRows is a pack worker's memory for draws: those of all lanes as the session has them, and of one lane. Where the engine can
// set results aside, a goroutine hands them over while the session makes the next ones.
type packRows struct {
	rows
	values  [][]byte // of each site
	sizes   []int    // of their elements
	results []int    // of the run program, which hold draws
	keeper  engine.Keeper
	handed  []handed   // what is being handed over
	busy    chan error // its end; nil: nothing is on its way
}

// handed is the draws of a lane in the session's buffers.
type handed struct {
	lane, chain, rows int
	warmup            bool
	first             int64
}

func (r *packRows) init(p *Program, run engine.Session) {
	n, l := p.lanes(), p.layout
	r.rows.init(p)
	r.positions = make([]byte, n*len(r.positions))
	for i, at := range l.stats {
		r.raw[i] = make([]byte, n*len(r.raw[i]))
		if at >= 0 {
			r.results = append(r.results, at)
		}
	}
	for i, s := range p.sites {
		r.values = append(r.values, make([]byte, n*len(r.batch.Values[i])))
		r.sizes = append(r.sizes, tensor.ParseDType(s.DType).Size())
	}
	if len(r.values) > 0 {
		r.results = append(r.results, l.positions)
	}
	r.keeper, _ = run.(engine.Keeper)
}

// drain hands the draws in the session's buffers to the sink, a lane after another, and empties the buffers. It may return
// before they are handed over; handOver waits for that.
func (w *PackWorker) drain() error {
	if w.counters.mostRows() == 0 {
		return nil
	}
	if err := w.handOver(); err != nil {
		return err
	}
	r, most := &w.rows, w.counters.mostRows()
	w.take()
	if r.keeper == nil {
		if err := w.read(w.run.Get, most); err != nil {
			return err
		}
		return w.counters.empty(w.run, w.p.layout)
	}
	if err := r.keeper.Keep(r.results); err != nil {
		return err
	}
	busy := make(chan error, 1)
	r.busy = busy
	go func() { busy <- Guard(func() error { return w.read(r.keeper.Kept, most) }) }()
	return w.counters.empty(w.run, w.p.layout)
}

// handOver waits until all draws that were drained are handed over.
func (w *PackWorker) handOver() error {
	if w.rows.busy == nil {
		return nil
	}
	err := <-w.rows.busy
	w.rows.busy = nil
	return err
}

// take notes what the buffers hold, and counts it.
func (w *PackWorker) take() {
	r := &w.rows
	r.handed = r.handed[:0]
	for lane, c := range w.members {
		if c == nil || w.counters.row(lane) == 0 {
			continue
		}
		h := handed{lane: lane, chain: c.index, rows: w.counters.row(lane), warmup: !c.Warm()}
		kept := &c.kept
		if h.warmup {
			kept = &c.keptWarmup
		}
		h.first = *kept
		*kept += int64(h.rows)
		r.handed = append(r.handed, h)
	}
}

// read reads the first rows of all lanes and hands to the sink what take has noted.
func (w *PackWorker) read(get func(result int, dst []byte) error, count int) error {
	if err := w.readAll(get, count); err != nil {
		return err
	}
	b := &w.rows.batch
	for _, h := range w.rows.handed {
		b.Chain, b.Warmup, b.Len, b.First = h.chain, h.warmup, h.rows, h.first
		w.readLane(b, h.lane)
		if err := w.sink.Append(b); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads the statistics and transforms the positions of the first rows of all lanes.
func (w *PackWorker) readAll(get func(result int, dst []byte) error, count int) error {
	l, r := w.p.layout, &w.rows
	for i, at := range l.stats {
		if at < 0 {
			continue
		}
		if err := get(at, r.raw[i]); err != nil {
			return err
		}
	}
	if len(r.values) == 0 {
		return nil
	}
	if err := get(l.positions, r.positions); err != nil {
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
