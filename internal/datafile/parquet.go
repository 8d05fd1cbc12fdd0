package datafile

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// parseParquet reads the columns of a Parquet file. It works on the file's leaves and levels: the package that makes
// Arrow arrays of them brings an RPC library along.
func parseParquet(path string, data []byte) (cols Columns, err error) {
	defer func() {
		if p := recover(); p != nil { // what the Parquet reader does with some damaged files
			cols, err = nil, fmt.Errorf("%s: damaged Parquet file: %v", path, p)
		}
	}()
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: not a Parquet file: %w", path, err)
	}
	defer f.Close()
	s := f.MetaData().Schema
	for i := range s.NumColumns() {
		leaf := s.Column(i)
		name := leaf.ColumnPath()[0]
		if pandasIndex(name) {
			continue
		}
		if cols.Get(name) != nil {
			return nil, fmt.Errorf("%s: column %s is a structure of several values: store each as a column of its own", path, name)
		}
		c, err := parquetColumn(f, i, leaf)
		if err != nil {
			return nil, fmt.Errorf("%s: column %s: %w", path, name, err)
		}
		c.Name = name
		c.place = rowPlace(name, c.Shape)
		cols = append(cols, c)
	}
	return cols, nil
}

func parquetColumn(f *file.Reader, i int, leaf *schema.Column) (Column, error) {
	p := &parquetLeaf{maxDef: leaf.MaxDefinitionLevel(), maxRep: int(leaf.MaxRepetitionLevel())}
	p.lens, p.open = make([]int, p.maxRep), make([]int, p.maxRep)
	for k := range p.lens {
		p.lens[k] = -1
	}
	if err := p.kind(leaf); err != nil {
		return Column{}, err
	}
	for g := range f.NumRowGroups() {
		r, err := f.RowGroup(g).Column(i)
		if err != nil {
			return Column{}, err
		}
		if err := p.read(r); err != nil {
			return Column{}, err
		}
	}
	if err := p.closeFrom(0); err != nil {
		return Column{}, err
	}
	p.col.Shape = []int{p.rows}
	for _, n := range p.lens {
		p.col.Shape = append(p.col.Shape, max(0, n))
	}
	return p.col, nil
}

// parquetLeaf collects a leaf column. Its repetition levels say where lists begin: a value of level 0 begins a row, one
// of level r a new element of the list at depth r (Melnik et al. 2010, Dremel, section 4).
type parquetLeaf struct {
	col      Column
	unsigned bool
	maxDef   int16
	maxRep   int
	rows     int
	lens     []int // the length of the lists at each depth, -1 before the first has ended
	open     []int // elements so far of the list open at each depth
}

// kind makes the empty slice that the leaf's values go to.
func (p *parquetLeaf) kind(leaf *schema.Column) error {
	logical := leaf.LogicalType()
	unreadable := fmt.Errorf("the type %s (%s) can't be read: make it numbers, booleans or text, or leave the column out", leaf.PhysicalType(), logical)
	path := leaf.ColumnPath()
	if len(path) > 1 && len(path) != 1+2*p.maxRep && len(path) != p.maxRep {
		return errors.New("a structure can't be read: store each of its values as a column of its own")
	}
	switch l := logical.(type) {
	case schema.NoLogicalType, schema.UnknownLogicalType:
	case schema.StringLogicalType, schema.EnumLogicalType:
	case schema.IntLogicalType:
		p.unsigned = !l.IsSigned()
	default:
		return unreadable
	}
	switch leaf.PhysicalType() {
	case parquet.Types.Double, parquet.Types.Float:
		p.col.F64 = []float64{}
	case parquet.Types.Int64, parquet.Types.Int32:
		p.col.I64 = []int64{}
	case parquet.Types.Boolean:
		p.col.Bool = []bool{}
	case parquet.Types.ByteArray:
		p.col.Strings = []string{}
	default:
		return unreadable
	}
	return nil
}

