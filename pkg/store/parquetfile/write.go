// Package parquetfile writes a run's draws as a Parquet file.
package parquetfile

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/store/internal/table"
)

// groupRows is the size from which a row group is closed, Parquet's usual one. Row groups hold whole chains.
const groupRows = 1 << 20

// Write writes the selected draws: the columns of Reader.WriteCSV in their own types (chain int32, draw int64), a row a
// draw, none of them nullable. It holds one column of one row group in memory.
func Write(w io.Writer, r *store.Reader, sel store.Selection) error {
	arrays, err := r.Selected(sel)
	if err != nil {
		return err
	}
	columns, leaves := []table.Column{{Name: "chain", Type: table.Int32, Key: true}, {Name: "draw", Type: table.Int64, Key: true}}, []leaf{{}, {}}
	for _, a := range arrays {
		for e, name := range a.ColumnNames() {
			columns, leaves = append(columns, table.Column{Name: name, Type: store.TableType(a.Site().DType)}), append(leaves, leaf{a, e})
		}
	}
	out, err := table.NewWriter(w, columns, "")
	if err != nil {
		return fmt.Errorf("parquetfile: %w", err)
	}
	chains, draws := len(r.Lengths(sel.Phase)), r.Len(sel.Phase)
	step := max(1, groupRows/max(1, draws))
	for c := 0; c < chains && draws > 0; c += step {
		g := group{c, min(c+step, chains), draws, leaves}
		if err := out.Group(func(i int) ([]byte, error) { return g.column(i, columns[i].Type.Size()) }); err != nil {
			return fmt.Errorf("parquetfile: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("parquetfile: %w", err)
	}
	return nil
}

// leaf is an element of an array.
type leaf struct {
	array   *store.Array
	element int
}

// group is the chains from from to to-1 as one row group.
type group struct {
	from, to, draws int
	leaves          []leaf
}

// column returns the values of a column, each of so many bytes.
func (g *group) column(i, size int) (out []byte, err error) {
	bits := make([]uint64, 0, g.draws)
	for c := g.from; c < g.to; c++ {
		bits = bits[:0]
		switch i {
		case 0:
			for range g.draws {
				bits = append(bits, uint64(c))
			}
		case 1:
			for d := range g.draws {
				bits = append(bits, uint64(d))
			}
		default:
			if bits, err = g.leaves[i].array.Bits(bits, c, g.leaves[i].element); err != nil {
				return nil, err
			}
		}
		for _, b := range bits {
			out = binary.LittleEndian.AppendUint64(out, b)[:len(out)+size]
		}
	}
	return out, nil
}
