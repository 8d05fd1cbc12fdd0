package expand_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	bm "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// singles are the largest errors in F32, in ulps, over every 1021st of the 2^32 patterns; functions computed in F64 are rounded once.
var singles = map[tensor.Op]float64{
	tensor.OpRsqrt: 1.5, tensor.OpExp: 1.1, tensor.OpExpm1: 1.2, tensor.OpLog: 0.85, tensor.OpLog1p: 1.5, tensor.OpTanh: 1.4,
	tensor.OpErf: 1.1, tensor.OpErfc: 1.5, tensor.OpSigmoid: 1.9, tensor.OpSoftplus: 1.9,
	tensor.OpSin: 0.501, tensor.OpCos: 0.501, tensor.OpTan: 0.501, tensor.OpErfInv: 0.501, tensor.OpLgamma: 0.501, tensor.OpDigamma: 0.501, tensor.OpTrigamma: 0.501,
	tensor.OpPow: 0.8, tensor.OpAtan2: 1.5,
}

// checkSingle compares F32 results with what F64, which is right to 2^-50, gives for the same arguments: within limit(i) ulps,
// NaNs and the signs of zeros the same.
func checkSingle(t *testing.T, op tensor.Op, limit func(i int) float64, args ...[]float64) {
	t.Helper()
	got, want := apply(t, op, tensor.F32, args...), apply(t, op, tensor.F64, args...)
	for i, w := range want {
		at := make([]float64, len(args))
		for k := range args {
			at[k] = args[k][i]
		}
		switch {
		case math.IsNaN(w) || math.IsInf(w, 0) || w == 0:
			if !same(got[i], w) {
				t.Errorf("%s%v = %v, want %v", op, at, got[i], w)
			}
		default:
			if u := single.ulps(got[i], bm.New(w)); u > limit(i) {
				t.Errorf("%s%v = %v is %.4g ulp off, want at most %.4g", op, at, got[i], u, limit(i))
			}
		}
		if t.Failed() {
			return
		}
	}
}

// TestSinglePrecision walks through all patterns of F32 with a stride: normal and subnormal numbers of every exponent,
// infinities and NaNs.
func TestSinglePrecision(t *testing.T) {
	stride := uint32(120_011)
	if testing.Short() {
		stride = 1_200_007
	}
	var x []float64
	for b, last := uint32(0), uint32(0); b >= last; b, last = b+stride, b {
		x = append(x, float64(math.Float32frombits(b)))
	}
	for _, v := range []float64{0, math.Copysign(0, -1), inf, -inf, nan, 1, -1, 0x1p-149, -0x1p-149, 0x1p-126, math.MaxFloat32, -math.MaxFloat32, 88.72284, -103.97208, -87.33655} {
		x = append(x, float64(float32(v)))
	}
	for _, f := range functions {
		t.Run(f.op.String(), func(t *testing.T) {
			t.Parallel()
			args := x
			if _, widened := map[tensor.Op]bool{tensor.OpLgamma: true, tensor.OpDigamma: true, tensor.OpTrigamma: true}[f.op]; widened {
				args = nil // near zeros of the reflection F64 is itself not right to an ulp of F32
				for _, v := range x {
					if v > -0.4 {
						args = append(args, v)
					}
				}
			}
			checkSingle(t, f.op, func(int) float64 { return singles[f.op] }, args)
		})
	}
}

// TestSinglePairs does the same for functions of two arguments.
func TestSinglePairs(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	n := 40_000
	if testing.Short() {
		n /= 10
	}
	edges := []float64{0, math.Copysign(0, -1), inf, -inf, nan, 1, -1, 2, -2, 0.5, -0.5, 3, 0x1p-149, -0x1p-149, math.MaxFloat32, 0x1p24 - 1, 0x1p25}
	var x, y, near []float64
	for range n {
		x = append(x, float64(math.Float32frombits(r.Uint32())))
		y = append(y, float64(math.Float32frombits(r.Uint32())))
	}
	for i := range n { // of like size, and exponents that leave the result in range
		a := float64(float32(math.Exp2(60 * (r.Float64() - 0.5))))
		x, y = append(x, a), append(y, float64(float32(88*(2*r.Float64()-1)/math.Log(a))))
		near = append(near, float64(float32(a*(1+math.Exp2(-20*r.Float64())))))
		x, y = append(x, a), append(y, near[i])
	}
	for _, a := range edges {
		for _, b := range edges {
			x, y = append(x, a), append(y, b)
		}
	}
	checkSingle(t, tensor.OpPow, func(int) float64 { return singles[tensor.OpPow] }, x, y)
	checkSingle(t, tensor.OpAtan2, func(int) float64 { return singles[tensor.OpAtan2] }, x, y)
	sums := apply(t, tensor.OpLogAddExp, tensor.F64, x, y)
	checkSingle(t, tensor.OpLogAddExp, func(i int) float64 { // and an ulp of the larger argument, whose difference is rounded
		return 2 + math.Max(1, math.Exp2(math.Ceil(math.Log2(math.Max(math.Abs(x[i]), math.Abs(y[i]))/math.Abs(sums[i])))))
	}, x, y)
}
