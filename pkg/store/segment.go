package store

import (
	"encoding/binary"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Phase of a draw. Its numbers are those of a segment's phase column.
type Phase int8

// The phases. The zero value is the one that results come from.
const (
	Sampling Phase = 0
	Warmup   Phase = 1
	phases         = 2
)

// String returns sampling or warmup.
func (p Phase) String() string {
	if p == Warmup {
		return "warmup"
	}
	return "sampling"
}

// rows is a run of consecutive draws of chains that follow one another in one phase, a slice of bytes a column.
type rows struct {
	chain  int // the first
	chains int
	phase  Phase
	first  int64    // number of the first draw
	n      int      // of each chain
	cols   [][]byte // [chain][draw][element], as Append takes them: little-endian, Bool one byte an element
}

// writeSegment writes batches as one Arrow IPC file.
func writeSegment(w io.Writer, schema *arrow.Schema, cols []column, batches []rows) error {
	f, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return err
	}
	for i := range batches {
		rec := batches[i].record(schema, cols)
		err := f.Write(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return f.Close()
}

// record wraps the rows as an Arrow record without copying values (Bool is packed).
func (b *rows) record(schema *arrow.Schema, cols []column) arrow.RecordBatch {
	n := b.chains * b.n
	chain := make([]byte, 4*n)
	draw := make([]byte, 8*n)
	phase := make([]byte, n)
	for i := range n {
		binary.LittleEndian.PutUint32(chain[4*i:], uint32(b.chain+i/b.n))
		binary.LittleEndian.PutUint64(draw[8*i:], uint64(b.first)+uint64(i%b.n))
		phase[i] = byte(b.phase)
	}
	arrays := []arrow.Array{
		plainArray(arrow.PrimitiveTypes.Int32, n, chain),
		plainArray(arrow.PrimitiveTypes.Int64, n, draw),
		plainArray(arrow.PrimitiveTypes.Int8, n, phase),
	}
	for i := range cols {
		c := &cols[i]
		values := b.cols[i]
		if c.dtype == Bool {
			values = pack(values)
		}
		if c.plain {
			arrays = append(arrays, plainArray(c.dtype.arrow(), n, values))
			continue
		}
		child := array.NewData(c.dtype.arrow(), n*c.width, []*memory.Buffer{nil, memory.NewBufferBytes(values)}, nil, 0, 0)
		list := array.NewData(schema.Field(firstColumn+i).Type, n, []*memory.Buffer{nil}, []arrow.ArrayData{child}, 0, 0)
		arrays = append(arrays, array.MakeFromData(list))
	}
	return array.NewRecordBatch(schema, arrays, int64(n))
}

func plainArray(t arrow.DataType, n int, values []byte) arrow.Array {
	return array.MakeFromData(array.NewData(t, n, []*memory.Buffer{nil, memory.NewBufferBytes(values)}, nil, 0, 0))
}

// pack turns bytes 0 and 1 into Arrow's bits, the first in the lowest place.
func pack(b []byte) []byte {
	out := make([]byte, (len(b)+7)/8)
	for i, v := range b {
		out[i>>3] |= v << (i & 7)
	}
	return out
}
