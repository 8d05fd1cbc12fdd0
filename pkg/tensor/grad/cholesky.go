package grad

import "github.com/drey-sampler/drey/pkg/tensor"

// halfLower returns the lower triangle with half of the diagonal: Φ of Murray (2016).
func halfLower(x tensor.Value) tensor.Value {
	r, n := x.Rank(), x.Dim(-1)
	row, col := tensor.Iota(tensor.I32, 0, n, n), tensor.Iota(tensor.I32, 1, n, n)
	mask := func(m tensor.Value) tensor.Value { return m.BroadcastInDim(x.Shape(), []int{r - 2, r - 1}) }
	return tensor.Select(mask(col.Lt(row)), x, tensor.Select(mask(col.Eq(row)), x.Mul(0.5), 0.0))
}

// symmetric returns Φ(x) + Φ(x)ᵀ, the symmetric matrix with the lower triangle of x.
func symmetric(x tensor.Value) tensor.Value {
	low := halfLower(x)
	return low.Add(transposed(low))
}

// choleskyVJP sends the cotangent of the lower triangle, which is the operand: an off-diagonal element stands for both
// places of a symmetric matrix.
func choleskyVJP(s *site, ct lin) {
	s.push(0, fullLin(s.y.CholeskyVJP(ct.bare().value())).scaledLike(ct))
}

func choleskyJVP(s *site) lin {
	_, middle := congruent(s.y, s.t[0].value())
	return fullLin(matmul(s.y, middle, false, false))
}

// congruent returns H = L⁻¹ Σ and Φ(H L⁻ᵀ), Σ made symmetric from the lower triangle of x. L Φ(L⁻¹ Σ L⁻ᵀ) is the tangent
// of L along Σ: Murray (2016), arXiv 1602.07527, equation 8.
func congruent(l, x tensor.Value) (half, middle tensor.Value) {
	half = l.TriangularSolve(symmetric(x), true, false)
	return half, halfLower(l.TriangularSolve(transposed(half), true, false)) // the transpose of a symmetric matrix
}

// choleskyAdjointJVP differentiates what cholesky_vjp computes by the formula of Murray (2016), equation 10: with the
// cotangent C of L, S = L⁻ᵀ Φ(Lᵀ C) L⁻¹ and T = S + Sᵀ the result is Ā = Φ(T), so that T = Ā + Āᵀ. Along (dL, dC)
//
//	dT = X + Xᵀ, X = W L⁻¹, W = L⁻ᵀ Φ(dLᵀ C + Lᵀ dC) - T dL.
func choleskyAdjointJVP(s *site) lin {
	l := s.x[0]
	inner, outer := zeroLike(s.y), zeroLike(s.y)
	if !s.t[0].zero {
		dl := s.t[0].value().Tril(0)
		inner = fullLin(matmul(dl, s.x[1].Tril(0), true, false))
		outer = fullLin(matmul(s.y.Add(transposed(s.y)), dl, false, false))
	}
	if !s.t[1].zero {
		inner = inner.plus(fullLin(matmul(l.Tril(0), s.t[1].value().Tril(0), true, false)))
	}
	w := fullLin(l.TriangularSolve(halfLower(inner.value()), true, true)).plus(outer.neg()).value()
	x := l.TriangularSolve(transposed(w), true, true) // Xᵀ
	return fullLin(halfLower(x.Add(transposed(x))))
}

// choleskyAdjointVJP transposes choleskyAdjointJVP: for a cotangent Y of Ā, with E = Φ(Y) + Φ(Y)ᵀ, those of W and of
// R = Lᵀ C are E L⁻ᵀ and Φ(L⁻¹ E L⁻ᵀ).
func choleskyAdjointVJP(s *site, ct lin) {
	l := s.x[0]
	half, middle := congruent(l, ct.value())
	s.to(0, func() lin {
		viaR := matmul(s.x[1].Tril(0), middle, false, true)
		viaW := matmul(s.y.Add(transposed(s.y)), half, false, true)
		return fullLin(viaR.Sub(viaW).Tril(0))
	})
	s.to(1, func() lin { return fullLin(matmul(l.Tril(0), middle, false, false).Tril(0)) })
}
