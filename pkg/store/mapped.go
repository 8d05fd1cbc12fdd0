package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// mapped is an open segment. Its memory goes away with release.
type mapped struct {
	path    string
	recs    []arrow.RecordBatch // their values lie in the mapped file
	starts  []int               // number of each batch's first row in the segment
	bytes   int                 // of the file
	release func()
}

// openSegment maps a segment. head is what schemaMessage returned for the run.
func openSegment(path string, head []byte) (m *mapped, err error) {
	data, release, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	m = &mapped{path: path, bytes: len(data), release: release}
	if err := m.load(data, head); err != nil {
		release()
		return nil, fmt.Errorf("store: %s is damaged, or not a segment of this run: %w", path, err)
	}
	return m, nil
}

func (m *mapped) load(data, head []byte) (err error) {
	defer func() {
		if p := recover(); p != nil { // what the Arrow reader does with some damaged files
			err = fmt.Errorf("%v", p)
		}
	}()
	if len(data) < len(arrowStart)+len(ipc.Magic) || !bytes.HasPrefix(data, ipc.Magic) || !bytes.HasSuffix(data, ipc.Magic) {
		return errors.New("it is not a whole Arrow file")
	}
	r, err := ipc.NewReaderFromMessageReader(&messages{data: data[len(arrowStart):], head: head})
	if err != nil {
		return err
	}
	defer r.Release()
	rows := 0
	for r.Next() {
		rec := r.RecordBatch()
		rec.Retain()
		m.recs, m.starts = append(m.recs, rec), append(m.starts, rows)
		rows += int(rec.NumRows())
	}
	return r.Err()
}

// arrowStart is what stands before the first message of an Arrow file: its magic, padded to eight bytes.
const arrowStart = "ARROW1\x00\x00"

// messages reads the messages of an Arrow file in mapped memory without copying them. The run's own schema stands in
// for the file's: the Arrow reader believes every count in a schema and a footer, and a damaged one would make it ask
// for all the memory there is.
type messages struct {
	data []byte // from the next message on
	head []byte
	past bool // the schema
}

// Message returns the next message, or io.EOF.
func (m *messages) Message() (*ipc.Message, error) {
	meta, body, err := nextMessage(&m.data)
	if err != nil {
		return nil, err
	}
	if !m.past {
		m.past = true
		meta, body = m.head, []byte{}
	}
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

// Retain does nothing: the memory belongs to the segment.
func (*messages) Retain() {}

// Release does nothing.
func (*messages) Release() {}

var errShort = errors.New("it ends inside a message")

// nextMessage cuts a message off data: a continuation mark, the length of its metadata, metadata, body.
func nextMessage(data *[]byte) (meta, body []byte, err error) {
	if len(*data) < 8 {
		return nil, nil, errShort
	}
	if binary.LittleEndian.Uint32(*data) != 0xffffffff {
		return nil, nil, errors.New("a message does not start as one")
	}
	n := uint64(binary.LittleEndian.Uint32((*data)[4:]))
	rest := (*data)[8:]
	if n == 0 {
		return nil, nil, io.EOF
	}
	if n > uint64(len(rest)) {
		return nil, nil, errShort
	}
	meta, rest = rest[:n], rest[n:]
	size := ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(nil)).BodyLen()
	if size < 0 || size > int64(len(rest)) {
		return nil, nil, errShort
	}
	*data = rest[size:]
	return meta, rest[:size], nil
}

// schemaMessage returns the metadata of the message that a segment's schema is.
func schemaMessage(schema *arrow.Schema) ([]byte, error) {
	var b bytes.Buffer
	if err := writeSegment(&b, schema, nil, nil); err != nil {
		return nil, fmt.Errorf("store: schema: %w", err)
	}
	data := b.Bytes()[len(arrowStart):]
	meta, _, err := nextMessage(&data)
	return meta, err
}

// values returns the bytes of column col (an index of the Arrow schema) of batch i.
func (m *mapped) values(i, col int, c *column) (vals view, err error) {
	rec := m.recs[i]
	data := rec.Column(col).Data()
	if list, ok := rec.Column(col).(*array.FixedSizeList); ok {
		data = list.ListValues().Data()
	}
	n := int(rec.NumRows()) * c.width
	need := n * c.dtype.Size()
	if c.dtype == Bool {
		need = (n + 7) / 8
	}
	raw := valueBytes(data)
	if len(raw) < need || data.NullN() != 0 {
		return view{}, fmt.Errorf("store: %s is damaged: batch %d, column %s", m.path, i, rec.ColumnName(col))
	}
	return view{dtype: c.dtype, raw: raw[:need]}, nil
}

// part returns n rows of a column from a row of the segment on. They lie in one batch.
func (m *mapped) part(row, n, col int, c *column) (view, error) {
	i := sort.SearchInts(m.starts, row+1) - 1
	if i < 0 || row+n-m.starts[i] > int(m.recs[i].NumRows()) {
		return view{}, fmt.Errorf("store: %s is damaged: no batch of it has the rows %d to %d", m.path, row, row+n-1)
	}
	v, err := m.values(i, col, c)
	if err != nil {
		return view{}, err
	}
	return v.rows(row-m.starts[i], n, c.width), nil
}

// valueBytes returns the buffer of a primitive array's values, or nil if it has none or starts inside it.
func valueBytes(data arrow.ArrayData) []byte {
	if b := data.Buffers(); len(b) == 2 && b[1] != nil && data.Offset() == 0 {
		return b[1].Bytes()
	}
	return nil
}
