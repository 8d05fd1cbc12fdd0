package grad

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// choleskyReverse is Murray (2016), arXiv 1602.07527, equation 10: with S = L⁻ᵀ Φ(Lᵀ C) L⁻¹ the cotangent of the
// symmetric matrix is (S+Sᵀ)/2.
func choleskyReverse(l, ct tensor.Value) tensor.Value {
	half := l.TriangularSolve(halfLower(matmul(l, ct, true, false)), true, true)
	st := l.TriangularSolve(transposed(half), true, true)
	return halfLower(st.Add(transposed(st)))
}

// wellConditioned returns x·xᵀ + n·I.
func wellConditioned(x tensor.Value) tensor.Value {
	n := x.Dim(-1)
	eye := tensor.Lift(slices.Repeat([]float64{float64(n)}, n)).Diag()
	return matmul(x, x, false, true).Add(eye)
}

// TestCholeskyAdjoint: the operation is the formula, alone and in batches, and does not read the upper triangles.
func TestCholeskyAdjoint(t *testing.T) {
	for _, shape := range [][]int{{1, 1}, {2, 2}, {3, 3}, {8, 8}, {3, 13, 13}, {40, 40}} {
		in := []tensor.Param{{Name: "x", DType: tensor.F64, Shape: shape}, {Name: "ct", DType: tensor.F64, Shape: shape}}
		f := mustTrace(t, in, func(x values) values {
			l := wellConditioned(x[0]).Cholesky()
			n := l.Dim(-1)
			lower := tensor.Iota(tensor.I32, 1, n, n).Le(tensor.Iota(tensor.I32, 0, n, n)).BroadcastTo(shape...)
			poisoned := func(x tensor.Value) tensor.Value { return tensor.Select(lower, x, math.NaN()) }
			return values{poisoned(l).CholeskyVJP(poisoned(x[1])), choleskyReverse(l, x[1])}
		})
		r := rand.New(rand.NewPCG(uint64(len(shape)), uint64(shape[0])))
		var args []*tensor.Array
		for range 2 {
			v := make([]float64, tensor.NumElements(shape))
			for i := range v {
				v[i] = r.NormFloat64()
			}
			args = append(args, tensor.ArrayOf(tensor.F64, shape, v))
		}
		out := mustRun(t, f, args)
		agree(t, fmt.Sprint(shape), out[:1], out[1:], 1e-13)
	}
}

// TestCholeskyModes: reverse and forward mode agree on a matrix of a size that differences are too slow for.
func TestCholeskyModes(t *testing.T) {
	modesAgree(t, rand.New(rand.NewPCG(5, 5)), [][]int{{32, 32}}, func(x values) values {
		eye := tensor.Lift(slices.Repeat([]float64{30}, 32)).Diag()
		return values{x[0].Mul(0.3).Add(eye).Cholesky()}
	})
}
