package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// MultivariateNormalDist is the multivariate normal distribution. Its factor L is lower triangular: covariance L·Lᵀ, or
// precision L·Lᵀ where it was given by its precision.
type MultivariateNormalDist struct {
	shape
	Loc       tensor.Value
	factor    tensor.Value // […, n, n]
	precision bool
}

// MultivariateNormal returns the normal distribution with mean loc […, n] and covariance […, n, n], of which the lower
// triangle is read. A covariance that is not positive definite gives NaN.
func MultivariateNormal(loc, covariance any) MultivariateNormalDist {
	return multivariate("MultivariateNormal", "covariance_matrix", loc, covariance, tensor.Value.Cholesky, false)
}

// MultivariateNormalPrecision is MultivariateNormal by the inverse of its covariance.
func MultivariateNormalPrecision(loc, precision any) MultivariateNormalDist {
	return multivariate("MultivariateNormalPrecision", "precision_matrix", loc, precision, tensor.Value.Cholesky, true)
}

// MultivariateNormalTril is MultivariateNormal by the lower Cholesky factor of its covariance.
func MultivariateNormalTril(loc, scaleTril any) MultivariateNormalDist {
	return multivariate("MultivariateNormalTril", "scale_tril", loc, scaleTril, func(v tensor.Value) tensor.Value { return v }, false)
}

func multivariate(name, matrix string, loc, m any, factor func(tensor.Value) tensor.Value, precision bool) MultivariateNormalDist {
	p := newParams(name)
	l := p.take("loc", loc, 1, "a finite number", isFinite)
	v := p.take(matrix, m, 2, "a finite number", isFinite)
	n := v.Dim(-1)
	if v.Dim(-2) != n || l.Dim(-1) != n {
		tensor.Fail(name, "loc is %s and %s is %s, want n numbers and n×n", l, matrix, v)
	}
	return MultivariateNormalDist{shape: p.shape(n), Loc: l, factor: factor(v), precision: precision}
}

func (d MultivariateNormalDist) Support() Constraint               { return RealVector }
func (d MultivariateNormalDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

func (d MultivariateNormalDist) LogProb(x tensor.Value) tensor.Value {
	n := float64(d.event[0])
	logDet := d.factor.Diagonal().Log().Sum(-1)
	diff := x.Sub(d.Loc)
	if d.precision {
		w := applyFactor(d.factor, diff, true)
		return d.full(w.Square().Sum(-1).Mul(-0.5).Add(logDet.Sub(n * halfLog2Pi)))
	}
	w := solveFactor(d.factor, diff, false)
	return d.full(w.Square().Sum(-1).Mul(-0.5).Sub(logDet.Add(n * halfLog2Pi)))
}

// applyFactor returns L·v or Lᵀ·v for the vectors in the last axis of v.
func applyFactor(l, v tensor.Value, transpose bool) tensor.Value {
	if transpose {
		l = l.SwapAxes(-1, -2)
	}
	if l.Rank() == 2 {
		return tensor.DotGeneral(v, l, nil, []int{-1}, nil, []int{-1})
	}
	return l.MatMul(v.BroadcastTo(vectorShape(l, v)...).ExpandDims(-1)).Squeeze(-1)
}

// solveFactor returns L⁻¹·v or L⁻ᵀ·v for the vectors in the last axis of v: one solve with many right-hand sides where one
// factor serves them all.
func solveFactor(l, v tensor.Value, transpose bool) tensor.Value {
	if v.Rank() == 1 && l.Rank() == 2 {
		return l.TriangularSolve(v, true, transpose)
	}
	if l.Rank() == 2 {
		n := v.Dim(-1)
		rows := v.Reshape(v.Size()/n, n).Transpose()
		return l.TriangularSolve(rows, true, transpose).Transpose().Reshape(v.Shape()...)
	}
	v = v.BroadcastTo(vectorShape(l, v)...)
	l = l.BroadcastTo(append(slices.Clone(v.Shape()), v.Dim(-1))...)
	return l.TriangularSolve(v, true, transpose)
}

func vectorShape(l, v tensor.Value) []int {
	s := l.Shape()
	out, ok := tensor.BroadcastShapes(s[:len(s)-1], v.Shape())
	if !ok {
		tensor.Fail("MultivariateNormal", "value %s does not broadcast with a factor %s", v, l)
	}
	return out
}

func (d MultivariateNormalDist) Sample(k rng.Key, sample ...int) tensor.Value {
	z := k.Normal(d.whole(sample)...)
	if d.precision {
		return solveFactor(d.factor, z, true).Add(d.Loc)
	}
	return applyFactor(d.factor, z, false).Add(d.Loc)
}

// root returns R with covariance R·Rᵀ: L, or L⁻ᵀ of a precision.
func (d MultivariateNormalDist) root() tensor.Value {
	if !d.precision {
		return d.factor
	}
	n := d.event[0]
	identity := tensor.Select(onDiagonal(n), 1.0, 0.0)
	return d.factor.TriangularSolve(identity.BroadcastTo(d.factor.Shape()...), true, true)
}

// CovarianceMatrix returns the covariance […, n, n].
func (d MultivariateNormalDist) CovarianceMatrix() tensor.Value {
	r := d.root()
	return r.MatMul(r.SwapAxes(-1, -2))
}

func (d MultivariateNormalDist) Mean() tensor.Value     { return d.filled(d.Loc) }
func (d MultivariateNormalDist) Variance() tensor.Value { return d.filled(d.root().Square().Sum(-1)) }
