package runner

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/store"
)

// memory keeps a run's draws. Who appends draws of a chain is alone with it; readers come later.
type memory struct {
	run   store.Run
	limit int          // of draws of sampling
	sites []store.Site // statistics, then sites
	parts [2][]part    // by phase, then chain
}

// part is the draws of a chain in a phase, in pieces one after another.
type part struct {
	pieces []piece
	n      int // draws
}

// piece is some draws: a column each, elements little-endian as in a segment before packing.
type piece struct {
	first, n int
	columns  [][]byte
}

// add adds a piece of n draws.
func (p *part) add(n int, columns [][]byte) {
	p.pieces = append(p.pieces, piece{p.n, n, columns})
	p.n += n
}

// find returns the piece that a draw is in.
func (p *part) find(draw int) *piece {
	return &p.pieces[sort.Search(len(p.pieces), func(i int) bool { return p.pieces[i].first > draw })-1]
}

func newMemory(run store.Run) *memory {
	m := &memory{run: run, limit: run.Settings.Draws}
	if run.Schema.SampleStats {
		m.sites = append(m.sites, store.StatSites()...)
	}
	m.sites = append(m.sites, run.Schema.Sites...)
	for phase := range m.parts {
		m.parts[phase] = make([]part, run.Settings.Chains)
	}
	return m
}

// width returns the bytes of column i in a row.
func (m *memory) width(i int) int { return m.sites[i].Size() * m.sites[i].DType.Size() }

func (m *memory) writer() chain.Sink { return m }

// Append adds a batch of predictive draws, which have no statistics, to its chain.
func (m *memory) Append(b *chain.Batch) error {
	columns := make([][]byte, len(b.Values))
	for i, v := range b.Values {
		columns[i] = bytes.Clone(v[:b.Len*m.width(i)])
	}
	m.parts[store.Sampling][b.Chain].add(b.Len, columns)
	return nil
}

// add adds a block to its chains, whose columns are the memory's from then on. What is beyond the draws of the run is not shown.
func (m *memory) add(b *store.Block) {
	for c := range b.Chains {
		p := &m.parts[b.Phase][b.Chain+c]
		columns := make([][]byte, len(b.Columns))
		for i, col := range b.Columns {
			n := b.Draws * m.width(i)
			columns[i] = col[c*n : (c+1)*n]
		}
		p.add(b.Draws, columns)
	}
}

func (m *memory) Run() *store.Run { return &m.run }
func (m *memory) Close() error    { return nil }

func (m *memory) lengths(phase store.Phase) (lo, hi int) {
	lo = math.MaxInt
	for i := range m.parts[phase] {
		n := m.parts[phase][i].n
		if phase == store.Sampling {
			n = min(n, m.limit)
		}
		lo, hi = min(lo, n), max(hi, n)
	}
	return lo, hi
}

func (m *memory) Len(phase store.Phase) int {
	lo, _ := m.lengths(phase)
	return lo
}

func (m *memory) Notice(phase store.Phase) string {
	lo, hi := m.lengths(phase)
	if lo == hi {
		return ""
	}
	return fmt.Sprintf("the chains have %d to %d %s draws: the first %d of each are used", lo, hi, phase, lo)
}

func (m *memory) Site(name string, phase store.Phase) (Array, error) {
	for i := len(m.sites) - len(m.run.Schema.Sites); i < len(m.sites); i++ {
		if m.sites[i].Name == name {
			return &memoryArray{m, phase, i}, nil
		}
	}
	return nil, fmt.Errorf("the run has no site %q", name)
}

func (m *memory) Stat(name string, phase store.Phase) (Array, error) {
	for i, s := range m.sites[:len(m.sites)-len(m.run.Schema.Sites)] {
		if s.Name == name {
			return &memoryArray{m, phase, i}, nil
		}
	}
	return nil, fmt.Errorf("there is no sample statistic %q", name)
}

// memoryArray is column i of a memory.
type memoryArray struct {
	m     *memory
	phase store.Phase
	i     int
}

func (a *memoryArray) Site() store.Site { return a.m.sites[a.i] }

func (a *memoryArray) Shape() []int {
	return slices.Concat([]int{len(a.m.parts[a.phase]), a.m.Len(a.phase)}, a.m.sites[a.i].Shape)
}

func (a *memoryArray) At(index ...int) float64 {
	shape := a.Shape()
	if len(index) != len(shape) {
		panic(fmt.Sprintf("runner: At of %s with %d indices for shape %v", a.Site().Name, len(index), shape))
	}
	element := 0
	for k, i := range index {
		if i < 0 || i >= shape[k] {
			panic(fmt.Sprintf("runner: At of %s: index %v is outside shape %v", a.Site().Name, index, shape))
		}
		if k >= 2 {
			element = element*shape[k] + i
		}
	}
	return a.element(index[0], index[1], element)
}

func (a *memoryArray) element(chain, draw, element int) float64 {
	p := a.m.parts[a.phase][chain].find(draw)
	return a.of(p, draw-p.first, element)
}

// of returns an element of a row of a piece.
func (a *memoryArray) of(p *piece, row, element int) float64 {
	s := &a.m.sites[a.i]
	return elementOf(s.DType, p.columns[a.i][row*a.m.width(a.i)+element*s.DType.Size():])
}

func (a *memoryArray) Element(element int) ([][]float64, error) {
	out := make([][]float64, len(a.m.parts[a.phase]))
	n := a.m.Len(a.phase)
	for c := range out {
		out[c] = make([]float64, 0, n)
		for i := range a.m.parts[a.phase][c].pieces {
			p := &a.m.parts[a.phase][c].pieces[i]
			for row := range min(p.n, n-len(out[c])) {
				out[c] = append(out[c], a.of(p, row, element))
			}
		}
	}
	return out, nil
}

func (a *memoryArray) Draw(dst []float64, chain, draw int) error {
	p := a.m.parts[a.phase][chain].find(draw)
	for i := range dst {
		dst[i] = a.of(p, draw-p.first, i)
	}
	return nil
}

// elementOf reads one little-endian element as a float64; 64-bit integers round.
func elementOf(d store.DType, b []byte) float64 {
	switch d {
	case store.F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case store.F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case store.I64:
		return float64(int64(binary.LittleEndian.Uint64(b)))
	case store.U64:
		return float64(binary.LittleEndian.Uint64(b))
	case store.I32:
		return float64(int32(binary.LittleEndian.Uint32(b)))
	case store.U32:
		return float64(binary.LittleEndian.Uint32(b))
	}
	return float64(b[0])
}
