package model_test

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type radonData struct {
	J      int          `drey:"J"`
	County tensor.Value `drey:"county,index=J"`
	Floor  tensor.Value `drey:"floor,dtype=i32"`
	LogU   tensor.Value `drey:"log_uranium"`
	Low    tensor.Value `drey:"low,optional,infinite"`
	Y      tensor.Value `drey:"y,optional"`
	Notes  string       `drey:"-"`
}

func radonOK() model.Data {
	return model.Data{
		"J": 3, "county": []int{0, 2, 1, 2}, "floor": []any{1.0, 0.0, 0.0, 1.0},
		"log_uranium": [][]float64{{0.5, 1}, {-1, 2}}, "y": []float32{1, 2, 3, 4.5},
	}
}

func TestBind(t *testing.T) {
	d, cols, err := model.Bind[radonData](radonOK(), tensor.F64)
	if err != nil {
		t.Fatal(err)
	}
	if d.J != 3 {
		t.Errorf("J = %d, want 3", d.J)
	}
	want := []struct {
		name, dtype string
		values      []float64
	}{
		{"county", "i32[4]", []float64{0, 2, 1, 2}},
		{"floor", "i32[4]", []float64{1, 0, 0, 1}},
		{"log_uranium", "f64[2,2]", []float64{0.5, 1, -1, 2}},
		{"y", "f64[4]", []float64{1, 2, 3, 4.5}},
	}
	if len(cols) != len(want) {
		t.Fatalf("%d columns, want %d", len(cols), len(want))
	}
	for i, w := range want {
		c := cols[i]
		if c.Name != w.name || tensor.FormatShape(c.DType, c.Shape) != w.dtype {
			t.Errorf("column %d is %s %s, want %s %s", i, c.Name, tensor.FormatShape(c.DType, c.Shape), w.name, w.dtype)
		}
		for k, x := range c.Array().Float64s() {
			if x != w.values[k] {
				t.Errorf("%s[%d] = %v, want %v", c.Name, k, x, w.values[k])
			}
		}
	}
}

func TestBindReadsJSON(t *testing.T) {
	const text = `{"J": 3, "county": [0, 2], "floor": [true, false], "log_uranium": 0.25}`
	for _, numbers := range []bool{false, true} {
		dec := json.NewDecoder(strings.NewReader(text))
		if numbers {
			dec.UseNumber()
		}
		data := model.Data{}
		if err := dec.Decode(&data); err != nil {
			t.Fatal(err)
		}
		data["low"] = []float64{math.Inf(-1), 0}
		if _, _, err := model.Bind[radonData](data, tensor.F32); err != nil {
			t.Error(err)
		}
	}
}

func TestBindTakesArrays(t *testing.T) {
	data := radonOK()
	data["county"] = model.Array{Shape: []int{4}, I64: []int64{0, 2, 1, 2}}
	data["floor"] = model.Array{Shape: []int{4}, Bool: []bool{true, false, false, true}}
	data["log_uranium"] = model.Array{Shape: []int{2, 2}, F64: []float64{0.5, 1, -1, 2}}
	data["y"] = tensor.ArrayOf(tensor.F64, []int{4}, []float64{1, 2, 3, 4.5})
	_, got, err := model.Bind[radonData](data, tensor.F64)
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := model.Bind[radonData](radonOK(), tensor.F64)
	if err != nil {
		t.Fatal(err)
	}
	if model.DataDigest(got) != model.DataDigest(want) {
		t.Errorf("columns %v, want %v", got, want)
	}
}

func TestDataDigestIsOfNamesShapesAndBytes(t *testing.T) {
	digest := func(change func(model.Data)) string {
		data := radonOK()
		change(data)
		_, cols, err := model.Bind[radonData](data, tensor.F64)
		if err != nil {
			t.Fatal(err)
		}
		return model.DataDigest(cols)
	}
	base := digest(func(model.Data) {})
	if digest(func(model.Data) {}) != base {
		t.Error("equal data, other digest")
	}
	if digest(func(d model.Data) { d["log_uranium"] = []float64{0.5, 1, -1, 2} }) == base {
		t.Error("another shape, equal digest")
	}
	if digest(func(d model.Data) { d["y"] = []float64{1, 2, 3, 4.25} }) == base {
		t.Error("another element, equal digest")
	}
}

func TestBindErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(model.Data)
		want   []string
	}{
		{"missing", func(d model.Data) { delete(d, "floor") }, []string{`data "floor" is missing`}},
		{"missing int", func(d model.Data) { delete(d, "J") }, []string{`data "J" is missing`}},
		{"misspelt", func(d model.Data) { d["conty"] = d["county"]; delete(d, "county") }, []string{`"county" is missing`, `"conty" is not a column`, `did you mean "county"?`}},
		{"extra", func(d model.Data) { d["weights"] = 1 }, []string{`"weights" is not a column`, "J, county, floor"}},
		{"NaN", func(d model.Data) { d["y"] = []float64{1, math.NaN(), 2, 3} }, []string{`"y"`, "y[1] is NaN"}},
		{"null", func(d model.Data) { d["log_uranium"] = []any{[]any{1.0, nil}} }, []string{"log_uranium[0,1] is NaN (a missing value?)"}},
		{"null column", func(d model.Data) { d["y"] = nil }, []string{`data "y" is null`}},
		{"infinite", func(d model.Data) { d["y"] = []float64{math.Inf(1), 1, 2, 3} }, []string{"y[0] is +Inf", "infinite"}},
		{"index too large", func(d model.Data) { d["county"] = []int{0, 3} }, []string{"county[1] = 3 is outside 0 … 2", "index=J"}},
		{"index from 1", func(d model.Data) { d["county"] = []int{1, 2, 3} }, []string{"county[2] = 3 is outside 0 … 2", "subtract 1"}},
		{"index negative", func(d model.Data) { d["county"] = []int{0, -1} }, []string{"county[1] = -1"}},
		{"index not integer", func(d model.Data) { d["county"] = []float64{0, 1.5} }, []string{"county[1] = 1.5 is not an integer"}},
		{"integer column", func(d model.Data) { d["floor"] = []float64{0.5} }, []string{"floor[0] = 0.5 is not an integer"}},
		{"integer overflow", func(d model.Data) { d["floor"] = []int{1 << 40} }, []string{"does not fit i32"}},
		{"ragged", func(d model.Data) { d["log_uranium"] = [][]float64{{1, 2}, {3}} }, []string{`"log_uranium"`, "row of 1 elements among rows of 2"}},
		{"row for number", func(d model.Data) { d["y"] = []any{1.0, []any{2.0}} }, []string{"y[1]", "a row where a number"}},
		{"number for row", func(d model.Data) { d["y"] = []any{[]any{2.0}, 1.0} }, []string{"y[1,0]", "a number where a row"}},
		{"text", func(d model.Data) { d["y"] = []string{"1"} }, []string{"y[0]", `"1"`, "is not a number"}},
		{"empty", func(d model.Data) { d["y"] = []float64{} }, []string{`data "y" is empty`}},
		{"static not scalar", func(d model.Data) { d["J"] = []int{3} }, []string{`data "J" has shape [1], want one integer`}},
		{"static not integer", func(d model.Data) { d["J"] = 3.5 }, []string{"J = 3.5 is not an integer"}},
		{"place", func(d model.Data) {
			d["y"] = model.Array{Shape: []int{2}, F64: []float64{1, math.NaN()}, Place: func(i int) string { return "f.csv: row " + strconv.Itoa(i+1) }}
		}, []string{`data "y": f.csv: row 2 is NaN`}},
		{"array length", func(d model.Data) { d["y"] = model.Array{Shape: []int{3}, I64: []int64{1}} }, []string{`"y" has 1 elements for shape [3]`}},
		{"several", func(d model.Data) { delete(d, "floor"); d["y"] = math.NaN() }, []string{`"floor" is missing`, "y is NaN"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := radonOK()
			c.change(data)
			_, _, err := model.Bind[radonData](data, tensor.F64)
			wantError(t, err, c.want...)
		})
	}
}

func TestSchemaErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"no tag", bindError[struct{ Y tensor.Value }](), []string{"field Y", "no drey tag"}},
		{"type", bindError[struct {
			Y []float64 `drey:"y"`
		}](), []string{"field Y", "[]float64", "want tensor.Value or int"}},
		{"option", bindError[struct {
			Y tensor.Value `drey:"y,optinal"`
		}](), []string{"field Y", `unknown option "optinal"`}},
		{"dtype", bindError[struct {
			Y tensor.Value `drey:"y,dtype=f16"`
		}](), []string{"field Y", `unknown dtype "f16"`}},
		{"index", bindError[struct {
			Y tensor.Value `drey:"y,index=K"`
		}](), []string{"field Y", "index=K is neither a number nor the name of an int field"}},
		{"twice", bindError[struct {
			Y tensor.Value `drey:"y"`
			Z tensor.Value `drey:"y"`
		}](), []string{"field Z", `the name "y" is used twice`}},
		{"no struct", bindError[int](), []string{"data type int is not a struct"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, c.err, c.want...)
			if schema := new(model.SchemaError); !errors.As(c.err, &schema) {
				t.Errorf("%T is no SchemaError", c.err)
			}
		})
	}
}

func bindError[D any]() error {
	_, _, err := model.Bind[D](model.Data{"y": 1}, tensor.F64)
	return err
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
	if strings.Contains(err.Error(), "goroutine") {
		t.Errorf("error %q has a Go stack", err)
	}
}
