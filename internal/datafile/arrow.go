package datafile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// parseArrow reads an Arrow IPC file or stream, or what Encode wrote.
func parseArrow(path string, data []byte) (cols Columns, err error) {
	defer func() {
		if p := recover(); p != nil { // what the Arrow reader does with some damaged files
			cols, err = nil, fmt.Errorf("%s: damaged Arrow file: %v", path, p)
		}
	}()
	schema, next, err := arrowBatches(data)
	if err != nil {
		return nil, fmt.Errorf("%s: not an Arrow file: %w", path, err)
	}
	t, err := newTable(schema)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for {
		rec, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: damaged Arrow file: %w", path, err)
		}
		if err := t.add(rec); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if cols, err = t.columns(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cols, nil
}

// arrowBatches returns the schema and an iterator that ends with io.EOF.
func arrowBatches(data []byte) (*arrow.Schema, func() (arrow.RecordBatch, error), error) {
	if !bytes.HasPrefix(data, ipc.Magic) {
		r, err := ipc.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, nil, err
		}
		return r.Schema(), r.Read, nil
	}
	// Not the library's reader of mapped memory: it panics on dictionaries (arrow-go v18.8.0).
	f, err := ipc.NewFileReader(bytes.NewReader(data))
	if err != nil {
		return nil, nil, err
	}
	i := 0
	return f.Schema(), func() (arrow.RecordBatch, error) {
		if i >= f.NumRecords() {
			return nil, io.EOF
		}
		i++
		return f.RecordBatchAt(i - 1)
	}, nil
}

// table collects Arrow batches into columns.
type table struct {
	schema *arrow.Schema
	copied bool // the file is what Encode writes: one row, shapes in the metadata
	rows   int
	fields []int // the positions in schema of cols
	cols   Columns
	dims   [][]int // of each column: the lengths of its lists, outermost first; -1 before the first
}

func newTable(schema *arrow.Schema) (*table, error) {
	t := &table{schema: schema, copied: schema.Metadata().FindKey(copyKey) >= 0}
	for i, f := range schema.Fields() {
		if pandasIndex(f.Name) {
			continue
		}
		if f.Name == "" {
			return nil, fmt.Errorf("column %d has no name", i+1)
		}
		if t.cols.Get(f.Name) != nil {
			return nil, fmt.Errorf("two columns have the same name %s: rename one", quote(f.Name))
		}
		c := Column{Name: f.Name}
		dims, err := c.arrowType(f.Type, nil)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		t.fields, t.cols, t.dims = append(t.fields, i), append(t.cols, c), append(t.dims, dims)
	}
	return t, nil
}

// pandasIndex reports whether pandas made a column of that name for a table's index.
func pandasIndex(name string) bool {
	return strings.HasPrefix(name, "__index_level_") && strings.HasSuffix(name, "__")
}

// arrowType makes the empty slice that elements of a type go to and returns its axes' lengths after those given.
func (c *Column) arrowType(t arrow.DataType, dims []int) ([]int, error) {
	switch t := t.(type) {
	case *arrow.FixedSizeListType:
		return c.arrowType(t.Elem(), append(dims, int(t.Len())))
	case *arrow.ListType:
		return c.arrowType(t.Elem(), append(dims, -1))
	case *arrow.LargeListType:
		return c.arrowType(t.Elem(), append(dims, -1))
	case *arrow.DictionaryType:
		if t.ValueType.ID() == arrow.STRING {
			c.Strings = []string{}
			return dims, nil
		}
	}
	switch t.ID() {
	case arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64:
		c.F64 = []float64{}
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64:
		c.I64 = []int64{}
	case arrow.BOOL:
		c.Bool = []bool{}
	case arrow.STRING, arrow.LARGE_STRING:
		c.Strings = []string{}
	default:
		return nil, fmt.Errorf("the type %s can't be read: make it numbers, booleans or text, or leave the column out", t)
	}
	return dims, nil
}

func (t *table) add(rec arrow.RecordBatch) error {
	for k, i := range t.fields {
		row := func(at, per int) int { return t.rows + at/max(1, per) + 1 }
		if err := t.cols[k].appendArrow(rec.Column(i), t.dims[k], 1, row); err != nil {
			return fmt.Errorf("column %s: %w", t.cols[k].Name, err)
		}
	}
	t.rows += int(rec.NumRows())
	return nil
}

