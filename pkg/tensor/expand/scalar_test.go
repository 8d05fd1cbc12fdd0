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
	rnd := rand.New(rand.NewPCG(1, 2))
	x := []float64{0, negZero, tiny, -tiny, 1, -1, 709.782712893384, 709.7827128933841, 710, 710.0000000000001, 711, -745.1332191019411, -745.13321910194122,
		-745, -746, -746.0000000000001, -708.4, -709, 1e300, -1e300, inf, -inf, nan, 0x1p-54, -0x1p-54}
	for range 2000 {
		x = append(x, (rnd.Float64()-0.5)*1500, rnd.NormFloat64(), math.Ldexp(rnd.NormFloat64(), -rnd.IntN(1074)))
	}
	array := tensor.ArrayOf(tensor.F64, []int{len(x)}, x)
	want, err := eval.Run(traceOp(t, tensor.OpExp, tensor.F64, []int{len(x)}), []*tensor.Array{array})
	if err != nil {
		t.Fatal(err)
	}
	scalar := traceOp(t, tensor.OpExp, tensor.F64, nil)
	for i, v := range x {
		got, err := eval.Run(scalar, []*tensor.Array{tensor.ArrayOf(tensor.F64, nil, []float64{v})})
		if err != nil {
			t.Fatal(err)
		}
		a, b := math.Float64frombits(got[0].Bits[0]), math.Float64frombits(want[0].Bits[i])
		if !same(a, b) {
			t.Fatalf("exp(%v): %v as a scalar, %v in an array", v, a, b)
		}
	}
}
