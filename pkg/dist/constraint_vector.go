package dist

import "github.com/drey-sampler/drey/pkg/tensor"

// Sets of vectors and matrices.
var (
	Simplex          Constraint = structured{kind: simplexSet, dim: 1, name: "a simplex"}
	Ordered          Constraint = structured{kind: orderedSet, dim: 1, name: "an increasing vector"}
	PositiveOrdered  Constraint = structured{kind: positiveOrderedSet, dim: 1, name: "an increasing positive vector"}
	CorrCholesky     Constraint = structured{kind: corrCholeskySet, dim: 2, name: "a Cholesky factor of a correlation matrix"}
	LowerCholesky    Constraint = structured{kind: lowerCholeskySet, dim: 2, name: "a lower Cholesky factor"}
	PositiveDefinite Constraint = structured{kind: positiveDefiniteSet, dim: 2, name: "a positive definite matrix"}
	CorrMatrix       Constraint = structured{kind: corrMatrixSet, dim: 2, name: "a correlation matrix"}
)

// sumTolerance is how far the sum of a simplex, the norm of a row or the asymmetry of a matrix may be off: NumPyro's, for
// values that passed through f32 or a text file.
const sumTolerance = 1e-6

type setKind uint8

const (
	simplexSet setKind = iota
	orderedSet
	positiveOrderedSet
	corrCholeskySet
	lowerCholeskySet
	positiveDefiniteSet
	corrMatrixSet
)

// structured is a set of vectors or matrices without parameters.
type structured struct {
	kind setKind
	dim  int
	name string
}

func (c structured) EventDim() int  { return c.dim }
func (c structured) Discrete() bool { return false }
func (c structured) String() string { return c.name }

func (c structured) Check(x tensor.Value) tensor.Value {
	if x.Rank() < c.dim {
		tensor.Fail("constraint", "%s is not %s: want at least %d axes", x, c.name, c.dim)
	}
	switch c.kind {
	case simplexSet:
		return x.Ge(0.0).All(-1).And(nearZero(x.Sum(-1).Sub(1.0)))
	case orderedSet, positiveOrderedSet:
		n := x.Dim(-1)
		up := x.Slice(-1, 1, n).Gt(x.Slice(-1, 0, n-1)).All(-1)
		if c.kind == positiveOrderedSet {
			up = up.And(x.Take(0, -1).Gt(0.0))
		}
		return up
	case lowerCholeskySet:
		return isLower(x)
	case corrCholeskySet:
		return isLower(x).And(nearZero(x.Square().Sum(-1).Sub(1.0)).All(-1))
	case positiveDefiniteSet:
		return isPositiveDefinite(x)
	}
	return isPositiveDefinite(x).And(nearZero(x.Diagonal().Sub(1.0)).All(-1))
}

func nearZero(x tensor.Value) tensor.Value { return x.Abs().Le(sumTolerance) }

func isLower(x tensor.Value) tensor.Value {
	return x.Tril(0).Eq(x).All(-2, -1).And(x.Diagonal().Gt(0.0).All(-1))
}

func isPositiveDefinite(x tensor.Value) tensor.Value {
	asymmetry := x.Sub(x.SwapAxes(-1, -2)).Abs()
	near := asymmetry.Le(x.Abs().Mul(sumTolerance).Add(sumTolerance)).All(-2, -1)
	return near.And(x.Cholesky().Diagonal().Gt(0.0).All(-1))
}