// appendArrow appends the elements of an array; dims are the lengths of the lists below it, per the number of its
// elements in a row of the table, and row names the row of an element.
func (c *Column) appendArrow(a arrow.Array, dims []int, per int, row func(at, per int) int) error {
	if a.NullN() > 0 {
		for i := range a.Len() {
			if a.IsNull(i) {
				return fmt.Errorf("row %d is null: data can't be missing; leave the row out, or model the value as a parameter", row(i, per))
			}
		}
	}
	list, ok := a.(array.ListLike)
	if !ok {
		return c.appendLeaf(a, func(i int) int { return row(i, per) })
	}
	if a.Len() == 0 {
		return nil
	}
	for i := range a.Len() {
		start, end := list.ValueOffsets(i)
		if dims[0] < 0 {
			dims[0] = int(end - start)
		}
		if int(end-start) != dims[0] {
			return fmt.Errorf("row %d has a list of %d elements where those before it have %d: the lists of a column must be of one length",
				row(i, per), end-start, dims[0])
		}
	}
	from, _ := list.ValueOffsets(0)
	_, to := list.ValueOffsets(a.Len() - 1)
	return c.appendArrow(array.NewSlice(list.ListValues(), from, to), dims[1:], per*dims[0], row)
}

func (c *Column) appendLeaf(a arrow.Array, row func(int) int) error {
	switch a := a.(type) {
	case *array.Float64:
		c.F64 = append(c.F64, a.Float64Values()...)
	case *array.Float32:
		appendAs(&c.F64, a.Float32Values())
	case *array.Float16:
		for i := range a.Len() {
			c.F64 = append(c.F64, float64(a.Value(i).Float32()))
		}
	case *array.Int64:
		c.I64 = append(c.I64, a.Int64Values()...)
	case *array.Int32:
		appendAs(&c.I64, a.Int32Values())
	case *array.Int16:
		appendAs(&c.I64, a.Int16Values())
	case *array.Int8:
		appendAs(&c.I64, a.Int8Values())
	case *array.Uint64:
		return c.appendUint64(a.Uint64Values(), row)
	case *array.Uint32:
		appendAs(&c.I64, a.Uint32Values())
	case *array.Uint16:
		appendAs(&c.I64, a.Uint16Values())
	case *array.Uint8:
		appendAs(&c.I64, a.Uint8Values())
	case *array.Boolean:
		for i := range a.Len() {
			c.Bool = append(c.Bool, a.Value(i))
		}
	case *array.Dictionary:
		words, ok := a.Dictionary().(*array.String)
		if !ok {
			return fmt.Errorf("a dictionary of %s can't be read: make it text", a.Dictionary().DataType())
		}
		for i := range a.Len() {
			c.Strings = append(c.Strings, strings.Clone(words.Value(a.GetValueIndex(i))))
		}
	case array.StringLike:
		for i := range a.Len() {
			c.Strings = append(c.Strings, strings.Clone(a.Value(i)))
		}
	default:
		return fmt.Errorf("the type %s can't be read", a.DataType())
	}
	return nil
}

func (c *Column) appendUint64(values []uint64, row func(int) int) error {
	for i, x := range values {
		if x >= 1<<63 {
			return fmt.Errorf("row %d holds %d: integers beyond 2^63-1 can't be read", row(i), x)
		}
		c.I64 = append(c.I64, int64(x))
	}
	return nil
}

func appendAs[T int8 | int16 | int32 | uint8 | uint16 | uint32 | float32, U int64 | float64](dst *[]U, src []T) {
	for _, x := range src {
		*dst = append(*dst, U(x))
	}
}

// columns returns the columns with their shapes.
func (t *table) columns() (Columns, error) {
	for k := range t.cols {
		c := &t.cols[k]
		c.Shape = []int{t.rows}
		for _, d := range t.dims[k] {
			c.Shape = append(c.Shape, max(0, d))
		}
		if !t.copied {
			c.place = rowPlace(c.Name, c.Shape)
			continue
		}
		shape, _ := t.schema.Field(t.fields[k]).Metadata.GetValue(shapeKey)
		c.Shape = nil
		if err := json.Unmarshal([]byte(shape), &c.Shape); err != nil || !sizeIs(c.Shape, c.Len()) {
			return nil, fmt.Errorf("damaged copy of data: column %s has %d elements for the shape %s", c.Name, c.Len(), quote(shape))
		}
	}
	return t.cols, nil
}

// sizeIs reports whether an array of that shape has n elements.
func sizeIs(shape []int, n int) bool {
	size := 1
	for _, d := range shape {
		if d < 0 || d > 0 && size > (1<<50)/d {
			return false
		}
		size *= d
	}
	return size == n
}

// rowPlace names the elements of a table's column, rows counted from 1.
func rowPlace(name string, shape []int) func(int) string {
	per := 1
	for _, d := range shape[1:] {
		per *= d
	}
	return func(i int) string {
		return fmt.Sprintf("column %s, row %d%s", name, i/per+1, Index(shape[1:], i%per))
	}
}
