package datafile

import (
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// readText writes text as a file of the given name and reads it.
func readText(t *testing.T, name, text string) (Columns, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Read(path)
}

func f64(name string, shape []int, x ...float64) Column {
	return Column{Name: name, Shape: shape, F64: x}
}

func i64(name string, shape []int, x ...int64) Column {
	return Column{Name: name, Shape: shape, I64: x}
}

// sameColumns compares names, shapes and elements, NaNs being equal.
func sameColumns(t *testing.T, what string, got, want Columns) {
	t.Helper()
	if !slices.Equal(got.Names(), want.Names()) {
		t.Errorf("%s: columns %v, want %v", what, got.Names(), want.Names())
		return
	}
	for i := range want {
		g, w := &got[i], &want[i]
		floats := slices.EqualFunc(g.F64, w.F64, func(a, b float64) bool { return canonicalBits(a) == canonicalBits(b) })
		if !slices.Equal(g.Shape, w.Shape) || !floats || g.Kind() != w.Kind() || !slices.Equal(g.I64, w.I64) || !slices.Equal(g.Bool, w.Bool) || !slices.Equal(g.Strings, w.Strings) {
			t.Errorf("%s: %s is %v %v %v %v %v, want %v %v %v %v %v", what, g.Name, g.Shape, g.F64, g.I64, g.Bool, g.Strings, w.Shape, w.F64, w.I64, w.Bool, w.Strings)
		}
		if size := product(g.Shape); size != g.Len() {
			t.Errorf("%s: %s has %d elements for shape %v", what, g.Name, g.Len(), g.Shape)
		}
	}
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		text string
		want Columns
	}{
		{`{}`, nil},
		{` { "y" : 1 } `, Columns{i64("y", nil, 1)}},
		{"\ufeff{\"y\": 1.5}", Columns{f64("y", nil, 1.5)}},
		{`{"y":[1,-2,9007199254740993,9223372036854775807,-9223372036854775808]}`, Columns{i64("y", []int{5}, 1, -2, 1<<53+1, math.MaxInt64, math.MinInt64)}},
		{`{"y":[1,2.5,3]}`, Columns{f64("y", []int{3}, 1, 2.5, 3)}},
		{`{"y":[1e3,-0,-0.0]}`, Columns{f64("y", []int{3}, 1000, math.Copysign(0, -1), math.Copysign(0, -1))}},
		{`{"y":[[1,2],[3,4],[5,6]]}`, Columns{i64("y", []int{3, 2}, 1, 2, 3, 4, 5, 6)}},
		{`{"y":[[[1],[2]]]}`, Columns{i64("y", []int{1, 2, 1}, 1, 2)}},
		{`{"y":[]}`, Columns{f64("y", []int{0})}},
		{`{"y":[[],[]]}`, Columns{f64("y", []int{2, 0})}},
		{`{"y":[1,"nan","-Inf","infinity"]}`, Columns{f64("y", []int{4}, 1, math.NaN(), math.Inf(-1), math.Inf(1))}},
		{`{"y":["NaN",2]}`, Columns{f64("y", []int{2}, math.NaN(), 2)}},
		{`{"y":[NaN,Infinity,-Infinity]}`, Columns{f64("y", []int{3}, math.NaN(), math.Inf(1), math.Inf(-1))}},
		{`{"y":[true,false]}`, Columns{{Name: "y", Shape: []int{2}, Bool: []bool{true, false}}}},
		{`{"who":["a\"\u00e4","nan"]}`, Columns{{Name: "who", Shape: []int{2}, Strings: []string{`a"ä`, "nan"}}}},
		{`{"_source":{"a":[1,{"b":null}],"c":"]"},"b":1,"a":2,"_n":null}`, Columns{i64("b", nil, 1), i64("a", nil, 2)}},
	} {
		got, err := readText(t, "d.json", c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		sameColumns(t, c.text, got, c.want)
	}
}

// TestRefusals: each message names the file, the place and what is wrong.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"d.json", ``, `d.json:1: a JSON data file is an object of columns, {"y": [1, 2]}, but this begins with the end of the file`},
		{"d.json", `[1]`, "but this begins with '['"},
		{"d.json", "{\n\"y\": [1,\n2}", "d.json:3: y[2]: expected , or ] in an array, found '}'"},
		{"d.json", `{"y": [1, 2`, "y[2]: expected , or ] in an array, found the end of the file"},
		{"d.json", `{"y": [1, `, "the file ends inside y[1]"},
		{"d.json", `{"y": [[1,2],[3]]}`, "y[1] has 1 elements where the arrays before it have 2"},
		{"d.json", `{"y": [[1,2],3]}`, "y[1] is a single value where other elements are arrays"},
		{"d.json", `{"y": [1,[2]]}`, "y[1] is an array where the elements before it are single values"},
		{"d.json", `{"y": [[],1]}`, "y[1] is a single value where other elements are arrays"},
		{"d.json", "{\"y\": [1,\n null]}", "d.json:2: y[1] is null: data can't be missing"},
		{"d.json", `{"y": [1, "many"]}`, `y[1] is the text "many", but the column holds integers`},
		{"d.json", `{"y": ["many", 1]}`, "y[1] is the number 1, but the column holds text"},
		{"d.json", `{"y": [1, true]}`, "y[1] is true, but the column holds integers"},
		{"d.json", `{"y": [true, 1]}`, "y[1] is the number 1, but the column holds booleans"},
		{"d.json", `{"y": [true, "a"]}`, `y[1] is the text "a", but the column holds booleans`},
		{"d.json", `{"y": 1, "y": 2}`, `the name "y" is there twice, first in line 1`},
		{"d.json", `{"y": {"a": 1}}`, "y is an object"},
		{"d.json", `{"y": 18446744073709551616}`, "the integer 18446744073709551616 has more than 64 bits"},
		{"d.json", `{"y": 1e400}`, `"1e400" is not a number that 64 bits can hold`},
		{"d.json", `{"y": 01}`, `"01" is not a JSON value`},
		{"d.json", `{"y": 0x1p3}`, `"0x1p3" is not a JSON value`},
		{"d.json", `{"y": nan}`, `"nan" is not a JSON value`},
		{"d.json", `{"y": }`, "y: expected a value, found '}'"},
		{"d.json", `{"y": [1,]}`, "a comma before the end of the array"},
		{"d.json", `{"y": 1,}`, "a comma before the end of the object"},
		{"d.json", `{"y" 1}`, `expected : after the name "y", found '1'`},
		{"d.json", `{y: 1}`, "expected a column's name in double quotes, found 'y'"},
		{"d.json", `{"y": 1} {}`, "'{' after the end of the object"},
		{"d.json", `{"y: 1}`, "a string without its closing quote"},
		{"d.json", `{"": 1}`, "empty name"},
		{"d.json", `{"y": ` + strings.Repeat("[", 40), "y[0,0,0,0"},
		{"d.json", `{"_c": ` + strings.Repeat("[", 40), "nested more than 32 deep"},
		{"d.json", `{"_c": [}`, "} closes ["},
		{"d.csv", "", "d.csv:1: the file is empty"},
		{"d.csv", "x,y\n1,2\n3\n", "d.csv:3: row 2 has 1 cells, the header names 2 columns"},
		{"d.csv", "x,y\n1,\n", `d.csv:2: row 1, column y: the cell is missing ("")`},
		{"d.csv", "x,y\n1,2\n\n3,NA\n", `d.csv:4: row 2, column y: the cell is missing ("NA")`},
		{"d.csv", "x,x\n1,2\n", `columns 1 and 2 have the same name "x"`},
		{"d.csv", ",x\n1,2\n", "column 1 has no name"},
		{"d.csv", "x;y\n1;2\n", "has no comma"},
		{"d.csv", "1,2\n3,4\n", "the first line must name the columns, but column 1 is the number 1"},
		{"d.csv", "x\n18446744073709551616\n", "row 1, column x: the integer 18446744073709551616 has more than 64 bits"},
		{"d.csv", "x\n1e999\n", "1e999 is not a number that 64 bits can hold"},
		{"d.csv", "x\n\"a\n", "d.csv:"},
		{"d.txt", "1", "unknown kind of data file: the name must end in .json, .csv,"},
		{"d.npy.gz", "1", "only .json.gz and .csv.gz"},
		{"d.json.gz", "{}", "not a gzip file"},
		{"d.npy", "{}", "not a .npy file"},
		{"d.npz", "{}", "not an .npz archive"},
		{"d.arrow", "{}", "not an Arrow file"},
		{"d.parquet", "{}", "not a Parquet file"},
	} {
		_, err := readText(t, c.file, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s %q: got %v, want %s", c.file, c.text, err, c.want)
		}
	}
	if _, err := Read("nowhere/d.json"); err == nil || err.Error() != "nowhere/d.json: no such file" {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), ".json", "..")); err == nil {
		t.Error("a directory was read")
	}
}

