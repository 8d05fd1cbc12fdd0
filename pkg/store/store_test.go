package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func textCopy(text string) Copy {
	return Copy{Name: DataFile, Write: func(w io.Writer) error { _, err := io.WriteString(w, text); return err }}
}

func TestFlatNames(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  []string
	}{
		{nil, []string{"x"}},
		{[]int{2}, []string{"x[0]", "x[1]"}},
		{[]int{2, 2}, []string{"x[0,0]", "x[0,1]", "x[1,0]", "x[1,1]"}},
		{[]int{1, 1, 2}, []string{"x[0,0,0]", "x[0,0,1]"}},
	} {
		if got := FlatNames(Site{Name: "x", Shape: c.shape}); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.shape, got, c.want)
		}
	}
}

func TestSchemaValidate(t *testing.T) {
	ok := Site{Name: "x", Shape: []int{2}, DType: F64, Kind: Latent}
	change := func(f func(*Site)) Site { s := ok; f(&s); return s }
	for _, c := range []struct {
		want  string
		sites []Site
	}{
		{"listed twice", []Site{ok, ok}},
		{"no name", []Site{change(func(s *Site) { s.Name = "" })}},
		{"unknown dtype", []Site{change(func(s *Site) { s.DType = "f16" })}},
		{"unknown kind", []Site{change(func(s *Site) { s.Kind = "other" })}},
		{"at least one element", []Site{change(func(s *Site) { s.Shape = []int{0} })}},
		{"2^31-1", []Site{change(func(s *Site) { s.Shape = []int{1 << 20, 1 << 20} })}},
		{"1 axes and 2 dims", []Site{change(func(s *Site) { s.Dims = []string{"a", "b"} })}},
		{"2 positions and 1 coords", []Site{change(func(s *Site) { s.Dims = []string{"a"}; s.Coords = map[string][]string{"a": {"u"}} })}},
	} {
		s := Schema{Sites: c.sites}
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
	s := testSchema()
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

func TestRunJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	run := testRun(2, 0, 10)
	run.Settings.TargetAccept = 0.1
	run.Seconds.Total = Float(math.NaN())
	run.Files = []Input{{Role: "data", Name: DataFile, SHA256: "00"}}
	w, err := Create(dir, run, []Copy{textCopy("x")}, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(Failed, errors.New("it broke"), func(r *Run) { r.Counts.Leapfrogs = 7; r.ID = "other" }); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, runFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"seed": 18446744073709551615`, `"total": null`, `"target_accept": 0.1`, `"state": "failed"`, `"error": "it broke"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("run.json lacks %s:\n%s", want, text)
		}
	}
	got, err := ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got.Seed != math.MaxUint64 || !math.IsNaN(float64(got.Seconds.Total)) || got.Counts.Leapfrogs != 7 || got.ID != w.Run().ID || len(got.ID) != 32 {
		t.Errorf("read back: %+v", got)
	}
	newer := bytes.Replace(text, []byte(`"format": 1`), []byte(`"format": 2`), 1)
	if err := os.WriteFile(filepath.Join(dir, runFile), newer, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "newer drey") {
		t.Errorf("a newer format: %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, buffer := range []int{1, 2000, 0} { // a row a segment; some segments; one
		dir := filepath.Join(t.TempDir(), "run")
		w, err := Create(dir, testRun(3, 5, 40), nil, false, Options{BufferBytes: buffer, FS: noSync{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := (fakeSampler{warmup: 5, draws: 40, flush: 1000}).run(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		lengths := checkDraws(t, dir)
		if !slices.Equal(lengths[Sampling], []int{40, 40, 40}) || !slices.Equal(lengths[Warmup], []int{5, 5, 5}) {
			t.Errorf("lengths %v", lengths)
		}
		checkStats(t, dir)
	}
}

// TestUnevenChains: of many chains that come one after another, each with more rows than its share of the buffers, a segment
// holds many; nothing is lost, and the buffers stay bounded.
func TestUnevenChains(t *testing.T) {
	const chains, draws = 200, 40
	run := testRun(chains, 0, draws)
	dir := filepath.Join(t.TempDir(), "run")
	size := run.Schema.RowBytes()
	w, err := Create(dir, run, nil, false, Options{BufferBytes: 2 * chains * size, FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	for c := range chains {
		for d := range draws {
			if err := w.Append(fakeRow(&run.Schema, c, Sampling, int64(d))); err != nil {
				t.Fatal(err)
			}
			if n := w.held; n > 2*chains {
				t.Fatalf("%d rows are held, want %d at most", n, 2*chains)
			}
		}
	}
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if w.segment > 2*draws+1 { // half full ones
		t.Errorf("%d segments of %d rows each", w.segment, chains*draws/w.segment)
	}
	if lengths := checkDraws(t, dir); len(lengths[Sampling]) != chains || slices.Min(lengths[Sampling]) != draws {
		t.Errorf("lengths %v", lengths)
	}
}

// TestBatchesAreJoined: a segment of many chains has a few large batches, however few draws each chain has in it.
func TestBatchesAreJoined(t *testing.T) {
	const chains, width = 1500, 500
	run := testRun(chains, 0, 1)
	run.Schema = Schema{Sites: []Site{{Name: "x", Shape: []int{width}, DType: F64, Kind: Latent}}}
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, run, nil, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]byte, 8*width)
	for c := range chains {
		binary.LittleEndian.PutUint64(x[8*(width-1):], math.Float64bits(float64(c)))
		if err := w.Append(&Row{Chain: c, Values: [][]byte{x}}); err != nil {
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
	defer r.Close()
	m, err := r.segment(0)
	if err != nil {
		t.Fatal(err)
	}
	if want := chains*len(x)/batchBytes + 1; len(m.recs) != want || want != 2 {
		t.Errorf("%d batches, want %d", len(m.recs), want)
	}
	a, err := r.Draws("x", Sampling)
	if err != nil {
		t.Fatal(err)
	}
	last, err := a.Element(width - 1)
	if err != nil {
		t.Fatal(err)
	}
	for c, draws := range last {
		if len(draws) != 1 || draws[0] != float64(c) || a.At(c, 0, width-1) != float64(c) {
			t.Fatalf("chain %d has %v", c, draws)
		}
	}
}

func checkStats(t *testing.T, dir string) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, s := range StatSites() {
		a, err := r.Stat(s.Name, Sampling)
		if err != nil {
			t.Fatal(err)
		}
		for c := range 3 {
			for d := range 40 {
				st := fakeRow(&r.run.Schema, c, Sampling, int64(d)).Stats
				want := map[string]float64{"lp": st.LogDensity, "energy": st.Energy, "acceptance_rate": st.AcceptanceRate,
					"step_size": st.StepSize, "tree_depth": float64(st.TreeDepth), "n_steps": float64(st.Steps), "diverging": 0}[s.Name]
				if s.Name == "diverging" && st.Diverging {
					want = 1
				}
				if got := a.At(c, d); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
					t.Fatalf("%s chain %d draw %d: %v, want %v", s.Name, c, d, got, want)
				}
			}
		}
	}
	if _, err := r.Stat("nothing", Sampling); err == nil {
		t.Error("an unknown statistic was found")
	}
	if _, err := r.Draws("nu", Sampling); err == nil || !strings.Contains(err.Error(), "theta") {
		t.Errorf("an unknown site: %v", err)
	}
}

func TestArray(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, testRun(2, 0, 6), nil, false, Options{BufferBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := (fakeSampler{draws: 6, flush: 1000}).run(w); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a, err := r.Draws("theta", Sampling)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Shape(); !slices.Equal(got, []int{2, 6, 3}) {
		t.Fatalf("shape %v", got)
	}
	same := func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }
	draw := make([]float64, 3)
	for e := range 3 {
		chains, err := a.Element(e)
		if err != nil {
			t.Fatal(err)
		}
		for c := range 2 {
			for d := range 6 {
				if err := a.Draw(draw, c, d); err != nil {
					t.Fatal(err)
				}
				want := math.Float64frombits(wantBits(&r.run.Schema, 1, fakeRow(&r.run.Schema, c, Sampling, int64(d)), e))
				if !same(a.At(c, d, e), want) || !same(chains[c][d], want) || !same(draw[e], want) {
					t.Fatalf("chain %d draw %d element %d: %v %v %v, want %v", c, d, e, a.At(c, d, e), chains[c][d], draw[e], want)
				}
			}
		}
	}
	if a.Err() != nil {
		t.Error(a.Err())
	}
	all, err := a.Element(1)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 7 {
		chains, err := a.First(t.Context(), 1, n)
		if err != nil || len(chains) != 2 || !slices.EqualFunc(chains[0], all[0][:n], same) || !slices.EqualFunc(chains[1], all[1][:n], same) {
			t.Errorf("the first %d draws are %v, %v; want those of %v", n, chains, err, all)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.First(ended, 1, 6); !errors.Is(err, context.Canceled) {
		t.Errorf("draws that nobody waits for: %v", err)
	}
	for _, bad := range [][]int{{0, 0}, {2, 0, 0}, {0, 6, 0}, {0, 0, 3}, {0, -1, 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("At(%v) did not panic", bad)
				}
			}()
			a.At(bad...)
		}()
	}
}

func TestUnequalChains(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, testRun(3, 0, 10), nil, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	read := func() *Reader {
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := read(); r.Len(Sampling) != 0 || r.Notice(Sampling) != "" || !r.Live() {
		t.Errorf("before the first segment: %d draws, %q, live %v", r.Len(Sampling), r.Notice(Sampling), r.Live())
	}
	schema := testSchema()
	for c, n := range []int64{7, 3, 5} {
		for d := range n {
			if err := w.Append(fakeRow(&schema, c, Sampling, d)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r := read()
	defer r.Close()
	if r.Len(Sampling) != 3 || r.Notice(Sampling) != "the chains have 3 to 7 sampling draws: the first 3 of each are used" {
		t.Errorf("%d draws, %q", r.Len(Sampling), r.Notice(Sampling))
	}
	var b bytes.Buffer
	if err := r.WriteCSV(&b, Selection{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), "\n"); got != 1+3*3 {
		t.Errorf("%d lines of CSV", got)
	}
}

func TestAppendRefusals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, testRun(2, 3, 10), nil, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	schema := testSchema()
	row := func(chain int, phase Phase, draw int64, change func(*Row)) error {
		r := fakeRow(&schema, chain, phase, draw)
		if change != nil {
			change(r)
		}
		return w.Append(r)
	}
	for _, c := range []struct {
		want string
		err  error
	}{
		{"", row(0, Sampling, 0, nil)},
		{"appended after 1 draws", row(0, Sampling, 0, nil)},
		{"appended after 1 draws", row(0, Sampling, 2, nil)},
		{"appended after sampling draws", row(0, Warmup, 0, nil)},
		{"chain 2 of a run of 2", row(2, Sampling, 0, nil)},
		{"unknown phase", row(0, 2, 0, nil)},
		{"8 values for 9 sites", row(0, Sampling, 1, func(r *Row) { r.Values = r.Values[:8] })},
		{"16 bytes for 3 f64 elements", row(0, Sampling, 1, func(r *Row) { r.Values[1] = r.Values[1][:16] })},
		{"", w.Flush()},
		{"appended after 1 draws", row(0, Sampling, 0, nil)},
	} {
		if c.want == "" && c.err != nil || c.want != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.want)) {
			t.Errorf("want %q: %v", c.want, c.err)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "run"), testRun(1, 0, 5000), nil, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	schema := testSchema()
	r := fakeRow(&schema, 0, Sampling, 0)
	n := int64(0)
	allocs := testing.AllocsPerRun(2000, func() {
		r.Draw = n
		n++
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a draw", allocs)
	}
}

// TestLazy reads one small site of a run and checks that the large one beside it was not copied to memory.
func TestLazy(t *testing.T) {
	run := testRun(1, 0, 64)
	run.Schema = Schema{Sites: []Site{{Name: "large", Shape: []int{1 << 16}, DType: F64, Kind: Latent}, {Name: "x", DType: F64, Kind: Latent}}}
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, run, nil, false, Options{BufferBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	row := &Row{Values: [][]byte{make([]byte, 8<<16), make([]byte, 8)}}
	for ; row.Draw < 64; row.Draw++ {
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a, err := r.Draws("x", Sampling)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := a.Element(0); err != nil || len(x[0]) != 64 {
		t.Fatal(len(x[0]), err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("reading 512 bytes of a run of 32 MiB allocated %d bytes", n)
	}
}

func TestManySegments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	run := testRun(1, 0, maxMapped+20)
	run.Schema = Schema{Sites: []Site{{Name: "x", DType: F64, Kind: Latent}}}
	w, err := Create(dir, run, nil, false, Options{BufferBytes: 1, FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	for d := range int64(maxMapped + 20) {
		if err := w.Append(&Row{Draw: d, Values: [][]byte{{byte(d), 0, 0, 0, 0, 0, 0xf0, 0x3f}}}); err != nil {
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
	defer r.Close()
	a, err := r.Draws("x", Sampling)
	if err != nil {
		t.Fatal(err)
	}
	for d := range maxMapped + 20 {
		if got, want := a.At(0, d), math.Float64frombits(0x3ff0000000000000|uint64(d)); got != want {
			t.Fatalf("draw %d: %v, want %v", d, got, want)
		}
	}
	if len(r.open) > maxMapped {
		t.Errorf("%d segments are mapped", len(r.open))
	}
}

// noSync is the operating system's file system without waiting for the disk.
type noSync struct{ OS }

type noSyncFile struct{ *os.File }

func (noSync) SyncDir(string) error { return nil }

func (noSync) Create(path string) (File, error) {
	f, err := os.Create(path)
	return noSyncFile{f}, err
}

func (noSyncFile) Sync() error { return nil }

func TestFloatJSON(t *testing.T) {
	for _, x := range []float64{0, 0.1, -1e300, 5e-324, math.Copysign(0, -1)} {
		b, err := json.Marshal(Float(x))
		var y Float
		if err != nil || json.Unmarshal(b, &y) != nil || math.Float64bits(float64(y)) != math.Float64bits(x) {
			t.Errorf("%v: %s reads back as %v; %v", x, b, y, err)
		}
	}
	if b, err := json.Marshal(Float(math.Inf(1))); err != nil || string(b) != "null" {
		t.Errorf("+Inf: %s, %v", b, err)
	}
}
