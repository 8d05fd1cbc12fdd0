// Package table writes and reads Parquet files of columns of numbers, none of them nullable, a column of a row group at a time.
// Every bit of a value comes back, those of a NaN too.
package table

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// Type is the type of a column's values.
type Type int

// The types. Values are passed as their little-endian bytes: an Int8 in four of them, as Parquet stores it, a Bool in one, 0 or 1.
const (
	Float64 Type = iota
	Float32
	Int64
	Int32
	Int8
	Uint64
	Uint32
	Bool
)

// Size returns the bytes of a value.
func (t Type) Size() int {
	switch t {
	case Float64, Int64, Uint64:
		return 8
	case Bool:
		return 1
	}
	return 4
}

// Column is a column of a table.
type Column struct {
	Name string
	Type Type
	// Key says that rows are looked up by it: readers of the file are told its least and greatest value in each row group.
	Key bool
}

// Writer writes a table.
type Writer struct {
	file *file.Writer
	cols []Column
}

// pageBytes is the size of a page, of which a writer holds one before it is compressed.
const pageBytes = 256 << 10

// Random numbers do not compress, but signs and exponents do, and a byte of each value after another puts them together: of normal
// draws a sixth is saved, at a speed that a disk has. Higher levels save less here, and take longer.
const compressionLevel = 1

// NewWriter begins a table in w, which it does not close. about is what the file's metadata say under the key "drey", unless it is empty.
func NewWriter(w io.Writer, cols []Column, about string) (*Writer, error) {
	var fields schema.FieldList
	props := []parquet.WriterProperty{
		parquet.WithCreatedBy("drey"), parquet.WithDictionaryDefault(false), parquet.WithStats(false), parquet.WithDataPageSize(pageBytes),
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(compressionLevel),
	}
	for _, c := range cols {
		node, err := c.node()
		if err != nil {
			return nil, err
		}
		fields = append(fields, node)
		path := parquet.ColumnPath{c.Name}
		if c.Key {
			props = append(props, parquet.WithStatsPath(path, true))
		}
		if c.Type == Float64 || c.Type == Float32 {
			props = append(props, parquet.WithEncodingPath(path, parquet.Encodings.ByteStreamSplit))
		}
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	meta := metadata.NewKeyValueMetadata()
	if about != "" {
		if err := meta.Append("drey", about); err != nil {
			return nil, err
		}
	}
	// The library closes a sink that can be closed.
	f, err := file.NewParquetWriterWithError(struct{ io.Writer }{w}, root, file.WithWriterProps(parquet.NewWriterProperties(props...)), file.WithWriteMetadata(meta))
	if err != nil {
		return nil, err
	}
	return &Writer{f, cols}, nil
}

func (c *Column) node() (schema.Node, error) {
	const noID, noLength = -1, -1
	required := parquet.Repetitions.Required
	integer := func(bits int8, signed bool, physical parquet.Type) (schema.Node, error) {
		return schema.NewPrimitiveNodeLogical(c.Name, required, schema.NewIntLogicalType(bits, signed), physical, noLength, noID)
	}
	switch c.Type {
	case Float64:
		return schema.NewPrimitiveNode(c.Name, required, parquet.Types.Double, noID, noLength)
	case Float32:
		return schema.NewPrimitiveNode(c.Name, required, parquet.Types.Float, noID, noLength)
	case Bool:
		return schema.NewPrimitiveNode(c.Name, required, parquet.Types.Boolean, noID, noLength)
	case Int64:
		return schema.NewPrimitiveNode(c.Name, required, parquet.Types.Int64, noID, noLength)
	case Int32:
		return schema.NewPrimitiveNode(c.Name, required, parquet.Types.Int32, noID, noLength)
	case Int8:
		return integer(8, true, parquet.Types.Int32)
	case Uint32:
		return integer(32, false, parquet.Types.Int32)
	case Uint64:
		return integer(64, false, parquet.Types.Int64)
	}
	return nil, fmt.Errorf("no Parquet column has type %d", c.Type)
}

// Group writes a row group. values returns the values of a column, which it may overwrite once it is asked for the next one's.
func (w *Writer) Group(values func(col int) ([]byte, error)) error {
	g, err := w.file.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for i := range w.cols {
		b, err := values(i)
		if err != nil {
			return err
		}
		c, err := g.NextColumn()
		if err != nil {
			return err
		}
		if err := writeColumn(c, b); err != nil {
			return fmt.Errorf("column %s: %w", w.cols[i].Name, err)
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return g.Close()
}

func writeColumn(w file.ColumnChunkWriter, b []byte) (err error) {
	switch w := w.(type) {
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(arrow.Float64Traits.CastFromBytes(b), nil, nil)
	case *file.Float32ColumnChunkWriter:
		_, err = w.WriteBatch(arrow.Float32Traits.CastFromBytes(b), nil, nil)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(arrow.Int64Traits.CastFromBytes(b), nil, nil)
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(arrow.Int32Traits.CastFromBytes(b), nil, nil)
	case *file.BooleanColumnChunkWriter:
		truth := make([]bool, len(b))
		for i, v := range b {
			truth[i] = v != 0
		}
		_, err = w.WriteBatch(truth, nil, nil)
	}
	return err
}

// Close ends the table.
func (w *Writer) Close() error { return w.file.Close() }
