// Package parquetfile writes a run's draws as a Parquet file. It is apart from package store because the Parquet library
// is large: a program that never exports to it need not carry it.
package parquetfile

import (
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/drey-sampler/drey/pkg/store"
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
	root, err := tableSchema(arrays)
	if err != nil {
		return fmt.Errorf("parquetfile: %w", err)
	}
	props := parquet.NewWriterProperties(parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithCreatedBy("drey"))
	// The library closes a sink that can be closed; w is the caller's to close.
	out, err := file.NewParquetWriterWithError(struct{ io.Writer }{w}, root, file.WithWriterProps(props))
	if err != nil {
		return fmt.Errorf("parquetfile: %w", err)
	}
	chains, draws := len(r.Lengths(sel.Phase)), r.Len(sel.Phase)
	step := max(1, groupRows/max(1, draws))
	for c := 0; c < chains && draws > 0; c += step {
		if err := writeGroup(out, arrays, c, min(c+step, chains), draws); err != nil {
			return fmt.Errorf("parquetfile: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("parquetfile: %w", err)
	}
	return nil
}

func tableSchema(arrays []*store.Array) (*schema.GroupNode, error) {
	var fields schema.FieldList
	add := func(name string, d store.DType) error {
		node, err := columnNode(name, d)
		fields = append(fields, node)
		return err
	}
	if err := add("chain", store.I32); err != nil {
		return nil, err
	}
	if err := add("draw", store.I64); err != nil {
		return nil, err
	}
	for _, a := range arrays {
		for _, name := range a.ColumnNames() {
			if err := add(name, a.Site().DType); err != nil {
				return nil, err
			}
		}
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func columnNode(name string, d store.DType) (schema.Node, error) {
	const noID = -1
	required := parquet.Repetitions.Required
	switch d {
	case store.F64:
		return schema.NewPrimitiveNode(name, required, parquet.Types.Double, noID, -1)
	case store.F32:
		return schema.NewPrimitiveNode(name, required, parquet.Types.Float, noID, -1)
	case store.Bool:
		return schema.NewPrimitiveNode(name, required, parquet.Types.Boolean, noID, -1)
	case store.I32:
		return schema.NewPrimitiveNode(name, required, parquet.Types.Int32, noID, -1)
	case store.I64:
		return schema.NewPrimitiveNode(name, required, parquet.Types.Int64, noID, -1)
	case store.U32:
		return schema.NewPrimitiveNodeLogical(name, required, schema.NewIntLogicalType(32, false), parquet.Types.Int32, -1, noID)
	}
	return schema.NewPrimitiveNodeLogical(name, required, schema.NewIntLogicalType(64, false), parquet.Types.Int64, -1, noID)
}

// writeGroup writes chains from to to-1 as one row group.
func writeGroup(out *file.Writer, arrays []*store.Array, from, to, draws int) error {
	g, err := out.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	bits := make([]uint64, 0, (to-from)*draws)
	for c := from; c < to; c++ {
		for range draws {
			bits = append(bits, uint64(c))
		}
	}
	if err := writeColumn(g, store.I32, bits); err != nil {
		return err
	}
	for i := range bits {
		bits[i] = uint64(i % draws)
	}
	if err := writeColumn(g, store.I64, bits); err != nil {
		return err
	}
	for _, a := range arrays {
		site := a.Site()
		for e := range site.Size() {
			bits = bits[:0]
			for c := from; c < to; c++ {
				if bits, err = a.Bits(bits, c, e); err != nil {
					return err
				}
			}
			if err := writeColumn(g, site.DType, bits); err != nil {
				return err
			}
		}
	}
	return g.Close()
}

// writeColumn writes the next column of a row group from bit patterns.
func writeColumn(g file.SerialRowGroupWriter, d store.DType, bits []uint64) error {
	w, err := g.NextColumn()
	if err != nil {
		return err
	}
	switch w := w.(type) {
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(convert(bits, math.Float64frombits), nil, nil)
	case *file.Float32ColumnChunkWriter:
		_, err = w.WriteBatch(convert(bits, func(b uint64) float32 { return math.Float32frombits(uint32(b)) }), nil, nil)
	case *file.BooleanColumnChunkWriter:
		_, err = w.WriteBatch(convert(bits, func(b uint64) bool { return b != 0 }), nil, nil)
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(convert(bits, func(b uint64) int32 { return int32(b) }), nil, nil)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(convert(bits, func(b uint64) int64 { return int64(b) }), nil, nil)
	default:
		err = fmt.Errorf("no Parquet column for dtype %s", d)
	}
	if err != nil {
		return err
	}
	return w.Close()
}

func convert[T any](bits []uint64, f func(uint64) T) []T {
	out := make([]T, len(bits))
	for i, b := range bits {
		out[i] = f(b)
	}
	return out
}
