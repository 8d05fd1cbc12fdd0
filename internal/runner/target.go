package runner

import (
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/store"
)

// target is where predictive draws go: a run directory or memory.
type target interface {
	// writer returns what a worker appends to.
	writer() chain.Sink
}

// diskTarget appends to a run directory.
type diskTarget struct{ w *store.Writer }

func (d diskTarget) writer() chain.Sink {
	run := d.w.Run()
	s := &rowWriter{w: d.w, row: store.Row{Values: make([][]byte, len(run.Schema.Sites))}}
	for i := range run.Schema.Sites {
		site := &run.Schema.Sites[i]
		s.width = append(s.width, site.Size()*site.DType.Size())
	}
	return s
}

// rowWriter hands a batch to a store.Writer row by row.
type rowWriter struct {
	w     *store.Writer
	row   store.Row
	width []int // bytes of each site
}

func (s *rowWriter) Append(b *chain.Batch) error {
	r := &s.row
	r.Chain, r.Phase = b.Chain, store.Sampling
	for k := range b.Len {
		r.Draw = b.First + int64(k)
		for i, n := range s.width {
			r.Values[i] = b.Values[i][k*n : (k+1)*n]
		}
		if err := s.w.Append(r); err != nil {
			return err
		}
	}
	return nil
}
