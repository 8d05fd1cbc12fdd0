package datafile

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNumpy reads what testdata/make.py wrote with NumPy.
func TestNumpy(t *testing.T) {
	inf := math.Inf(1)
	cube := make([]int64, 24)
	for i := range cube {
		cube[i] = int64(i)
	}
	for file, want := range map[string]Columns{
		"f8.npy":           {f64("f8", []int{2, 3}, 1.5, -2, 3, 4, 5, inf)},
		"f8_fortran.npy":   {f64("f8_fortran", []int{2, 3}, 1.5, -2, 3, 4, 5, inf)},
		"f4_big.npy":       {f64("f4_big", []int{2, 3}, 1.5, -2, 3, 4, 5, inf)},
		"i4.npy":           {i64("i4", []int{3}, 1, -2, 3)},
		"i8_big.npy":       {i64("i8_big", []int{2, 1}, 1<<53+1, -(1 << 62))},
		"u1.npy":           {i64("u1", []int{2}, 0, 255)},
		"b1.npy":           {{Name: "b1", Shape: []int{3}, Bool: []bool{true, false, true}}},
		"scalar.npy":       {f64("scalar", nil, 2.5)},
		"cube_fortran.npy": {i64("cube_fortran", []int{2, 3, 4}, cube...)},
		"two.npz":          {f64("y", []int{2}, 1, 2), i64("X", []int{3, 2}, 0, 1, 2, 3, 4, 5)},
		"packed.npz":       {f64("y", []int{2}, 1, 2)},
	} {
		got, err := Read(filepath.Join("testdata", file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		sameColumns(t, file, got, want)
	}
}

// TestTables reads what testdata/make.py wrote with pyarrow and pandas.
func TestTables(t *testing.T) {
	x := func(shape ...int) Column { return f64("", shape, 1, 2, 3, 4, 5, 6) }
	named := func(name string, c Column) Column { c.Name = name; return c }
	want := Columns{
		f64("y", []int{3}, 1.5, 2.5, math.NaN()),
		i64("n", []int{3}, 1, 2, 3),
		i64("big", []int{3}, 1<<53+1, math.MinInt64, math.MaxInt64),
		i64("small", []int{3}, 1, 2, 255),
		i64("u", []int{3}, 1, 2, math.MaxUint32),
		f64("f", []int{3}, 0.5, 0.25, 0.125),
		{Name: "ok", Shape: []int{3}, Bool: []bool{true, false, true}},
		{Name: "name", Shape: []int{3}, Strings: []string{"a", "b", "ä"}},
		{Name: "level", Shape: []int{3}, Strings: []string{"lo", "hi", "lo"}},
		i64("X", []int{3, 2}, 1, 2, 3, 4, 5, 6),
		named("fixed", x(3, 2)),
		named("deep", x(3, 2, 1)),
	}
	for _, file := range []string{"table.parquet", "table.arrow", "stream.arrow"} {
		got, err := Read(filepath.Join("testdata", file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		sameColumns(t, file, got, want)
		if p := got.Get("X").Place(3); p != filepath.Join("testdata", file)+": column X, row 2[1]" {
			t.Errorf("place %s", p)
		}
	}
	got, err := Read("testdata/pandas.parquet")
	if err != nil {
		t.Fatal(err)
	}
	sameColumns(t, "pandas", got, Columns{f64("y", []int{2}, 1, 2)})
}

func TestBinaryRefusals(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"text.npy", `the type "<U1" can't be read: save the array as float64`},
		{"u8_large.npy", "element [1] is 9223372036854775808: integers beyond 2^63-1"},
		{"bad_null.*", "column y: row 2 "},
		{"bad_nullinlist.*", "column y: row 2 "},
		{"bad_ragged.*", "row 2 has a list of 1 elements where those before it have 2"},
		{"bad_empty.*", "column y: row 2 "},
		{"bad_huge.*", "row 2 holds 9223372036854775808: integers beyond 2^63-1"},
		{"bad_date.*", "can't be read: make it numbers"},
		{"bad_struct.*", "column y"},
	} {
		files := []string{c.file}
		if base, ok := strings.CutSuffix(c.file, "*"); ok {
			files = []string{base + "arrow", base + "parquet"}
		}
		for _, file := range files {
			_, err := Read(filepath.Join("testdata", file))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("%s: got %v, want %s", file, err, c.want)
			}
		}
	}
}

// TestDamagedNumpy cuts and changes .npy files: an error or an array, never a panic.
func TestDamagedNumpy(t *testing.T) {
	whole, err := os.ReadFile("testdata/f8_fortran.npy")
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		if _, err := parseNPY("d.npy", whole[:i]); err == nil {
			t.Errorf("%d bytes were read as an array", i)
		}
		b := bytes.Clone(whole)
		b[i] ^= 0x10
		if cols, err := parseNPY("d.npy", b); err == nil && product(cols[0].Shape) != cols[0].Len() {
			t.Errorf("byte %d: %d elements for shape %v", i, cols[0].Len(), cols[0].Shape)
		}
	}
}

