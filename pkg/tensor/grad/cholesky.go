package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// halfLower returns the lower triangle with half of the diagonal: Φ of Murray (2016).
func halfLower(x tensor.Value) tensor.Value {
	r, n := x.Rank(), x.Dim(-1)
	row, col := tensor.Iota(tensor.I32, 0, n, n), tensor.Iota(tensor.I32, 1, n, n)
	mask := func(m tensor.Value) tensor.Value { return m.BroadcastInDim(x.Shape(), []int{r - 2, r - 1}) }
	return tensor.Select(mask(col.Lt(row)), x, tensor.Select(mask(col.Eq(row)), x.Mul(0.5), 0.0))
}

// choleskyBlock is the size up to which the formula with inverses is used: below it the blocks cost more than they
// save. choleskyBlocks bounds the length of the program for large matrices.
const (
	choleskyBlock  = 16
	choleskyBlocks = 8
)

// choleskyVJP returns the cotangent of the lower triangle, which is the operand: an off-diagonal element stands for both
// places of a symmetric matrix.
func choleskyVJP(s *site, ct lin) {
	n := s.x[0].Dim(-1)
	if n < 2*choleskyBlock {
		s.push(0, fullLin(choleskyReverse(s.y, ct.bare().value())).scaledLike(ct))
		return
	}
	size := max(choleskyBlock, (n+choleskyBlocks-1)/choleskyBlocks)
	s.push(0, fullLin(choleskyBlocked(s.y, ct.bare().value(), size)).scaledLike(ct))
}

// choleskyReverse is Murray (2016), arXiv 1602.07527, equation 10: with S = L⁻ᵀ Φ(Lᵀ L̄) L⁻¹ the cotangent of the
// symmetric matrix is (S+Sᵀ)/2. It costs 2n³ multiplications.
func choleskyReverse(l, ct tensor.Value) tensor.Value {
	half := l.TriangularSolve(halfLower(matmul(l, ct, true, false)), true, true)
	st := l.TriangularSolve(transposed(half), true, true)
	return halfLower(st.Add(transposed(st)))
}

// block returns x[r0:r1, c0:c1] of the last two axes.
func block(x tensor.Value, r0, r1, c0, c1 int) tensor.Value {
	return x.Slice(-2, r0, r1).Slice(-1, c0, c1)
}

// choleskyBlocked is the blocked algorithm of Murray (2016), section 3.3, from the last block of columns to the first,
// with R, D, B, C as there: n³/3 multiplications and terms of order n²·size. T is the transpose of C̄ after its first
// line.
func choleskyBlocked(l, ct tensor.Value, size int) tensor.Value {
	n := l.Dim(-1)
	var columns []any
	var low tensor.Value // cotangent of the rows below the block, columns 0 to k
	for k, j := n, (n-1)/size*size; k > 0; k, j = j, j-size {
		d, r := block(l, j, k, j, k), block(l, j, k, 0, j)
		dbar, rbar := block(ct, j, k, j, k), block(ct, j, k, 0, j)
		var t tensor.Value
		if k < n {
			t = d.TriangularSolve(transposed(low.Slice(-1, j, k)), true, true)
			dbar = dbar.Sub(matmul(t, block(l, k, n, j, k), false, false))
		}
		dbar = choleskyReverse(d, dbar) // reads the lower triangle alone
		column := []any{dbar}
		if j > 0 {
			column = slices.Insert(column, 0, any(zeroRows(l, j, k-j)))
		}
		if k < n {
			column = append(column, transposed(t))
		}
		columns = append(columns, tensor.Concat(-2, column...))
		if j == 0 {
			break
		}
		rbar = rbar.Sub(matmul(dbar.Add(transposed(dbar)), r, false, false))
		if k < n {
			rbar = rbar.Sub(matmul(t, block(l, k, n, 0, j), false, false))
			bbar := low.Slice(-1, 0, j).Sub(matmul(t, r, true, false))
			low = tensor.Concat(-2, rbar, bbar)
		} else {
			low = rbar
		}
	}
	slices.Reverse(columns)
	return tensor.Concat(-1, columns...)
}

func zeroRows(like tensor.Value, rows, cols int) tensor.Value {
	shape := slices.Clone(like.Shape())
	shape[len(shape)-2], shape[len(shape)-1] = rows, cols
	return tensor.Zeros(like.DType(), shape...)
}

// choleskyJVP is Murray (2016), equation 8: L Φ(L⁻¹ Σ̇ L⁻ᵀ), Σ̇ made symmetric from its lower triangle.
func choleskyJVP(s *site) lin {
	l := s.y
	low := halfLower(s.t[0].value())
	sym := low.Add(transposed(low))
	left := l.TriangularSolve(sym, true, false)
	both := l.TriangularSolve(transposed(left), true, false) // symmetric
	return fullLin(matmul(l, halfLower(both), false, false))
}
