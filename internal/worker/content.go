package worker

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/transport"
)

// statistics are the columns that stand before those of the sites, under ArviZ's names.
var statistics = []transport.Column{
	{Name: "lp", DType: transport.F64, Elements: 1}, {Name: "energy", DType: transport.F64, Elements: 1},
	{Name: "diverging", DType: transport.Bool, Elements: 1},
	{Name: "acceptance_rate", DType: transport.F64, Elements: 1}, {Name: "step_size", DType: transport.F64, Elements: 1},
	{Name: "tree_depth", DType: transport.I32, Elements: 1}, {Name: "n_steps", DType: transport.I32, Elements: 1},
}

// dtypes are the wire's types of elements.
var dtypes = map[tensor.DType]transport.DType{
	tensor.F64: transport.F64, tensor.F32: transport.F32, tensor.I64: transport.I64, tensor.I32: transport.I32,
	tensor.U64: transport.U64, tensor.U32: transport.U32, tensor.Bool: transport.Bool,
}

// columnsOf returns the columns of a block whose draws are kept, without data.
func columnsOf(sites []model.SiteInfo) []transport.Column {
	out := append([]transport.Column(nil), statistics...)
	for _, s := range sites {
		out = append(out, transport.Column{Name: s.Name, DType: dtypes[tensor.ParseDType(s.DType)], Elements: uint32(tensor.NumElements(s.Shape))})
	}
	return out
}

// collector puts the draws of a pack's chains, in whatever pieces they come, where they belong in a block.
type collector struct {
	*transport.Content
	widths []int // bytes of a draw in each column
	have   []uint32
}

// collect returns a collector of a block that has no draws yet. The columns' memory is taken where it suffices, else it is one piece.
func collect(c *transport.Content, columns []transport.Column) *collector {
	s := &collector{Content: c, have: make([]uint32, c.Chains), widths: make([]int, len(columns))}
	rows, row, suffices := int(c.Chains)*int(c.Draws), 0, true
	for i, col := range columns {
		s.widths[i] = int(col.Elements) * col.DType.Size()
		row, suffices = row+s.widths[i], suffices && rows*s.widths[i] <= cap(col.Data)
	}
	var all []byte
	if !suffices {
		all = make([]byte, rows*row)
	}
	for i, col := range columns {
		n := rows * s.widths[i]
		if suffices {
			col.Data = col.Data[:n]
		} else {
			col.Data, all = all[:n:n], all[n:]
		}
		c.Columns = append(c.Columns, col)
	}
	return s
}

// Append implements chain.Sink.
func (s *collector) Append(b *chain.Batch) error {
	lane := uint32(b.Chain) - s.Chain
	if lane >= s.Chains || b.Warmup != s.Warmup || uint64(b.First) != s.First+uint64(s.have[lane]) || uint32(b.Len) > s.Draws-s.have[lane] {
		return fmt.Errorf("worker: chain %d made %d draws from %d on, where its block has %d from %d on", b.Chain, b.Len, b.First, s.Draws, s.First)
	}
	row := int(lane)*int(s.Draws) + int(s.have[lane])
	for i, x := range [][]float64{b.LogDensity, b.Energy, nil, b.AcceptanceRate, b.StepSize} {
		for k := range min(b.Len, len(x)) {
			binary.LittleEndian.PutUint64(s.Columns[i].Data[8*(row+k):], math.Float64bits(x[k]))
		}
	}
	for k := range b.Len {
		s.Columns[2].Data[row+k] = 0
		if b.Diverging[k] {
			s.Columns[2].Data[row+k] = 1
		}
		binary.LittleEndian.PutUint32(s.Columns[5].Data[4*(row+k):], uint32(b.TreeDepth[k]))
		binary.LittleEndian.PutUint32(s.Columns[6].Data[4*(row+k):], uint32(b.Steps[k]))
	}
	for i, v := range b.Values {
		at := len(statistics) + i
		copy(s.Columns[at].Data[row*s.widths[at]:], v[:b.Len*s.widths[at]])
	}
	s.have[lane] += uint32(b.Len)
	return nil
}

// whole reports whether all draws have come.
func (s *collector) whole() bool {
	for _, n := range s.have {
		if len(s.Columns) > 0 && n != s.Draws {
			return false
		}
	}
	return true
}
