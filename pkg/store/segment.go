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

// batchBytes bounds what is copied to join runs of rows to one batch: a batch has a header for each column, hundreds of bytes that
// a run of few draws of one chain does not have.
const batchBytes = 4 << 20

// writeSegment writes runs of rows as one Arrow IPC file, in their order.
func writeSegment(w io.Writer, schema *arrow.Schema, cols []column, runs []rows) error {
	f, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return err
	}
	for len(runs) > 0 {
		n := together(runs)
		rec := record(schema, cols, runs[:n])
		runs = runs[n:]
		err := f.Write(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return f.Close()
}

// together returns how many of the first runs become a batch.
func together(runs []rows) int {
	held := 0
	for i := range runs {
		for _, c := range runs[i].cols {
			held += len(c)
		}
		if i > 0 && held > batchBytes {
			return i
		}
	}
	return len(runs)
}

// record wraps runs of rows as an Arrow record; values of one alone are not copied (Bool is packed).
func record(schema *arrow.Schema, cols []column, runs []rows) arrow.RecordBatch {
	n := 0
	for i := range runs {
		n += runs[i].chains * runs[i].n
	}
	arrays := places(runs, n)
	for i := range cols {
		c := &cols[i]
		values := runs[0].cols[i]
		if len(runs) > 1 {
			values = make([]byte, 0, n*c.bytes)
			for k := range runs {
				values = append(values, runs[k].cols[i]...)
			}
		}
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

// places returns the columns that say which draws n rows are.
func places(runs []rows, n int) []arrow.Array {
	chain, draw, phase := make([]byte, 0, 4*n), make([]byte, 0, 8*n), make([]byte, 0, n)
	for i := range runs {
		b := &runs[i]
		for k := range b.chains * b.n {
			chain = binary.LittleEndian.AppendUint32(chain, uint32(b.chain+k/b.n))
			draw = binary.LittleEndian.AppendUint64(draw, uint64(b.first)+uint64(k%b.n))
			phase = append(phase, byte(b.phase))
		}
	}
	return []arrow.Array{
		plainArray(arrow.PrimitiveTypes.Int32, n, chain),
		plainArray(arrow.PrimitiveTypes.Int64, n, draw),
		plainArray(arrow.PrimitiveTypes.Int8, n, phase),
	}
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
