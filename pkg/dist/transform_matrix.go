package dist

import (
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Bijectors from vectors onto matrices.
var (
	// CorrCholeskyTransform maps n(n-1)/2 numbers, row by row below the diagonal, to a Cholesky factor of a correlation
	// matrix: their tanh are partial correlations (Lewandowski, Kurowicka & Joe 2009; NumPyro's and Stan's form).
	CorrCholeskyTransform Bijector = corrCholesky{}
	// LowerCholeskyTransform maps n(n+1)/2 numbers to a lower triangular matrix with positive diagonal: row by row what
	// is below the diagonal, then the logarithms of the diagonal (NumPyro's order).
	LowerCholeskyTransform Bijector = lowerCholesky{}
	// PositiveDefiniteTransform is LowerCholeskyTransform followed by L → L·Lᵀ.
	PositiveDefiniteTransform Bijector = outerProduct{LowerCholeskyTransform}
	// CorrMatrixTransform is CorrCholeskyTransform followed by L → L·Lᵀ.
	CorrMatrixTransform Bijector = outerProduct{CorrCholeskyTransform}
)

// order returns the n with n(n+1)/2 = size.
func order(size int) int {
	n := int(math.Sqrt(2 * float64(size)))
	if n*(n+1)/2 != size {
		tensor.Fail("bijector", "%d numbers do not fill a triangle", size)
	}
	return n
}

// strictlyLower returns n×n matrices with the last axis of v, row by row, below the diagonal, zero elsewhere.
func strictlyLower(v tensor.Value, n int) tensor.Value {
	if n < 2 {
		return zeros(slices.Concat(v.Shape()[:v.Rank()-1], []int{n, n}))
	}
	index := make([][]int, n)
	for i := range index {
		index[i] = make([]int, n)
		for j := range i {
			index[i][j] = i*(i-1)/2 + j
		}
	}
	return v.Take(tensor.Lift(index), -1).Tril(-1)
}

// fromStrictlyLower is the inverse of strictlyLower.
func fromStrictlyLower(m tensor.Value) tensor.Value {
	n := m.Dim(-1)
	var index []int
	for i := range n {
		for j := range i {
			index = append(index, i*n+j)
		}
	}
	lead := m.Shape()[:m.Rank()-2]
	if len(index) == 0 {
		return zeros(slices.Concat(lead, []int{0}))
	}
	flat := m.Reshape(slices.Concat(lead, []int{n * n})...)
	return flat.Take(tensor.Lift(index), -1)
}

func onDiagonal(n int) tensor.Value {
	return tensor.Iota(tensor.I32, 0, n, n).Eq(tensor.Iota(tensor.I32, 1, n, n))
}

// triangles is what bijectors from vectors to matrices share.
type triangles struct{}

func (triangles) DomainDim() int   { return 1 }
func (triangles) CodomainDim() int { return 2 }

func (triangles) sides(x []int) (lead []int, n int) {
	return x[:len(x)-2], x[len(x)-1]
}

type corrCholesky struct{ triangles }

func (corrCholesky) ConstrainedShape(u []int) []int {
	n := order(u[len(u)-1]) + 1
	return slices.Concat(u[:len(u)-1], []int{n, n})
}

func (t corrCholesky) UnconstrainedShape(x []int) []int {
	lead, n := t.sides(x)
	return slices.Concat(lead, []int{n * (n - 1) / 2})
}

func (corrCholesky) Image(Constraint) Constraint { return CorrCholesky }

// logSech2 returns log(1 - tanh²u) = -2 log cosh u.
func logSech2(u tensor.Value) tensor.Value {
	a := u.Abs()
	return a.Mul(-2.0).Softplus().Add(a).Sub(math.Ln2).Mul(-2.0)
}

// Forward gives row i the entries z_ij √Π_{k<j}(1-z_ik²) for j < i and the last root itself on the diagonal.
func (corrCholesky) Forward(u tensor.Value) tensor.Value {
	n := order(u.Dim(-1)) + 1
	logs := strictlyLower(logSech2(u), n)
	before := shifted(logs.Cumsum(-1)) // Σ_{k<j} log(1-z_ik²)
	z := tensor.Select(onDiagonal(n), 1.0, strictlyLower(u.Tanh(), n))
	return z.Mul(before.Mul(0.5).Exp())
}

// shifted returns v moved right by one along the last axis, a zero first.
func shifted(v tensor.Value) tensor.Value {
	return tensor.Concat(-1, zeros(resized(v.Shape(), 1)), v.Slice(-1, 0, v.Dim(-1)-1))
}

// Inverse: tanh u = x_ij/√(x_ij² + a) with a = Σ_{k>j} x_ik², hence sinh u = x_ij/√a.
func (corrCholesky) Inverse(x tensor.Value) tensor.Value {
	after := shifted(x.Square().Reverse(-1).Cumsum(-1)).Reverse(-1)
	root := tensor.Select(after.Gt(0.0), after, 1.0).Sqrt()
	return asinh(fromStrictlyLower(x.Div(root)))
}

// asinh returns log(m + √(m²+1)), accurate near 0.
func asinh(m tensor.Value) tensor.Value {
	a := m.Abs()
	s := a.Square()
	return a.Add(s.Div(s.Add(1.0).Sqrt().Add(1.0))).Log1p().Mul(m.Sign())
}

// LogAbsDetJacobian: dx_ij/du_ij = (1-z_ij²)·√Π_{k<j}(1-z_ik²), and the matrix of derivatives is triangular, so that entry
// j of row i counts 1 + (i-1-j)/2 times.
func (corrCholesky) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value {
	n := order(u.Dim(-1)) + 1
	if n < 2 {
		return u.Sum(-1)
	}
	var weight []float64
	for i := range n {
		for j := range i {
			weight = append(weight, 1+float64(i-1-j)/2)
		}
	}
	return logSech2(u).Mul(weight).Sum(-1)
}

type lowerCholesky struct{ triangles }

func (lowerCholesky) ConstrainedShape(u []int) []int {
	n := order(u[len(u)-1])
	return slices.Concat(u[:len(u)-1], []int{n, n})
}

func (t lowerCholesky) UnconstrainedShape(x []int) []int {
	lead, n := t.sides(x)
	return slices.Concat(lead, []int{n * (n + 1) / 2})
}

func (lowerCholesky) Image(Constraint) Constraint { return LowerCholesky }

func (lowerCholesky) Forward(u tensor.Value) tensor.Value {
	size := u.Dim(-1)
	n := order(size)
	below := strictlyLower(u.Slice(-1, 0, size-n), n)
	return tensor.Select(onDiagonal(n), u.Slice(-1, size-n, size).Exp().ExpandDims(-1), below)
}

func (lowerCholesky) Inverse(x tensor.Value) tensor.Value {
	return tensor.Concat(-1, fromStrictlyLower(x), x.Diagonal().Log())
}

func (lowerCholesky) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value {
	size := u.Dim(-1)
	return u.Slice(-1, size-order(size), size).Sum(-1)
}

// outerProduct follows a bijector onto Cholesky factors L by L → L·Lᵀ.
type outerProduct struct{ Bijector }

func (t outerProduct) Forward(u tensor.Value) tensor.Value {
	l := t.Bijector.Forward(u)
	return l.MatMul(l.SwapAxes(-1, -2))
}

func (t outerProduct) Inverse(x tensor.Value) tensor.Value { return t.Bijector.Inverse(x.Cholesky()) }

// LogAbsDetJacobian: the entries of L·Lᵀ on and below the diagonal depend on those of L through a triangular matrix with
// L_jj at (i, j), i > j, and 2L_jj at (j, j); a correlation matrix has no free diagonal.
func (t outerProduct) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value {
	l := t.Bijector.Forward(u)
	n := l.Dim(-1)
	free := 0.0
	if t.Bijector == LowerCholeskyTransform {
		free = 1
	}
	count := make([]float64, n)
	for j := range count {
		count[j] = float64(n-1-j) + free
	}
	j := t.Bijector.LogAbsDetJacobian(u, l)
	return j.Add(l.Diagonal().Log().Mul(count).Sum(-1)).Add(free * float64(n) * math.Ln2)
}

func (t outerProduct) Image(Constraint) Constraint {
	if t.Bijector == LowerCholeskyTransform {
		return PositiveDefinite
	}
	return CorrMatrix
}
