package store

import (
	"errors"
	"fmt"

	"github.com/drey-sampler/drey/pkg/store/internal/table"
)

// maxChunks bounds the bytes of the columns of row groups that a reader holds: enough to follow a chain through all columns of some
// row groups, as many as tables hold a chain.
const maxChunks = 128 << 20

// maxTables bounds the tables that are open.
const maxTables = 64

// tables are the tables that a reader has open, and what it has read of them.
type tables struct {
	open   map[*tableFile]*openTable
	chunks map[chunkKey]*chunk
	bytes  int // of the chunks
	clock  int
	latest chunkKey // of a chunk that is read once, which is held until the next is
	once   []byte
}

type openTable struct {
	*table.Table
	used int
}

// chunk is a column of a row group: little-endian values, of truth values bits.
type chunk struct {
	raw  []byte
	used int
}

type chunkKey struct {
	table       *tableFile
	group, leaf int
}

// leaves are the columns of a run's tables: chain, draw and phase, then each element of each column.
type leaves struct {
	columns []table.Column
	first   []int // of each column, the first of its elements
}

var tableTypes = map[DType]table.Type{
	F64: table.Float64, F32: table.Float32, I64: table.Int64, I32: table.Int32, U64: table.Uint64, U32: table.Uint32, Bool: table.Bool,
}

// TableType returns the type of the Parquet columns of a site's elements.
func TableType(d DType) table.Type { return tableTypes[d] }

// leaves returns the columns of tables. Those of a site are named as WriteCSV names them, if it has not the name of another column.
func (s *Schema) leaves() leaves {
	l := leaves{columns: []table.Column{{Name: "chain", Type: table.Int32, Key: true}, {Name: "draw", Type: table.Int64, Key: true}, {Name: "phase", Type: table.Int8, Key: true}}}
	cols := s.columns()
	for i := range cols {
		c := &cols[i]
		l.first = append(l.first, len(l.columns))
		site := Site{Name: c.name}
		if k := i - s.siteColumn(0); k >= 0 {
			site.Shape = s.Sites[k].Shape
		}
		for _, name := range FlatNames(site) {
			l.columns = append(l.columns, table.Column{Name: name, Type: tableTypes[c.dtype]})
		}
	}
	return l
}

// strip is the values of one element of a column in the rows of a block: that of a row at at+row*step.
type strip struct {
	view
	at, step int
}

func (s *strip) index(row int) int { return s.at + row*s.step }

// strip returns the values of an element. Those that are read once are not held. The caller holds mu for as long as it uses them.
func (r *Reader) strip(b *block, col, element int, once bool) (strip, error) {
	if b.table == nil {
		v, err := r.view(b, col)
		return strip{v, element, r.cols[col].width}, err
	}
	raw, err := r.chunk(chunkKey{b.table, b.segment, r.leaves().first[col] + element}, once)
	if err != nil {
		return strip{}, err
	}
	return strip{view{dtype: r.cols[col].dtype, raw: raw}.rows(b.row, b.n, 1), 0, 1}, nil
}

// whole returns the values of a column in a block's rows, all elements of a row together. The caller holds mu for as long as it uses them.
func (r *Reader) whole(b *block, col int) (view, error) {
	c := &r.cols[col]
	if b.table == nil {
		return r.view(b, col)
	}
	if c.width == 1 {
		s, err := r.strip(b, col, 0, false)
		return s.view, err
	}
	size := c.dtype.Size()
	raw := make([]byte, b.n*c.bytes)
	var values []byte
	for e := range c.width {
		s, err := r.strip(b, col, e, false)
		if err != nil {
			return view{}, err
		}
		values = s.appendRaw(values[:0], 1, 0, b.n)
		for i := range b.n {
			copy(raw[(i*c.width+e)*size:], values[i*size:(i+1)*size])
		}
	}
	if c.dtype == Bool {
		raw = pack(raw)
	}
	return view{dtype: c.dtype, raw: raw}, nil
}

// chunk returns a column of a row group. The caller holds mu.
func (r *Reader) chunk(key chunkKey, once bool) ([]byte, error) {
	t := &r.tables
	t.clock++
	if c := t.chunks[key]; c != nil {
		c.used = t.clock
		return c.raw, nil
	}
	if once && t.latest == key {
		return t.once, nil
	}
	f, err := r.table(key.table)
	if err != nil {
		return nil, err
	}
	raw, err := f.Read(key.group, key.leaf, key.table.groups[key.group])
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if r.leaves().columns[key.leaf].Type == table.Bool {
		raw = pack(raw)
	}
	if once {
		t.latest, t.once = key, raw
		return raw, nil
	}
	if t.chunks == nil {
		t.chunks = map[chunkKey]*chunk{}
	}
	for t.bytes += len(raw); t.bytes > maxChunks && len(t.chunks) > 0; {
		oldest := key
		for k, c := range t.chunks {
			if oldest == key || c.used < t.chunks[oldest].used {
				oldest = k
			}
		}
		t.bytes -= len(t.chunks[oldest].raw)
		delete(t.chunks, oldest)
	}
	t.chunks[key] = &chunk{raw, t.clock}
	return raw, nil
}

// table returns an open table. The caller holds mu.
func (r *Reader) table(file *tableFile) (*openTable, error) {
	t := &r.tables
	if f := t.open[file]; f != nil {
		f.used = t.clock
		return f, nil
	}
	for len(t.open) >= maxTables {
		var oldest *tableFile
		for k, f := range t.open {
			if oldest == nil || f.used < t.open[oldest].used {
				oldest = k
			}
		}
		if err := t.open[oldest].Close(); err != nil {
			return nil, err
		}
		delete(t.open, oldest)
	}
	f, err := table.Open(file.path, r.leaves().columns)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if t.open == nil {
		t.open = map[*tableFile]*openTable{}
	}
	t.open[file] = &openTable{f, t.clock}
	return t.open[file], nil
}

// close lets all tables go.
func (t *tables) close() error {
	var errs []error
	for _, f := range t.open {
		errs = append(errs, f.Close())
	}
	*t = tables{}
	return errors.Join(errs...)
}
