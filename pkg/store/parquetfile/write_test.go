package parquetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/drey-sampler/drey/pkg/store"
)

func testReader(t *testing.T) *store.Reader {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	run := store.Run{Model: "test", Settings: store.Settings{Chains: 3, Draws: 4}, Schema: store.Schema{Sites: []store.Site{
		{Name: "x", Shape: []int{2}, DType: store.F64, Kind: store.Latent},
		{Name: "f", DType: store.F32, Kind: store.Deterministic},
		{Name: "u", DType: store.U64, Kind: store.Deterministic},
		{Name: "v", DType: store.U32, Kind: store.Deterministic},
		{Name: "i", DType: store.I32, Kind: store.Deterministic},
		{Name: "b", DType: store.Bool, Kind: store.Deterministic},
	}}}
	w, err := store.Create(dir, run, nil, false, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for c := range 3 {
		for d := range 4 {
			n := uint64(10*c + d)
			x := binary.LittleEndian.AppendUint64(nil, math.Float64bits(float64(n)+0.25))
			x = binary.LittleEndian.AppendUint64(x, math.Float64bits(math.Inf(-1)))
			err := w.Append(&store.Row{Chain: c, Draw: int64(d), Values: [][]byte{x,
				binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(n)+0.5)),
				binary.LittleEndian.AppendUint64(nil, math.MaxUint64-n),
				binary.LittleEndian.AppendUint32(nil, math.MaxUint32-uint32(n)),
				binary.LittleEndian.AppendUint32(nil, uint32(-int32(n))),
				{byte(n % 2)},
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, testReader(t), store.Selection{}); err != nil {
		t.Fatal(err)
	}
	f, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.NumRows() != 12 || f.NumRowGroups() != 1 {
		t.Fatalf("%d rows in %d groups", f.NumRows(), f.NumRowGroups())
	}
	names := []string{"chain", "draw", "x[0]", "x[1]", "f", "u", "v", "i", "b"}
	for i, name := range names {
		if got := f.MetaData().Schema.Column(i).Name(); got != name {
			t.Errorf("column %d is %s, want %s", i, got, name)
		}
		col, err := f.RowGroup(0).Column(i)
		if err != nil {
			t.Fatal(err)
		}
		for row, got := range readColumn(t, col, 12) {
			c, d := row/4, row%4
			n := float64(10*c + d)
			want := []float64{float64(c), float64(d), n + 0.25, math.Inf(-1), n + 0.5, -1 - n, -1 - n, -n, float64(int(n) % 2)}[i]
			if got != want { // unsigned columns are read as the signed numbers of the same bits
				t.Errorf("%s row %d: %v, want %v", name, row, got, want)
			}
		}
	}
	for _, name := range []string{"u", "v"} {
		col := f.MetaData().Schema.Column(f.MetaData().Schema.ColumnIndexByName(name))
		if got := col.LogicalType().String(); got != map[string]string{"u": "Int(bitWidth=64, isSigned=false)", "v": "Int(bitWidth=32, isSigned=false)"}[name] {
			t.Errorf("%s has the logical type %s", name, got)
		}
	}
}

func readColumn(t *testing.T, col file.ColumnChunkReader, n int64) []float64 {
	t.Helper()
	switch col := col.(type) {
	case *file.Float64ColumnChunkReader:
		return readAll(t, col.ReadBatch, n, func(x float64) float64 { return x })
	case *file.Float32ColumnChunkReader:
		return readAll(t, col.ReadBatch, n, func(x float32) float64 { return float64(x) })
	case *file.Int32ColumnChunkReader:
		return readAll(t, col.ReadBatch, n, func(x int32) float64 { return float64(x) })
	case *file.Int64ColumnChunkReader:
		return readAll(t, col.ReadBatch, n, func(x int64) float64 { return float64(x) })
	case *file.BooleanColumnChunkReader:
		return readAll(t, col.ReadBatch, n, func(x bool) float64 { return map[bool]float64{true: 1}[x] })
	}
	t.Fatalf("unexpected column %T", col)
	return nil
}

func readAll[T any](t *testing.T, read func(int64, []T, []int16, []int16) (int64, int, error), n int64, conv func(T) float64) []float64 {
	t.Helper()
	buf := make([]T, n)
	if total, _, err := read(n, buf, nil, nil); err != nil || total != n {
		t.Fatalf("%d of %d values: %v", total, n, err)
	}
	var out []float64
	for _, x := range buf {
		out = append(out, conv(x))
	}
	return out
}

func TestWriteNothing(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, testReader(t), store.Selection{Phase: store.Warmup, Sites: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	f, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.NumRows() != 0 || f.MetaData().Schema.NumColumns() != 4 {
		t.Errorf("%d rows of %d columns", f.NumRows(), f.MetaData().Schema.NumColumns())
	}
}

type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errors.New("no space")
	}
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	r := testReader(t)
	if err := Write(&bytes.Buffer{}, r, store.Selection{Sites: []string{"nu"}}); err == nil {
		t.Error("an unknown site was exported")
	}
	for n := range 40 {
		if err := Write(&full{left: 20 * n}, r, store.Selection{}); err == nil {
			t.Errorf("a disk with %d bytes left was no error", 20*n)
		}
	}
}
