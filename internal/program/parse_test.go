package program_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/program"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// A normal location of known scale: x ~ Normal(0, 1), y observed.
const (
	logDensity = `module @m {
  func.func public @main(%arg0: tensor<1xf64>, %arg1: tensor<2xf64>) -> (tensor<f64>, tensor<1xf64>) {
    %0 = stablehlo.reshape %arg0 : (tensor<1xf64>) -> tensor<f64>
    %1 = stablehlo.negate %arg0 : tensor<1xf64>
    return %0, %1 : tensor<f64>, tensor<1xf64>
  }
}
`
	constrain = `module @m {
  func.func public @main(%arg0: tensor<1xf64>, %arg1: tensor<2xf64>) -> tensor<f64> {
    %0 = stablehlo.reshape %arg0 : (tensor<1xf64>) -> tensor<f64>
    return %0 : tensor<f64>
  }
}
`
	manifest = `{
 "format": "drey program", "version": 1, "model": "location", "float": "f64", "dimension": 1,
 "sites": [
  {"name": "x", "kind": "latent", "dtype": "f64", "shape": [], "dims": [], "constraint": "real", "offset": 0, "unconstrained_shape": []}
 ],
 "columns": [{"name": "y", "dtype": "f64", "shape": [2], "file": "data/0.npy", "sha256": "DATA"}],
 "programs": {
  "log_density": {"file": "log_density.mlir", "sha256": "DENSITY", "outputs": ["log_density", "gradient"]},
  "constrain": {"file": "constrain.mlir", "sha256": "CONSTRAIN", "outputs": ["x"]}
 }
}
`
)

