package chain

import (
	"encoding/binary"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Parameters of the transform program.
const (
	transformPositions = iota
	transformRows
	transformValues
)

// Batch is draws of a chain, one after another. Its slices have Len elements or more.
type Batch struct {
	Chain  int
	Warmup bool
	First  int64 // number of the first one, counted from 0 in each phase, kept draws only
	Len    int

	LogDensity, Energy, AcceptanceRate, StepSize []float64
	Diverging                                    []bool
	TreeDepth, Steps                             []int32  // TreeDepth is 0 for a kernel without trees
	Values                                       [][]byte // a site of Program.Sites each: its elements, row-major, a draw after another
}

// rows is a worker's memory for draws.
type rows struct {
	positions []byte
	count     [4]byte
	zero      [4]byte
	raw       [statCount][]byte
	batch     Batch
}

func (r *rows) init(p *Program) {
	n, l := p.capacity, p.layout
	r.positions = make([]byte, l.size(l.positions))
	for i, at := range l.stats {
		if at >= 0 {
			r.raw[i] = make([]byte, l.size(at))
		}
	}
	b := &r.batch
	b.LogDensity, b.Energy, b.AcceptanceRate, b.StepSize = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	b.Diverging, b.TreeDepth, b.Steps = make([]bool, n), make([]int32, n), make([]int32, n)
	for _, s := range p.sites {
		size := tensor.ParseDType(s.DType).Size() * tensor.NumElements(s.Shape)
		b.Values = append(b.Values, make([]byte, n*size))
	}
}

// drain hands the draws in the session's buffers to the sink.
func (w *Worker) drain(c *Chain) error {
	n := w.counters.row
	if n == 0 {
		return nil
	}
	b := &w.rows.batch
	b.Chain, b.Warmup, b.Len, b.First = c.index, !c.Warm(), n, c.kept
	if b.Warmup {
		b.First = c.keptWarmup
	}
	if err := w.readStats(b); err != nil {
		return err
	}
	if err := w.readValues(b); err != nil {
		return err
	}
	if err := w.sink.Append(b); err != nil {
		return err
	}
	if b.Warmup {
		c.keptWarmup += int64(n)
	} else {
		c.kept += int64(n)
	}
	w.counters.row = 0
	return w.run.Put(kernels.ControlInputs+w.p.layout.row, w.rows.zero[:])
}

func (w *Worker) readStats(b *Batch) error {
	l, r := w.p.layout, &w.rows
	for i, at := range l.stats {
		if at < 0 {
			continue
		}
		if err := w.run.Get(at, r.raw[i]); err != nil {
			return err
		}
	}
	for i, dst := range map4(b) {
		d := l.params[l.stats[i]].DType
		for k := range b.Len {
			dst[k] = float(d, r.raw[i][k*d.Size():])
		}
	}
	for k := range b.Len {
		b.Diverging[k] = r.raw[statDiverging][k] != 0
		b.Steps[k] = int32(binary.LittleEndian.Uint32(r.raw[statSteps][4*k:]))
		if r.raw[statTreeDepth] != nil {
			b.TreeDepth[k] = int32(binary.LittleEndian.Uint32(r.raw[statTreeDepth][4*k:]))
		}
	}
	return nil
}

// map4 returns the floating-point statistics of a batch in the order of their indices, which are the first four.
func map4(b *Batch) [4][]float64 {
	return [4][]float64{b.LogDensity, b.Energy, b.AcceptanceRate, b.StepSize}
}

// readValues transforms the positions in the buffers.
func (w *Worker) readValues(b *Batch) error {
	l, r := w.p.layout, &w.rows
	if len(b.Values) == 0 {
		return nil
	}
	if err := w.run.Get(l.positions, r.positions); err != nil {
		return err
	}
	return r.transform(w.transform, b.Len, b.Values)
}

// transform maps the first count of the positions to values of sites.
func (r *rows) transform(s engine.Session, count int, values [][]byte) error {
	if err := s.Put(transformPositions, r.positions); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(r.count[:], uint32(count))
	if err := s.Put(transformRows, r.count[:]); err != nil {
		return err
	}
	if err := s.Run(); err != nil {
		return err
	}
	for i, v := range values {
		if err := s.Get(i, v); err != nil {
			return err
		}
	}
	return nil
}
