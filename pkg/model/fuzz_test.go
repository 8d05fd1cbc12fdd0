package model_test

import (
	"encoding/json"
	"testing"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// FuzzBind feeds JSON data to Bind: it answers with columns or an error, and what it accepts fits its dtype and shape.
func FuzzBind(f *testing.F) {
	for _, seed := range []string{
		`{"J": 3, "county": [0, 2], "floor": [1, 0], "log_uranium": 0.25}`,
		`{"J": 1e9, "county": [[0]], "floor": [true], "log_uranium": [[1, null]]}`,
		`{"J": -1, "county": [], "floor": [[1], 2], "log_uranium": "x"}`,
		`{"J": {}, "county": {"a": 1}, "floor": [9007199254740993], "log_uranium": [[[]]]}`,
		`{"J": 3, "county": [2147483648], "floor": [-1e300], "log_uranium": [1e308, [1]]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data := model.Data{}
		if json.Unmarshal([]byte(text), &data) != nil {
			return
		}
		_, cols, err := model.Bind[radonData](data, tensor.F32)
		if err != nil {
			return
		}
		for _, c := range cols {
			if len(c.Bytes) != tensor.NumElements(c.Shape)*c.DType.Size() {
				t.Errorf("%s has %d bytes for %s", c.Name, len(c.Bytes), tensor.FormatShape(c.DType, c.Shape))
			}
			for i, x := range c.Array().Float64s() {
				if x != x {
					t.Errorf("%s[%d] is NaN", c.Name, i)
				}
			}
		}
	})
}
