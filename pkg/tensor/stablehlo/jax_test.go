package stablehlo_test

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// jaxCase is a program that testdata/export.py wrote.
type jaxCase struct {
	Name, Text    string
	Args, Results []jaxArray
}

type jaxArray struct {
	DType string
	Shape []int
	Hex   string
}

func (a jaxArray) array(t *testing.T) *tensor.Array {
	t.Helper()
	for d, name := range numpyTypes {
		if name == a.DType {
			data, err := hex.DecodeString(a.Hex)
			if err != nil {
				t.Fatal(err)
			}
			return engine.ArrayOf(d, a.Shape, data)
		}
	}
	t.Fatalf("an array of %s", a.DType)
	return nil
}

// jaxCases returns the cases of all files, by the name of the file.
func jaxCases(t testing.TB) map[string][]jaxCase {
	t.Helper()
	files, err := filepath.Glob("testdata/jax/*.json.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	out := map[string][]jaxCase{}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		packed, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		var cases []jaxCase
		if err := json.NewDecoder(packed).Decode(&cases); err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(name), ".json.gz")] = cases
	}
	return out
}

func TestJAX(t *testing.T) {
	for group, cases := range jaxCases(t) {
		for _, c := range cases {
			t.Run(group+"/"+c.Name, func(t *testing.T) {
				f, err := stablehlo.Parse(c.Text)
				if err != nil {
					t.Fatalf("%v\n%s", err, numbered(c.Text))
				}
				c.check(t, f)
				roundTrip(t, f)
			})
		}
	}
}

// TestJAXBecomes checks that what JAX writes in many operations becomes the one of ours, not a loop or a general form.
func TestJAXBecomes(t *testing.T) {
	cases := map[string]jaxCase{}
	for group, list := range jaxCases(t) {
		for _, c := range list {
			cases[group+"/"+c.Name] = c
		}
	}
	for _, want := range []struct {
		name string
		ops  map[tensor.Op]int
	}{
		{"reduce/arg", map[tensor.Op]int{tensor.OpArgMax: 2, tensor.OpArgMin: 2, tensor.OpScan: 0}},
		{"reduce/arg_ints", map[tensor.Op]int{tensor.OpArgMax: 1, tensor.OpArgMin: 1, tensor.OpScan: 0}},
		{"reduce/arg_f32_nan", map[tensor.Op]int{tensor.OpArgMax: 1, tensor.OpArgMin: 1, tensor.OpScan: 0}},
		{"reduce/sum_(0, 2)", map[tensor.Op]int{tensor.OpReduceSum: 2, tensor.OpAdd: 0}},
		{"reduce/cumulative_True", map[tensor.Op]int{tensor.OpCumsum: 3, tensor.OpScan: 2}},
		{"sort/sort", map[tensor.Op]int{tensor.OpSort: 3}},
		{"sort/ints", map[tensor.Op]int{tensor.OpSort: 2, tensor.OpArgsort: 1, tensor.OpTake: 0}},
		{"index/gather", map[tensor.Op]int{tensor.OpTake: 5, tensor.OpIota: 0}},
		{"index/gradient", map[tensor.Op]int{tensor.OpScatterAdd: 2}},
		{"linalg/cho_solve", map[tensor.Op]int{tensor.OpCholesky: 1, tensor.OpTriangularSolve: 2}},
		{"linalg/batched", map[tensor.Op]int{tensor.OpDot: 5}},
		{"shape/dynamic", map[tensor.Op]int{tensor.OpDynamicSlice: 3, tensor.OpDynamicUpdate: 1, tensor.OpTake: 0}},
		{"control/while", map[tensor.Op]int{tensor.OpWhile: 1}},
		{"control/switch_1", map[tensor.Op]int{tensor.OpCond: 2}},
	} {
		f, err := stablehlo.Parse(cases[want.name].Text)
		if err != nil {
			t.Errorf("%s: %v", want.name, err)
			continue
		}
		got := map[tensor.Op]int{}
		countOps(got, f.Body)
		for op, n := range want.ops {
			if got[op] != n {
				t.Errorf("%s becomes %d %s, want %d\n%s", want.name, got[op], op, n, f)
			}
		}
	}
}

func countOps(counts map[tensor.Op]int, r *tensor.Region) {
	for _, n := range r.Nodes {
		counts[n.Op]++
		for _, s := range n.Regions {
			countOps(counts, s)
		}
	}
}

func (c jaxCase) check(t *testing.T, f *tensor.Func) {
	t.Helper()
	args := make([]*tensor.Array, len(c.Args))
	for i, a := range c.Args {
		args[i] = a.array(t)
	}
	got, err := eval.Run(f, args)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(c.Results) {
		t.Fatalf("%d results, want %d", len(got), len(c.Results))
	}
	for i, r := range c.Results {
		if p := beyond(got[i], r.array(t)); p != "" {
			t.Errorf("result %d: %s\n%s", i, p, f)
		}
	}
}

// beyond describes elements that differ by more than a relative 1e-12 (4e-6 of f32), or by that much of the largest
// element where the sum behind it cancels.
func beyond(got, want *tensor.Array) string {
	tolerance := 1e-12
	if want.DType == tensor.F32 {
		tolerance = 4e-6
	}
	if got.DType != want.DType || fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return fmt.Sprintf("%s, want %s", tensor.FormatShape(got.DType, got.Shape), tensor.FormatShape(want.DType, want.Shape))
	}
	x, y := got.Float64s(), want.Float64s()
	largest := 0.0
	for _, v := range y {
		if !math.IsInf(v, 0) {
			largest = math.Max(largest, math.Abs(v))
		}
	}
	for i := range y {
		switch {
		case got.Bits[i] == want.Bits[i], x[i] != x[i] && y[i] != y[i]:
		case want.DType.IsFloat() && math.Abs(x[i]-y[i]) <= tolerance*math.Max(math.Abs(y[i]), 1e-3*largest):
		default:
			return fmt.Sprintf("element %d is %.17g, want %.17g", i, x[i], y[i])
		}
	}
	return ""
}
