package store

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// exported returns a Reader of a run of two chains and two draws with special values.
func exported(t *testing.T) *Reader {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	run := testRun(2, 0, 2)
	run.Schema = Schema{SampleStats: true, Sites: []Site{
		{Name: "mu", DType: F64, Kind: Latent},
		{Name: "theta", Shape: []int{1, 2}, DType: F64, Kind: Latent},
		{Name: "chain", DType: I64, Kind: Deterministic},
		{Name: "u", DType: U64, Kind: Deterministic},
		{Name: "s", DType: F32, Kind: Deterministic},
		{Name: "ok", DType: Bool, Kind: Deterministic},
		{Name: "mu_base", DType: F64, Kind: Auxiliary},
	}}
	w, err := Create(dir, run, nil, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	f64 := func(x ...float64) (b []byte) {
		for _, v := range x {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	word := func(u uint64) []byte { return binary.LittleEndian.AppendUint64(nil, u) }
	rows := [][][]byte{
		{f64(0.1), f64(1, -2.5), word(math.MaxUint64), word(math.MaxUint64), nil, {1}, f64(9)},
		{f64(math.NaN()), f64(math.Inf(1), math.Inf(-1)), word(1 << 62), word(0), nil, {0}, f64(9)},
		{f64(123456789), f64(1e21, 1e-7), word(0), word(1<<53 + 1), nil, {1}, f64(9)},
		{f64(math.Copysign(0, -1)), f64(5e-324, math.MaxFloat64), word(7), word(7), nil, {0}, f64(9)},
	}
	for i, v := range rows {
		v[4] = binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.1))
		if err := w.Append(&Row{Chain: i / 2, Draw: int64(i % 2), Values: v}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestWriteCSV(t *testing.T) {
	r := exported(t)
	var b bytes.Buffer
	if err := r.WriteCSV(&b, Selection{}); err != nil {
		t.Fatal(err)
	}
	want := `chain,draw,mu,"theta[0,0]","theta[0,1]",site:chain,u,s,ok
0,0,0.1,1,-2.5,-1,18446744073709551615,0.1,true
0,1,NaN,Inf,-Inf,4611686018427387904,0,0.1,false
1,0,123456789,1e+21,1e-07,0,9007199254740993,0.1,true
1,1,-0,5e-324,1.7976931348623157e+308,7,7,0.1,false
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(records) != 5 {
		t.Errorf("%d records, %v", len(records), err)
	}
	b.Reset()
	if err := r.WriteCSV(&b, Selection{Sites: []string{"mu_base", "mu"}}); err != nil {
		t.Fatal(err)
	}
	if got := strings.SplitN(b.String(), "\n", 3)[:2]; got[0] != "chain,draw,mu_base,mu" || got[1] != "0,0,9,0.1" {
		t.Errorf("two sites: %q", got)
	}
	b.Reset()
	if err := r.WriteCSV(&b, Selection{Phase: Warmup, Sites: []string{"mu"}}); err != nil || b.String() != "chain,draw,mu\n" {
		t.Errorf("no warmup draws: %q, %v", b.String(), err)
	}
}

func TestWriteJSON(t *testing.T) {
	r := exported(t)
	var b bytes.Buffer
	if err := r.WriteJSON(&b, Selection{}); err != nil {
		t.Fatal(err)
	}
	want := `{"chain":0,"draw":1,"mu":null,"theta[0,0]":null,"theta[0,1]":null,"site:chain":4611686018427387904,"u":0,"s":0.1,"ok":false}`
	if !strings.Contains(b.String(), "\n"+want+",\n") {
		t.Errorf("got\n%s", b.String())
	}
	var rows []map[string]any
	if err := json.Unmarshal(b.Bytes(), &rows); err != nil || len(rows) != 4 || rows[3]["theta[0,1]"] != math.MaxFloat64 {
		t.Errorf("%v, %v", rows, err)
	}
	b.Reset()
	if err := r.WriteJSON(&b, Selection{Phase: Warmup}); err != nil || b.String() != "[]\n" {
		t.Errorf("no draws: %q, %v", b.String(), err)
	}
}

func TestExportRefusals(t *testing.T) {
	r := exported(t)
	for _, c := range []struct {
		sites []string
		want  string
	}{{[]string{"nu"}, `no site "nu"`}, {[]string{"mu", "mu"}, "selected twice"}} {
		if err := r.WriteCSV(&bytes.Buffer{}, Selection{Sites: c.sites}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.sites, err)
		}
	}
	if err := r.WriteJSON(full{}, Selection{}); err == nil || !strings.Contains(err.Error(), "export") {
		t.Errorf("a writer that fails: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

// TestTextRoundTrips: the text of a float reads back to the same bits.
func TestTextRoundTrips(t *testing.T) {
	for draw := range int64(2000) {
		x := fakeFloat(0, Sampling, draw, 0, 0) * math.Pow(10, float64(draw%600)-300)
		if math.IsNaN(x) {
			continue
		}
		text := string(appendFloat(nil, x, 64, false))
		if y, err := strconv.ParseFloat(text, 64); err != nil || math.Float64bits(y) != math.Float64bits(x) {
			t.Errorf("%x is written %s, which reads %x", x, text, y)
		}
	}
}
