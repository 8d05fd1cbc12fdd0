package table

import (
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// Table is an open table. Its methods are for one goroutine at a time.
type Table struct {
	f    *os.File
	file *file.Reader
	cols []Column
}

// Open opens a table that has these columns.
func Open(path string, cols []Column) (t *Table, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t = &Table{f: f, cols: cols}
	if err := guard(func() error { return t.load() }); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is damaged, or not a table of this run: %w", path, err), f.Close())
	}
	return t, nil
}

func (t *Table) load() (err error) {
	if t.file, err = file.NewParquetReader(t.f); err != nil {
		return err
	}
	s := t.file.MetaData().Schema
	if s.NumColumns() != len(t.cols) {
		return fmt.Errorf("it has %d columns, want %d", s.NumColumns(), len(t.cols))
	}
	for i := range t.cols {
		want, err := t.cols[i].node()
		if err != nil {
			return err
		}
		if got := s.Column(i); !got.SchemaNode().Equals(want) {
			return fmt.Errorf("column %d is %s of %s, want %s", i, got.Name(), got.PhysicalType(), t.cols[i].Name)
		}
	}
	return nil
}

// Groups returns the rows of each row group.
func (t *Table) Groups() []int {
	out := make([]int, t.file.NumRowGroups())
	for g := range out {
		out[g] = int(t.file.MetaData().RowGroups[g].NumRows)
	}
	return out
}

// Read returns the values of a column in a row group of so many rows.
func (t *Table) Read(group, col, rows int) (out []byte, err error) {
	err = guard(func() error {
		if group >= t.file.NumRowGroups() {
			return fmt.Errorf("it has %d row groups", t.file.NumRowGroups())
		}
		c, err := t.file.RowGroup(group).Column(col)
		if err != nil {
			return err
		}
		if n := t.file.MetaData().RowGroups[group].NumRows; n != int64(rows) {
			return fmt.Errorf("the group has %d rows, want %d", n, rows)
		}
		out = make([]byte, rows*t.cols[col].Type.Size())
		return readColumn(c, out, rows)
	})
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: row group %d, column %s: %w", t.f.Name(), group, t.cols[col].Name, err)
	}
	return out, nil
}

func readColumn(c file.ColumnChunkReader, out []byte, rows int) error {
	switch c := c.(type) {
	case *file.Float64ColumnChunkReader:
		return readAll(c, arrow.Float64Traits.CastFromBytes(out))
	case *file.Float32ColumnChunkReader:
		return readAll(c, arrow.Float32Traits.CastFromBytes(out))
	case *file.Int64ColumnChunkReader:
		return readAll(c, arrow.Int64Traits.CastFromBytes(out))
	case *file.Int32ColumnChunkReader:
		return readAll(c, arrow.Int32Traits.CastFromBytes(out))
	case *file.BooleanColumnChunkReader:
		truth := make([]bool, rows)
		if err := readAll(c, truth); err != nil {
			return err
		}
		for i, v := range truth {
			if v {
				out[i] = 1
			}
		}
		return nil
	}
	return fmt.Errorf("no column of type %s is read", c.Type())
}

// batchReader is what the column readers of the library have in common.
type batchReader[T any] interface {
	ReadBatch(n int64, values []T, definition, repetition []int16) (total int64, read int, err error)
}

// readAll fills out with the values of a column.
func readAll[T any](r batchReader[T], out []T) error {
	for len(out) > 0 {
		_, n, err := r.ReadBatch(int64(len(out)), out, nil, nil)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("it lacks %d values", len(out))
		}
		out = out[n:]
	}
	return nil
}

// guard calls f and returns as an error what the library panics with on some damaged files.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return f()
}

// Close closes the file.
func (t *Table) Close() error { return t.f.Close() }