func (p *parquetLeaf) read(r file.ColumnChunkReader) error {
	switch r := r.(type) {
	case *file.Float64ColumnChunkReader:
		return readLeaf(p, r, func(x float64) error { p.col.F64 = append(p.col.F64, x); return nil })
	case *file.Float32ColumnChunkReader:
		return readLeaf(p, r, func(x float32) error { p.col.F64 = append(p.col.F64, float64(x)); return nil })
	case *file.BooleanColumnChunkReader:
		return readLeaf(p, r, func(x bool) error { p.col.Bool = append(p.col.Bool, x); return nil })
	case *file.Int32ColumnChunkReader:
		return readLeaf(p, r, func(x int32) error {
			v := int64(x)
			if p.unsigned {
				v = int64(uint32(x))
			}
			p.col.I64 = append(p.col.I64, v)
			return nil
		})
	case *file.Int64ColumnChunkReader:
		return readLeaf(p, r, func(x int64) error {
			if p.unsigned && x < 0 {
				return fmt.Errorf("row %d holds %d: integers beyond 2^63-1 can't be read", p.rows, uint64(x))
			}
			p.col.I64 = append(p.col.I64, x)
			return nil
		})
	case *file.ByteArrayColumnChunkReader:
		return readLeaf(p, r, func(x parquet.ByteArray) error {
			if !utf8.Valid(x) {
				return fmt.Errorf("row %d holds bytes that are not text", p.rows)
			}
			p.col.Strings = append(p.col.Strings, string(x))
			return nil
		})
	}
	return fmt.Errorf("the column type %T can't be read", r)
}

type batchReader[T any] interface {
	HasNext() bool
	ReadBatch(n int64, values []T, defLevels, repLevels []int16) (int64, int, error)
	Err() error
}

// readLeaf passes the values of a column chunk to add, after their levels were checked.
func readLeaf[T any](p *parquetLeaf, r batchReader[T], add func(T) error) error {
	const batch = 4096
	values, defs, reps := make([]T, batch), make([]int16, batch), make([]int16, batch)
	for r.HasNext() {
		levels, n, err := r.ReadBatch(batch, values, defs, reps)
		if err != nil {
			return err
		}
		if levels == 0 && n == 0 {
			return fmt.Errorf("row %d: the file ends early", p.rows+1)
		}
		count := n
		if p.maxDef > 0 {
			count = int(levels)
		}
		for i := range count {
			rep := 0
			if p.maxRep > 0 {
				rep = int(reps[i])
			}
			if err := p.level(rep); err != nil {
				return err
			}
			if p.maxDef > 0 && defs[i] != p.maxDef {
				return fmt.Errorf("row %d holds a null or an empty list: data can't be missing; leave the row out, or model the value as a parameter", p.rows)
			}
			if err := add(values[i]); err != nil {
				return err
			}
		}
	}
	return r.Err()
}

// level takes note of the repetition level of the next value.
func (p *parquetLeaf) level(rep int) error {
	if rep < 0 || rep > p.maxRep || rep > 0 && p.rows == 0 {
		return fmt.Errorf("row %d: damaged file: repetition level %d", p.rows, rep)
	}
	if p.rows > 0 {
		if err := p.closeFrom(rep); err != nil {
			return err
		}
	}
	if rep == 0 {
		p.rows++
	} else {
		p.open[rep-1]++
	}
	for k := rep; k < p.maxRep; k++ {
		p.open[k] = 1
	}
	return nil
}

// closeFrom ends the lists at depth and below.
func (p *parquetLeaf) closeFrom(depth int) error {
	if p.rows == 0 {
		return nil
	}
	for k := depth; k < p.maxRep; k++ {
		if p.lens[k] < 0 {
			p.lens[k] = p.open[k]
		}
		if p.lens[k] != p.open[k] {
			return fmt.Errorf("row %d has a list of %d elements where those before it have %d: the lists of a column must be of one length", p.rows, p.open[k], p.lens[k])
		}
	}
	return nil
}
