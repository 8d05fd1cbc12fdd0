package datafile

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Metadata of a copy: the schema has copyKey with the version of this layout, a field shapeKey with its column's shape.
const (
	copyKey     = "drey-data"
	copyVersion = "1"
	shapeKey    = "shape"
)

// Encode writes columns as an Arrow IPC file of one row, a LargeList with all elements of a column, so that columns of
// any shapes stand side by side. NaNs are made canonical. Read and Decode give the same columns back.
func Encode(w io.Writer, cols Columns) error {
	fields := make([]arrow.Field, len(cols))
	arrays := make([]arrow.Array, len(cols))
	for i := range cols {
		c := &cols[i]
		if !sizeIs(c.Shape, c.Len()) {
			return fmt.Errorf("datafile: %s has %d elements for the shape %v", c.Name, c.Len(), c.Shape)
		}
		shape, err := json.Marshal(append([]int{}, c.Shape...))
		if err != nil {
			return fmt.Errorf("datafile: %s: %w", c.Name, err)
		}
		values := c.arrow()
		t := arrow.LargeListOfNonNullable(values.DataType())
		offsets := binary.LittleEndian.AppendUint64(make([]byte, 8, 16), uint64(c.Len()))
		list := array.NewData(t, 1, []*memory.Buffer{nil, memory.NewBufferBytes(offsets)}, []arrow.ArrayData{values.Data()}, 0, 0)
		arrays[i] = array.MakeFromData(list)
		fields[i] = arrow.Field{Name: c.Name, Type: t, Metadata: arrow.NewMetadata([]string{shapeKey}, []string{string(shape)})}
	}
	meta := arrow.NewMetadata([]string{copyKey}, []string{copyVersion})
	schema := arrow.NewSchema(fields, &meta)
	f, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return err
	}
	if err := f.Write(array.NewRecordBatch(schema, arrays, 1)); err != nil {
		return err
	}
	return f.Close()
}

// arrow returns the elements as an Arrow array.
func (c *Column) arrow() arrow.Array {
	mem := memory.DefaultAllocator
	switch {
	case c.I64 != nil:
		b := array.NewInt64Builder(mem)
		b.AppendValues(c.I64, nil)
		return b.NewArray()
	case c.Bool != nil:
		b := array.NewBooleanBuilder(mem)
		b.AppendValues(c.Bool, nil)
		return b.NewArray()
	case c.Strings != nil:
		b := array.NewLargeStringBuilder(mem)
		b.AppendValues(c.Strings, nil)
		return b.NewArray()
	}
	raw := make([]byte, 0, 8*len(c.F64))
	for _, x := range c.F64 {
		raw = binary.LittleEndian.AppendUint64(raw, canonicalBits(x))
	}
	return array.NewFloat64Data(array.NewData(arrow.PrimitiveTypes.Float64, len(c.F64), []*memory.Buffer{nil, memory.NewBufferBytes(raw)}, nil, 0, 0))
}

// Decode reads what Encode wrote. name is the file's, for messages.
func Decode(r io.Reader, name string) (Columns, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	cols, err := parseArrow(name, data)
	if err != nil {
		return nil, err
	}
	for i := range cols {
		cols[i].File = name
	}
	return cols, nil
}
