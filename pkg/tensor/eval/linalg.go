package eval

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// cholesky factors each matrix A of the last two axes into L·Lᵀ, reading the lower triangle. In this order, which
// defines the bits:
//
//	for j = 0 … n-1: for i = j … n-1:
//		s = A[i][j] - dot(L[i][:j], L[j][:j])
//		L[j][j] = sqrt(s) where i = j, else L[i][j] = s / L[j][j]
//
// dot adds product k to lane k mod 4, lanes from +0, joined as (l0+l2)+(l1+l3). Elements above the diagonal are +0.
// A negative pivot gives NaN, which reaches every later element of its row and column and all that depends on them; a
// pivot of zero gives 0 on the diagonal and s / 0 (NaN or an infinity) below it.
func cholesky(out *tensor.Array, in []*tensor.Array) {
	f := field{out.DType == tensor.F32}
	n := out.Shape[len(out.Shape)-1]
	for m := 0; m < len(out.Bits); m += n * n {
		a, l := f.decodeAll(in[0].Bits[m:m+n*n]), make([]float64, n*n)
		for j := range n {
			for i := j; i < n; i++ {
				s := f.round(float64(a[i*n+j] - f.dotLanes(line{l, i * n, 1}, line{l, j * n, 1}, j)))
				if i == j {
					l[j*n+j] = f.round(math.Sqrt(s))
				} else {
					l[i*n+j] = f.round(float64(s / l[j*n+j]))
				}
			}
		}
		for i, x := range l {
			out.Bits[m+i] = f.encode(x)
		}
	}
}

// triangularSolve solves M·X = B, M = A or Aᵀ, for each column of B on its own. Where M is lower triangular, in this
// order, which defines the bits:
//
//	for i = 0 … n-1: x[i] = (b[i] - dot(M[i][:i], x[:i])) / M[i][i]
//
// and where it is upper triangular
//
//	for i = n-1 … 0: x[i] = (b[i] - dot(M[i][i+1:], x[i+1:])) / M[i][i]
//
// dot adds the product of index k of its slices to lane k mod 4, lanes from +0, joined as (l0+l2)+(l1+l3). Aᵀ is
// addressed, M[i][k] = A[k][i]; the other triangle of A is not read. A zero on the diagonal gives infinities or NaN.
func triangularSolve(lower, transposed bool) kernel {
	return func(out *tensor.Array, in []*tensor.Array) {
		f := field{out.DType == tensor.F32}
		r := len(out.Shape)
		n, cols := out.Shape[r-2], out.Shape[r-1]
		row, col := n, 1
		if transposed {
			row, col = 1, n
		}
		for m := range tensor.NumElements(out.Shape[:r-2]) {
			a := f.decodeAll(in[0].Bits[m*n*n : (m+1)*n*n])
			x := f.decodeAll(in[1].Bits[m*n*cols : (m+1)*n*cols])
			for c := range cols {
				if lower != transposed {
					f.forward(a, row, col, x, c, cols, n)
				} else {
					f.backward(a, row, col, x, c, cols, n)
				}
			}
			for i, v := range x {
				out.Bits[m*n*cols+i] = f.encode(v)
			}
		}
	}
}

// forward solves in place for column c of x; element (i, k) of the lower triangular matrix is a[i*row+k*col].
func (f field) forward(a []float64, row, col int, x []float64, c, cols, n int) {
	for i := range n {
		d := f.dotLanes(line{a, i * row, col}, line{x, c, cols}, i)
		s := f.round(float64(x[i*cols+c] - d))
		x[i*cols+c] = f.round(float64(s / a[i*(row+col)]))
	}
}

// backward is forward for an upper triangular matrix.
func (f field) backward(a []float64, row, col int, x []float64, c, cols, n int) {
	for i := n - 1; i >= 0; i-- {
		k := i + 1
		d := f.dotLanes(line{a, i*row + k*col, col}, line{x, k*cols + c, cols}, n-k)
		s := f.round(float64(x[i*cols+c] - d))
		x[i*cols+c] = f.round(float64(s / a[i*(row+col)]))
	}
}
