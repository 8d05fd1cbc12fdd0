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

// choleskyVJP takes each factor L and the cotangent of its lower triangle to the cotangent F of the lower triangle of
// L·Lᵀ, where an element below the diagonal stands for both places of the symmetric matrix: the unblocked algorithm
// of Murray (2016), arXiv 1602.07527, after Smith (1995), from the last column to the first, where a row is read once for
// its two parts in the product of the symmetric block G+Gᵀ with the column. F begins as the lower triangle of the cotangent. In this order, which defines the bits:
//
//	for k = n-1 … 0:
//		m = n-1-k, x[t] = L[k+1+t][k], G = F[k+1:, k+1:], y[t] = +0 for t < m
//		for i = 0 … m-1:
//			s = dot(G[i][:i+1], x[:i+1])
//			y[j] = y[j] + G[i][j]·x[i] for j = 0 … i
//			y[i] = y[i] + s
//		F[k+1+t][k] = (F[k+1+t][k] - y[t]) / L[k][k] for t < m
//		F[k][k] = (F[k][k] - dot(x, F[k+1:][k])) / (L[k][k] + L[k][k])
//
// dot adds product k to lane k mod 4, lanes from +0, joined as (l0+l2)+(l1+l3). Elements above the diagonal are +0, and
// those of the operands are not read.
func choleskyVJP(out *tensor.Array, in []*tensor.Array) {
	f := field{out.DType == tensor.F32}
	n := out.Shape[len(out.Shape)-1]
	for m := 0; m < len(out.Bits); m += n * n {
		l, g := f.decodeAll(in[0].Bits[m:m+n*n]), make([]float64, n*n)
		for i := range n {
			for j := range i + 1 {
				g[i*n+j] = f.decode(in[1].Bits[m+i*n+j])
			}
		}
		for k := n - 1; k >= 0; k-- {
			f.choleskyColumn(l, g, k, n)
		}
		for i, x := range g {
			out.Bits[m+i] = f.encode(x)
		}
	}
}

// choleskyColumn is the step of choleskyVJP for column k of the matrices l and g of n rows.
func (f field) choleskyColumn(l, g []float64, k, n int) {
	m, pivot := n-1-k, l[k*n+k]
	x, y := make([]float64, m), make([]float64, m)
	for t := range x {
		x[t] = l[(k+1+t)*n+k]
	}
	for i := range m {
		row := line{g, (k+1+i)*n + k + 1, 1}
		s := f.dotLanes(row, line{x, 0, 1}, i+1)
		for j := range i + 1 {
			y[j] = f.round(float64(y[j] + f.round(float64(row.at(j)*x[i]))))
		}
		y[i] = f.round(float64(y[i] + s))
	}
	column := line{g, (k+1)*n + k, n}
	for t := range m {
		at := column.first + t*n
		g[at] = f.round(float64(f.round(float64(g[at]-y[t])) / pivot))
	}
	d := f.round(float64(g[k*n+k] - f.dotLanes(line{x, 0, 1}, column, m)))
	g[k*n+k] = f.round(float64(d / f.round(float64(pivot+pivot))))
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
