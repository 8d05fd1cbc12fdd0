package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func linalgRules() map[tensor.Op]rule {
	return map[tensor.Op]rule{
		tensor.OpDot:             {vjp: dotVJP, jvp: dotJVP},
		tensor.OpCholesky:        {vjp: choleskyVJP, jvp: choleskyJVP},
		tensor.OpCholeskyVJP:     {vjp: choleskyAdjointVJP, jvp: choleskyAdjointJVP},
		tensor.OpTriangularSolve: {vjp: solveVJP, jvp: solveJVP},
	}
}

// dotLetters names the axes of a, b and the result of a dot-general: a letter per batch, contracted and free axis.
func dotLetters(d *tensor.DotDims, ra, rb int) (a, b, out []int) {
	a, b = make([]int, ra), make([]int, rb)
	next := 1
	name := func(i, j int) int {
		a[i], b[j] = next, next
		next++
		return next - 1
	}
	for k, i := range d.BatchA {
		out = append(out, name(i, d.BatchB[k]))
	}
	for k, i := range d.ContractA {
		name(i, d.ContractB[k])
	}
	for _, side := range [][]int{a, b} {
		for i, c := range side {
			if c == 0 {
				side[i] = next
				out = append(out, next)
				next++
			}
		}
	}
	return a, b, out
}

// contract returns the sum of the products of x and y whose axes are named tx and ty, over the names missing in out.
// A name of x alone must be in out, likewise of y.
func contract(x lin, y tensor.Value, tx, ty, out []int) lin {
	var ba, bb, ca, cb, names []int
	for i, c := range tx {
		j := slices.Index(ty, c)
		switch {
		case j < 0:
		case slices.Contains(out, c):
			ba, bb, names = append(ba, i), append(bb, j), append(names, c)
		default:
			ca, cb = append(ca, i), append(cb, j)
		}
	}
	if len(ca) == 0 {
		return spreadTo(x, tx, ty, y, out)
	}
	for _, side := range [][]int{tx, ty} {
		for _, c := range side {
			if slices.Contains(out, c) && !slices.Contains(names, c) {
				names = append(names, c)
			}
		}
	}
	perm := make([]int, len(out))
	for i, c := range out {
		perm[i] = slices.Index(names, c)
	}
	got := tensor.DotGeneral(x.bare().value(), y, ba, ca, bb, cb)
	return fullLin(got).transpose(perm).scaledLike(x)
}

// spreadTo multiplies where nothing is contracted: an elementwise product of broadcasts.
func spreadTo(x lin, tx, ty []int, y tensor.Value, out []int) lin {
	shape := make([]int, len(out))
	place := func(l lin, names []int) lin {
		order := make([]int, 0, len(names))
		axes := make([]int, 0, len(names))
		for i, c := range out {
			if k := slices.Index(names, c); k >= 0 {
				order, axes = append(order, k), append(axes, i)
				shape[i] = l.shape[k]
			}
		}
		l = l.transpose(order)
		l.shape = axes // place holder until both have filled in the shape
		return l
	}
	a, b := place(x, tx), place(fullLin(y), ty)
	grow := func(l lin) lin {
		axes := l.shape
		l.shape = make([]int, len(axes))
		for i, at := range axes {
			l.shape[i] = shape[at]
		}
		return l.broadcast(shape, axes)
	}
	return grow(a).times(grow(b))
}

func dotVJP(s *site, ct lin) {
	a, b, out := dotLetters(s.Attr.Dot, s.x[0].Rank(), s.x[1].Rank())
	s.to(0, func() lin { return contract(ct, s.x[1], out, b, a) })
	s.to(1, func() lin { return contract(ct, s.x[0], out, a, b) })
}

func dotJVP(s *site) lin {
	d := s.Attr.Dot
	dot := func(a, b tensor.Value) lin {
		return fullLin(tensor.DotGeneral(a, b, d.BatchA, d.ContractA, d.BatchB, d.ContractB))
	}
	sum := zeroLike(s.y)
	if !s.t[0].zero {
		sum = sum.plus(dot(s.t[0].value(), s.x[1]))
	}
	if !s.t[1].zero {
		sum = sum.plus(dot(s.x[0], s.t[1].value()))
	}
	return sum
}

// matmul multiplies matrices with equal leading axes; ta and tb transpose them first.
func matmul(a, b tensor.Value, ta, tb bool) tensor.Value {
	r := a.Rank()
	batch := allAxes(r - 2)
	ca, cb := r-1, r-2
	if ta {
		ca = r - 2
	}
	if tb {
		cb = r - 1
	}
	return tensor.DotGeneral(a, b, batch, []int{ca}, batch, []int{cb})
}

// outer returns a·bᵀ: of single columns a product of broadcasts, which joins the loop that uses it.
func outer(a, b tensor.Value) tensor.Value {
	if a.Dim(-1) == 1 {
		return a.Mul(transposed(b))
	}
	return matmul(a, b, false, true)
}

func transposed(x tensor.Value) tensor.Value { return x.SwapAxes(-1, -2) }

// triangle returns the triangle of x that a solve reads.
func (s *site) triangle(x tensor.Value) tensor.Value {
	if s.Attr.Lower {
		return x.Tril(0)
	}
	n, r := x.Dim(-1), x.Rank()
	keep := tensor.Iota(tensor.I32, 1, n, n).Ge(tensor.Iota(tensor.I32, 0, n, n)).BroadcastInDim(x.Shape(), []int{r - 2, r - 1})
	return tensor.Select(keep, x, 0.0)
}

// solveVJP: for A X = B, B̄ = A⁻ᵀ X̄ and Ā = -B̄ Xᵀ; for Aᵀ X = B, B̄ = A⁻¹ X̄ and Ā = -X B̄ᵀ.
func solveVJP(s *site, ct lin) {
	a := s.Attr
	ctb := s.x[0].TriangularSolve(ct.value(), a.Lower, !a.Transpose)
	s.to(0, func() lin {
		left, right := ctb, s.y
		if a.Transpose {
			left, right = right, left
		}
		whole := outer(left, right)
		if a.Lower && s.In[0].Node().Op == tensor.OpCholesky {
			return fullLin(whole).neg() // cholesky_vjp, where it goes, reads the lower triangle alone
		}
		return fullLin(s.triangle(whole)).neg()
	})
	s.to(1, func() lin { return fullLin(ctb) })
}

// solveJVP: op(A) Ẋ = Ḃ - op(Ȧ) X.
func solveJVP(s *site) lin {
	a := s.Attr
	right := s.t[1]
	if !s.t[0].zero {
		right = right.plus(fullLin(matmul(s.triangle(s.t[0].value()), s.y, a.Transpose, false)).neg())
	}
	return fullLin(s.x[0].TriangularSolve(right.value(), a.Lower, a.Transpose))
}
