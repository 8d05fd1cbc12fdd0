package expand_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// TestScalarExpIsTheArraysExp: e^x of a scalar has another form than that of an array, and the same bits.
func TestScalarExpIsTheArraysExp(t *testing.T) {
	for _, d := range []tensor.DType{tensor.F64, tensor.F32} {
		t.Run(d.String(), func(t *testing.T) { scalarExp(t, d) })
	}
}

func scalarExp(t *testing.T, d tensor.DType) {
	rnd := rand.New(rand.NewPCG(1, 2))
	x := []float64{0, negZero, tiny, -tiny, 1, -1, 709.782712893384, 709.7827128933841, 710, 710.0000000000001, 711, -745.1332191019411, -745.13321910194122,
		-745, -746, -746.0000000000001, -708.4, -709, 1e300, -1e300, inf, -inf, nan, 0x1p-54, -0x1p-54,
		88.72283, 88.72284, 89, 89.00001, -103.97, -103.98, -104, -104.00001, -87.3}
	for range 2000 {
		x = append(x, (rnd.Float64()-0.5)*1500, (rnd.Float64()-0.5)*210, rnd.NormFloat64(), math.Ldexp(rnd.NormFloat64(), -rnd.IntN(1074)))
	}
	array := tensor.ArrayOf(d, []int{len(x)}, x)
	want, err := eval.Run(traceOp(t, tensor.OpExp, d, []int{len(x)}), []*tensor.Array{array})
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := eval.Compile(traceOp(t, tensor.OpExp, d, nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		got, err := scalar.Run([]*tensor.Array{tensor.ArrayOf(d, nil, []float64{v})})
		if err != nil {
			t.Fatal(err)
		}
		a, b := got[0].Float64s()[0], want[0].Float64s()[i]
		if !same(a, b) {
			t.Fatalf("exp(%v): %v as a scalar, %v in an array", v, a, b)
		}
	}
}
