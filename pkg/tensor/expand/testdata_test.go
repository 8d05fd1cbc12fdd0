package expand_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// number reads a JSON number or the strings nan, inf, -inf.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	x, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	*n = number(x)
	return err
}

// TestReferenceValues compares with figures from another program (mpmath), rounded to the nearest float64: half an ulp is
// added to each limit.
func TestReferenceValues(t *testing.T) {
	raw, err := os.ReadFile("testdata/special_functions.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Functions map[string][][]number }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		op    tensor.Op
		limit float64
	}{
		"gammaln": {tensor.OpLgamma, 4.5}, "digamma": {tensor.OpDigamma, 4.5}, "trigamma": {tensor.OpTrigamma, 4.5}, "erfinv": {tensor.OpErfInv, 4.5},
		"erf": {tensor.OpErf, 2.5}, "erfc": {tensor.OpErfc, 2.5}, "log1p": {tensor.OpLog1p, 2.5}, "expm1": {tensor.OpExpm1, 2.5}, "logaddexp": {tensor.OpLogAddExp, 2.5},
	} {
		rows := file.Functions[name]
		if len(rows) < 20 {
			t.Fatalf("%s: %d rows in testdata", name, len(rows))
		}
		args := make([][]float64, len(rows[0])-1)
		for _, r := range rows {
			for j := range args {
				args[j] = append(args[j], float64(r[j]))
			}
		}
		for i, got := range apply(t, c.op, tensor.F64, args...) {
			want := float64(rows[i][len(args)])
			if same(got, want) {
				continue
			}
			scale := math.Abs(want)
			if name == "logaddexp" { // cancels where the arguments are negative
				scale = max(scale, math.Abs(args[0][i]), math.Abs(args[1][i]))
			}
			if limit := c.limit * ulp(conditioned(name, args[0][i], scale)); !(math.Abs(got-want) <= limit) {
				t.Errorf("%s%v = %v, want %v: off by %.3g, limit %.3g", name, rows[i][:len(args)], got, want, math.Abs(got-want), limit)
			}
		}
	}
}

// conditioned returns the magnitude that errors of log Γ and ψ are relative to: for negative arguments, where the terms of
// the reflection cancel near zeros, that of the function at |x| too.
func conditioned(name string, x, scale float64) float64 {
	if x < -0.5 && (name == "gammaln" || name == "digamma") {
		l, _ := math.Lgamma(-x)
		return max(scale, 1, math.Abs(l))
	}
	return scale
}
