package adapt_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// evaluate traces fn on inputs and runs it on the reference evaluator.
func evaluate(t testing.TB, in []*tensor.Array, fn func(v []tensor.Value) []tensor.Value) []*tensor.Array {
	t.Helper()
	params := make([]tensor.Param, len(in))
	for i, a := range in {
		params[i] = tensor.Param{DType: a.DType, Shape: a.Shape}
	}
	f, err := tensor.Trace("test", tensor.F64, params, fn)
	if err != nil {
		t.Fatal(err)
	}
	out, err := eval.Run(f, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func vector(x ...float64) *tensor.Array { return tensor.ArrayOf(tensor.F64, []int{len(x)}, x) }
func scalar(x float64) *tensor.Array    { return tensor.ArrayOf(tensor.F64, nil, []float64{x}) }

func matrix(rows, columns int, x []float64) *tensor.Array {
	return tensor.ArrayOf(tensor.F64, []int{rows, columns}, x)
}

// near reports that a and b agree to a relative (or, below 1, absolute) tolerance.
func near(a, b, tol float64) bool {
	return a == b || math.Abs(a-b) <= tol*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}

func requireNear(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !near(got[i], want[i], tol) {
			t.Fatalf("%s: %v, want %v (element %d)", what, got, want, i)
		}
	}
}