func TestCopy(t *testing.T) {
	cols := Columns{
		f64("y", []int{2, 2}, 1, math.Float64frombits(0xfff8000000000001), math.Inf(1), math.Copysign(0, -1)),
		f64("empty", []int{0, 3}),
		f64("scalar", nil, 2.5),
		i64("n", []int{3}, math.MinInt64, 0, math.MaxInt64),
		{Name: "b", Shape: []int{9}, Bool: []bool{true, false, true, true, false, false, false, true, true}},
		{Name: "s", Shape: []int{2}, Strings: []string{"", "ä,\n"}},
		{Name: "none", Shape: []int{0}, Strings: []string{}},
	}
	for _, c := range []Columns{cols, {}} {
		path := filepath.Join(t.TempDir(), "data.arrow")
		var b bytes.Buffer
		if err := Encode(&b, c); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		read, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := Decode(&b, "data.arrow")
		if err != nil {
			t.Fatal(err)
		}
		sameColumns(t, "Read", read, c)
		sameColumns(t, "Decode", decoded, c)
		if read.Digest() != c.Digest() {
			t.Error("the copy has another digest")
		}
	}
	if err := Encode(&bytes.Buffer{}, Columns{f64("y", []int{3}, 1)}); err == nil {
		t.Error("a column with a wrong shape was encoded")
	}
}

// TestDigest: the same data in another format and order have the same digest, and any change has another.
func TestDigest(t *testing.T) {
	base := Columns{f64("y", []int{2}, 1, math.NaN()), i64("n", []int{2}, 1, 2)}
	text, err := readText(t, "d.csv", "n,y\n1,1.0\n2,nan\n")
	if err != nil {
		t.Fatal(err)
	}
	if text.Digest() != base.Digest() {
		t.Error("the digest depends on the file's format or order")
	}
	seen := map[string]int{base.Digest(): -1}
	for i, c := range []Columns{
		{f64("y", []int{2}, 1, 2), i64("n", []int{2}, 1, 2)},
		{f64("y", []int{2}, 1, math.NaN()), i64("m", []int{2}, 1, 2)},
		{f64("y", []int{2}, 1, math.NaN()), f64("n", []int{2}, 1, 2)},
		{f64("y", []int{2, 1}, 1, math.NaN()), i64("n", []int{2}, 1, 2)},
		{f64("y", []int{2}, 1, math.NaN())},
		{},
		{{Name: "s", Shape: []int{2}, Strings: []string{"ab", "c"}}},
		{{Name: "s", Shape: []int{2}, Strings: []string{"a", "bc"}}},
	} {
		d := c.Digest()
		if k, ok := seen[d]; ok {
			t.Errorf("cases %d and %d have the same digest", i, k)
		}
		seen[d] = i
	}
}
