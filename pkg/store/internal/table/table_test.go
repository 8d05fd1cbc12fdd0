package table

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var columns = []Column{
	{Name: "chain", Type: Int32, Key: true}, {Name: "phase", Type: Int8, Key: true}, {Name: "x[0,1]", Type: Float64}, {Name: "f", Type: Float32},
	{Name: "i", Type: Int64}, {Name: "u", Type: Uint64}, {Name: "v", Type: Uint32}, {Name: "site:lp", Type: Bool},
}

// values returns any bits that a column may have: those of NaNs among them.
func values(c Column, group, rows int) []byte {
	rng := rand.New(rand.NewPCG(uint64(c.Type), uint64(group)))
	out := make([]byte, rows*c.Type.Size())
	for i := range out {
		out[i] = byte(rng.Uint32())
		switch {
		case c.Type == Bool:
			out[i] &= 1
		case c.Type == Int8 && i%4 > 0:
			out[i] = byte(int8(out[i-1]) >> 7) // the sign
		case (c.Type == Float64 || c.Type == Float32) && i%(3*c.Type.Size()) >= 3*c.Type.Size()-2:
			out[i] = 0xff // a NaN with some payload
		}
	}
	return out
}

var groups = []int{1, 40_000, 7}

func written(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, columns, "about")
	if err != nil {
		t.Fatal(err)
	}
	for g, rows := range groups {
		if err := w.Group(func(col int) ([]byte, error) { return values(columns[col], g, rows), nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBits: every bit of every value comes back, in any order of reading.
func TestBits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.parquet")
	if err := os.WriteFile(path, written(t), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, columns)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range groups {
		g := len(groups) - 1 - i
		for c := range columns {
			got, err := f.Read(g, c, groups[g])
			if err != nil || !bytes.Equal(got, values(columns[c], g, groups[g])) {
				t.Errorf("group %d, column %s is not what was written: %v", g, columns[c].Name, err)
			}
		}
	}
	for _, c := range []struct{ group, rows int }{{3, 1}, {0, 2}, {1, 1}} {
		if _, err := f.Read(c.group, 0, c.rows); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("group %d of %d rows: %v", c.group, c.rows, err)
		}
	}
	for i := range columns {
		other := append([]Column{}, columns...)
		other[i].Name += "!"
		if _, err := Open(path, other); err == nil || !strings.Contains(err.Error(), "not a table of this run") {
			t.Errorf("column %d has another name: %v", i, err)
		}
	}
}

// TestDamage: a file that is cut or changed is an error or has other values, and never a crash.
func TestDamage(t *testing.T) {
	whole := written(t)
	path := filepath.Join(t.TempDir(), "t.parquet")
	try := func(b []byte) error {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path, columns)
		if err != nil {
			return err
		}
		var errs []error
		for c := range columns {
			_, err := f.Read(2, c, groups[2])
			errs = append(errs, err)
		}
		return errors.Join(append(errs, f.Close())...)
	}
	for i := 1; i < 12; i++ {
		if err := try(whole[:i*len(whole)/12]); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%d bytes of %d: %v", i*len(whole)/12, len(whole), err)
		}
	}
	for i := len(whole) - 2000; i < len(whole); i += 41 {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x55
		_ = try(bad)
	}
}

// TestErrors: what values returns as an error ends the writing.
func TestErrors(t *testing.T) {
	w, err := NewWriter(&bytes.Buffer{}, columns, "")
	if err != nil {
		t.Fatal(err)
	}
	reason := errors.New("no values")
	if err := w.Group(func(int) ([]byte, error) { return nil, reason }); !errors.Is(err, reason) {
		t.Error(err)
	}
	if _, err := NewWriter(&bytes.Buffer{}, []Column{{Name: "x", Type: Bool + 1}}, ""); err == nil {
		t.Error("a column of no type")
	}
}