func TestCSV(t *testing.T) {
	text := "\ufeffcounty, y,n,\"a,b\",ok,mixed\r\nAITKIN,1.5,1,3,TRUE,1\r\n\"LAC\nQUI\",nan,9007199254740993,-4,false,x\r\n\r\nB,-inf,3,5,true,2\r\n"
	got, err := readText(t, "d.csv", text)
	if err != nil {
		t.Fatal(err)
	}
	sameColumns(t, "csv", got, Columns{
		{Name: "county", Shape: []int{3}, Strings: []string{"AITKIN", "LAC\nQUI", "B"}},
		f64("y", []int{3}, 1.5, math.NaN(), math.Inf(-1)),
		i64("n", []int{3}, 1, 1<<53+1, 3),
		i64("a,b", []int{3}, 3, -4, 5),
		{Name: "ok", Shape: []int{3}, Bool: []bool{true, false, true}},
		{Name: "mixed", Shape: []int{3}, Strings: []string{"1", "x", "2"}},
	})
	if p := got.Get("y").Place(2); !strings.HasSuffix(p, "d.csv: column y, row 3 (line 6)") {
		t.Errorf("place %s", p)
	}
	_, err = got.Get("mixed").Float64s()
	if err == nil || !strings.HasSuffix(err.Error(), `d.csv: column mixed, row 2 (line 3): "x" is not a number, and mixed has to hold numbers: correct it, or leave the column out`) {
		t.Errorf("text as numbers: %v", err)
	}
	empty, err := readText(t, "d.csv", "x,y\n")
	if err != nil {
		t.Fatal(err)
	}
	sameColumns(t, "no rows", empty, Columns{f64("x", []int{0}), f64("y", []int{0})})
}

