package lower

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// matrices returns positive definite matrices whose eigenvalues are of an order of n, with NaN above the diagonal.
func matrices(r *rand.Rand, d tensor.DType, count, n int) *tensor.Array {
	x := make([]float64, count*n*n)
	for m := range count {
		a := x[m*n*n : (m+1)*n*n]
		for i := range n {
			for j := range i {
				a[i*n+j], a[j*n+i] = r.NormFloat64(), math.NaN()
			}
			a[i*n+i] = 3 * float64(n)
		}
	}
	return tensor.ArrayOf(d, []int{count, n, n}, x)
}

// TestLinearAlgebra: on a CPU factors, their adjoints and solutions of triangular systems are those of the instructions, for all sizes
// about those of blocks, and the other triangle is not read.
func TestLinearAlgebra(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	for _, d := range []tensor.DType{tensor.F64, tensor.F32} {
		for _, n := range []int{1, 2, 31, 32, 33, 64, 65, 100} {
			compareAlgebra(t, r, d, 2, n)
		}
	}
}

// TestLongerBlocks: so they are where blocks are longer than the least, so that there are no more than so many.
func TestLongerBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: the reference takes seconds for matrices of 530 rows")
	}
	compareAlgebra(t, rand.New(rand.NewPCG(5, 0)), tensor.F64, 1, 530)
}

// compareAlgebra compares both forms for so many matrices of n rows.
func compareAlgebra(t *testing.T, r *rand.Rand, d tensor.DType, count, n int) {
	t.Helper()
	params := []tensor.Param{{Name: "a", DType: d, Shape: []int{count, n, n}}, {Name: "b", DType: d, Shape: []int{count, n, 3}}, {Name: "c", DType: d, Shape: []int{count, n, n}}}
	f := mustTrace(t, params, func(v []tensor.Value) []tensor.Value {
		upper := v[0].SwapAxes(1, 2)
		l := v[0].Cholesky()
		return []tensor.Value{
			l, l.CholeskyVJP(v[2]), v[0].TriangularSolve(v[1], true, false), v[0].TriangularSolve(v[1], true, true),
			upper.TriangularSolve(v[1], false, false), upper.TriangularSolve(v[1], false, true),
		}
	})
	args := []*tensor.Array{matrices(r, d, count, n), random(r, d, 0, count, n, 3), random(r, d, 0, count, n, n)}
	want, got := mustRun(t, f, args...), mustRun(t, mustLower(t, CPU, f), args...)
	for i, name := range []string{"cholesky", "its adjoint", "L", "Lᵀ", "U", "Uᵀ"} {
		if problem := apart(got[i], want[i], d, n); problem != "" {
			t.Errorf("%s, n = %d: %s: %s", d, n, name, problem)
		}
	}
}

// apart says where numbers differ by more than roundings of sums of n terms do, relative to the largest.
func apart(got, want []float64, d tensor.DType, n int) string {
	most, unit := 0.0, 0x1p-53
	if d == tensor.F32 {
		unit = 0x1p-24
	}
	for _, w := range want {
		most = math.Max(most, math.Abs(w))
	}
	for i, w := range want {
		if diff := math.Abs(got[i] - w); !(diff <= 8*math.Sqrt(float64(n))*unit*most) {
			return fmt.Sprintf("element %d is %g, want %g, of %g at most", i, got[i], w, most)
		}
	}
	return ""
}

// TestNotPositiveDefinite: the factor of a matrix that is not positive definite has NaN, one beside it in the batch has none.
func TestNotPositiveDefinite(t *testing.T) {
	const n = 70
	r := rand.New(rand.NewPCG(4, 0))
	f := mustTrace(t, []tensor.Param{{Name: "a", DType: tensor.F64, Shape: []int{2, n, n}}}, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[0].Cholesky().Sum(1, 2)}
	})
	for _, at := range []int{0, 31, 32, n - 1} {
		a := matrices(r, tensor.F64, 2, n)
		a.Bits[n*n+at*n+at] = math.Float64bits(-1)
		if got := mustRun(t, mustLower(t, CPU, f), a)[0]; math.IsNaN(got[0]) || !math.IsNaN(got[1]) {
			t.Errorf("with %d not positive: sums %v of the factors, want a number and NaN", at, got)
		}
	}
}

// TestNearlySingular: the factor of a covariance that is close to singular, a smooth Gaussian process's with little noise, is as good as
// that of the instruction: its square is the matrix but for roundings.
func TestNearlySingular(t *testing.T) {
	const n = 100
	for _, w := range []struct {
		d            tensor.DType
		noise, apart float64
	}{{tensor.F64, 1e-13, 4e-15}, {tensor.F32, 3e-6, 2e-6}} {
		x := make([]float64, n*n)
		for i := range n {
			for j := range n {
				r := float64(i-j) / (0.3 * n)
				if x[i*n+j] = math.Exp(-r * r / 2); i == j {
					x[i*n+j] += w.noise
				}
			}
		}
		f := mustTrace(t, []tensor.Param{{Name: "a", DType: w.d, Shape: []int{n, n}}}, func(v []tensor.Value) []tensor.Value {
			l := v[0].Cholesky()
			return []tensor.Value{l.MatMul(l.SwapAxes(0, 1)).Sub(v[0]).Abs().MaxOver()}
		})
		if got := mustRun(t, mustLower(t, CPU, f), tensor.ArrayOf(w.d, []int{n, n}, x))[0][0]; !(got <= w.apart) {
			t.Errorf("%s: the factor's square is apart by %g, want %g at most", w.d, got, w.apart)
		}
	}
}