// npy returns a .npy file of little-endian words.
func npy(descr, shape string, words ...any) string {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
	b = append(b, header...)
	for _, w := range words {
		b, _ = binary.Append(b, binary.LittleEndian, w)
	}
	return string(b)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// entries returns the entries of a whole file.
func entries() map[string]string {
	return map[string]string{
		"manifest.json": manifest, "log_density.mlir": logDensity, "constrain.mlir": constrain,
		"data/0.npy": npy("<f8", "(2,)", 1.5, math.NaN()),
	}
}

// pack returns the archive of entries, with their digests in the manifest.
func pack(t *testing.T, e map[string]string) []byte {
	t.Helper()
	if text, ok := e["manifest.json"]; ok {
		e["manifest.json"] = strings.NewReplacer(
			"DATA", digest(e["data/0.npy"]), "DENSITY", digest(e["log_density.mlir"]), "CONSTRAIN", digest(e["constrain.mlir"]),
		).Replace(text)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range e {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParse(t *testing.T) {
	m, err := program.Parse(pack(t, entries()))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "location" || m.Float != tensor.F64 || len(m.Columns) != 1 || m.Columns[0].Name != "y" {
		t.Errorf("model %s of %s, columns %v", m.Name, m.Float, m.Columns)
	}
	if y := m.Columns[0].Array().Float64s(); y[0] != 1.5 || !math.IsNaN(y[1]) {
		t.Errorf("y = %v", y)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b.Manifest.Dimension != 1 || b.Manifest.Sites[0].UnconstrainedSize != 1 || b.Constrain.Out[0].Name != "x" {
		t.Errorf("manifest %+v", b.Manifest)
	}
}

// TestDTypes: arrays of every type arrive as they were written, to the bit.
func TestDTypes(t *testing.T) {
	for _, c := range []struct {
		descr, dtype, mlir string
		words              []any
		want               []uint64
	}{
		{"<f8", "f64", "f64", []any{math.Copysign(0, -1), math.Inf(1)}, []uint64{1 << 63, math.Float64bits(math.Inf(1))}},
		{"<f4", "f32", "f32", []any{float32(0.1), float32(-2)}, []uint64{uint64(math.Float32bits(0.1)), uint64(math.Float32bits(-2))}},
		{"<i8", "i64", "i64", []any{int64(-1), int64(1) << 60}, []uint64{math.MaxUint64, 1 << 60}},
		{"<i4", "i32", "i32", []any{int32(-1), int32(7)}, []uint64{math.MaxUint32, 7}},
		{"<u4", "u32", "ui32", []any{uint32(math.MaxUint32), uint32(7)}, []uint64{math.MaxUint32, 7}},
		{"|b1", "bool", "i1", []any{true, false}, []uint64{1, 0}},
	} {
		e := entries()
		e["data/0.npy"] = npy(c.descr, "(2,)", c.words...)
		e["manifest.json"] = strings.Replace(manifest, `"y", "dtype": "f64"`, `"y", "dtype": "`+c.dtype+`"`, 1)
		for _, name := range []string{"log_density.mlir", "constrain.mlir"} {
			e[name] = strings.ReplaceAll(e[name], "2xf64", "2x"+c.mlir)
		}
		m, err := program.Parse(pack(t, e))
		if err != nil {
			t.Errorf("%s: %v", c.dtype, err)
			continue
		}
		if got := m.Columns[0].Array().Bits; got[0] != c.want[0] || got[1] != c.want[1] {
			t.Errorf("%s: %x, want %x", c.dtype, got, c.want)
		}
	}
}

// TestRefused: files that are not whole, not of this version, or at odds with themselves.
func TestRefused(t *testing.T) {
	replace := func(from, to string) func(map[string]string) {
		return func(e map[string]string) {
			if !strings.Contains(e["manifest.json"], from) {
				t.Fatalf("the manifest has no %s", from)
			}
			e["manifest.json"] = strings.Replace(e["manifest.json"], from, to, 1)
		}
	}
	for _, c := range []struct {
		name   string
		change func(map[string]string)
		want   string
	}{
		{"no manifest", func(e map[string]string) { delete(e, "manifest.json") }, `"manifest.json" is missing`},
		{"no program", func(e map[string]string) { delete(e, "constrain.mlir") }, `"constrain.mlir" is missing`},
		{"no data", func(e map[string]string) { delete(e, "data/0.npy") }, `data "y": the entry "data/0.npy" is missing`},
		{"other format", replace("drey program", "drey log"), `"drey log"`},
		{"newer", replace(`"version": 1`, `"version": 2`), "get a newer drey"},
		{"older", replace(`"version": 1`, `"version": 0`), "export the model again"},
		{"no JSON", replace("{", "["), "manifest.json"},
		{"wrong type", replace(`"dimension": 1`, `"dimension": "1"`), "dimension"},
		{"name", replace(`"location"`, `"../location"`), `"../location"`},
		{"float", replace(`"float": "f64"`, `"float": "f16"`), `precision "f16"`},
		{"dimension", replace(`"dimension": 1`, `"dimension": 2`), "1 elements of a position of length 2"},
		{"kind", replace(`"latent"`, `"observed"`), "0 elements of a position of length 1"},
		{"huge site", replace(`"shape": []`, `"shape": [65536, 65536]`), `site "x": the shape [65536 65536]`},
		{"negative", replace(`"shape": [2]`, `"shape": [-2]`), `data "y": the shape [-2]`},
		{"huge data", replace(`"shape": [2]`, `"shape": [2147483647]`), "more than the"},
		{"dtype", replace(`"y", "dtype": "f64"`, `"y", "dtype": "f16"`), `unknown dtype "f16"`},
		{"shape", replace(`"shape": [2]`, `"shape": [1]`), "numbers of shape [2], the manifest says f64[1]"},
		{"integers", replace(`"y", "dtype": "f64"`, `"y", "dtype": "i64"`), "the manifest says i64[2]"},
		{"digest", replace("DATA", digest("")), `"data/0.npy" was changed`},
		{"program digest", replace("DENSITY", ""), `program log_density: the entry "log_density.mlir" was changed`},
		{"not named", replace(`"constrain": {`, `"constrains": {`), `no program "constrain"`},
		{"unknown program", replace(`"programs": {`, `"programs": {"guess": {},`), `"guess", which this drey does not know`},
		{"outputs", replace(`["x"]`, `["x", "y"]`), "program constrain: 1 results, the manifest names 2"},
		{"site", replace(`"name": "x"`, `"name": ""`), `site 0: "" has no name`},
		{"no StableHLO", func(e map[string]string) { e["constrain.mlir"] = "func" }, "program constrain:"},
		{"no npy", func(e map[string]string) { e["data/0.npy"] = "1, 2" }, "not a .npy file"},
		{"parameters", func(e map[string]string) { e["constrain.mlir"] = strings.Replace(constrain, "2xf64", "3xf64", 1) }, "parameter 1 is f64[3], want f64[2]"},
	} {
		e := entries()
		c.change(e)
		_, err := program.Parse(pack(t, e))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}

// TestDamaged: a file cut off anywhere, or with a byte changed, is an error or the same model, never a panic.
func TestDamaged(t *testing.T) {
	whole := pack(t, entries())
	want, err := program.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 7 {
		if _, err := program.Parse(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are a program file", n, len(whole))
		}
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0x20
		if m, err := program.Parse(damaged); err == nil && (m.Name != want.Name || !bytes.Equal(m.Columns[0].Bytes, want.Columns[0].Bytes)) {
			t.Errorf("with byte %d changed it is another model: %v", n, m)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.drey")
	content := pack(t, entries())
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := program.Read(path)
	if err != nil || !bytes.Equal(f.Content, content) || f.Model.Name != "location" {
		t.Errorf("%v, %v", f, err)
	}
	for _, c := range []struct{ path, want string }{{filepath.Join(dir, "n.drey"), "no such file"}, {dir, "is a directory"}} {
		if _, err := program.Read(c.path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	for word, want := range map[string]bool{"m.drey": true, "a/M.DREY": true, "eight-schools": false, "drey": false} {
		if program.Named(word) != want {
			t.Errorf("Named(%q) is %v", word, !want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("PK"))
	f.Fuzz(func(_ *testing.T, content []byte) { _, _ = program.Parse(content) })
}
