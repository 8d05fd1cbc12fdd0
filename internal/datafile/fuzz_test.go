package datafile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkParsed asserts what every parsed file has: distinct names and shapes that fit.
func checkParsed(t *testing.T, cols Columns, err error) {
	t.Helper()
	if err != nil {
		if !strings.HasPrefix(err.Error(), "d.") {
			t.Errorf("the error does not name the file: %v", err)
		}
		return
	}
	for i := range cols {
		c := &cols[i]
		if cols.Get(c.Name) != c {
			t.Errorf("two columns %q", c.Name)
		}
		if product(c.Shape) != c.Len() {
			t.Errorf("%q has %d elements for shape %v", c.Name, c.Len(), c.Shape)
		}
		for k := range min(c.Len(), 3) {
			c.Place(k)
		}
		if _, err := c.Float64s(); err != nil && c.Strings == nil {
			t.Errorf("numbers: %v", err)
		}
	}
	cols.Digest()
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"y":[1,2.5,"nan"],"n":[[1],[2]]}`, `{"_c":{"a":[null]},"b":true}`, `{"y":[[1,2],[3]]}`, `{"y":[NaN,-Infinity]}`, `{"s":["a","\u00e4"]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cols, err := parseJSON("d.json", data)
		checkParsed(t, cols, err)
		if err != nil { // strict JSON of flat numbers must be accepted
			var plain map[string][]float64
			dup := strings.Count(string(data), ":") > 1
			if !dup && json.Unmarshal(data, &plain) == nil && len(plain) == 1 && !strings.Contains(string(data), "null") && !strings.Contains(string(data), `""`) && !strings.Contains(err.Error(), "more than 64 bits") {
				t.Errorf("%q: %v", data, err)
			}
		}
	})
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"x,y\n1,2\n3,4.5\n", "x\n\"a\nb\"\n\nc\n", "x,y\n1\n", "x\nTRUE\n", "x\n1\nnan\nz\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cols, err := parseCSV("d.csv", data)
		checkParsed(t, cols, err)
	})
}

func FuzzNPY(f *testing.F) {
	files, err := filepath.Glob("testdata/*.npy")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cols, err := parseNPY("d.npy", data)
		checkParsed(t, cols, err)
	})
}