func TestGzip(t *testing.T) {
	for name, text := range map[string]string{"d.json.gz": `{"y":[1,2]}`, "D.CSV.GZ": "y\n1\n2\n"} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(text))
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := readText(t, name, b.String())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sameColumns(t, name, got, Columns{i64("y", []int{2}, 1, 2)})
		if _, err := readText(t, name, b.String()[:b.Len()-6]); err == nil || !strings.Contains(err.Error(), "damaged gzip file") {
			t.Errorf("%s cut off: %v", name, err)
		}
	}
}

func TestConversions(t *testing.T) {
	cols, err := readText(t, "d.json", `{"i":[1,2],"f":[1.0,2.5],"b":[true,false],"s":["1","2"],"whole":[3.0,-4.0],"m":[[1.0,2.0],[3.0,4.5]],"n":["nan",1]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		floats []float64
		ints   []int64
		err    string
	}{
		{"i", []float64{1, 2}, []int64{1, 2}, ""},
		{"f", []float64{1, 2.5}, nil, "d.json: f[1]: 2.5 is not an integer"},
		{"b", []float64{1, 0}, []int64{1, 0}, ""},
		{"s", nil, nil, "s holds text that looks like numbers: write it without quotes"},
		{"whole", []float64{3, -4}, []int64{3, -4}, ""},
		{"m", []float64{1, 2, 3, 4.5}, nil, "d.json: m[1,1]: 4.5 is not an integer"},
		{"n", nil, nil, "n[0]: NaN is not an integer"},
	} {
		col := cols.Get(c.name)
		floats, err := col.Float64s()
		if c.floats != nil && !reflect.DeepEqual(floats, c.floats) {
			t.Errorf("%s: numbers %v, %v", c.name, floats, err)
		}
		ints, err := col.Int64s()
		if c.err == "" && !reflect.DeepEqual(ints, c.ints) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: integers %v, %v", c.name, ints, err)
		}
	}
}
