package adapt

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// MetricKind says how the inverse mass matrix is found.
type MetricKind string

// The kinds.
const (
	// MetricDraws: diagonal, the variances of the draws, as in Stan; while there are few, those of MetricGradients.
	MetricDraws MetricKind = "diag-draws"
	// MetricGradients: diagonal, √(variance of the draws / variance of the gradients), which minimises the Fisher divergence
	// to a standard normal (nutpie, nuts-rs adapt_diag).
	MetricGradients MetricKind = "diag-grad"
	// MetricDense: the regularised covariance matrix of the draws (Stan's dense_e).
	MetricDense MetricKind = "dense"
	// MetricUnit: as it starts, the unit matrix unless one is given; never adapted.
	MetricUnit MetricKind = "unit"
)

// Validate returns an error for an unknown kind.
func (m MetricKind) Validate() error {
	switch m {
	case MetricDraws, MetricGradients, MetricDense, MetricUnit:
		return nil
	}
	return fmt.Errorf("adapt: unknown metric %q (want %s, %s, %s or %s)", m, MetricDraws, MetricGradients, MetricDense, MetricUnit)
}

// diagonal reports whether the metric is diagonal and adapted.
func (m MetricKind) diagonal() bool { return m == MetricDraws || m == MetricGradients }

// Limits of nutpie's inverse masses (nuts-rs, adapt_diag): beyond them only rounding errors are scaled.
const (
	smallestVariance = 1e-20
	largestVariance  = 1e20
)

// Numbers of draws that a diagonal metric needs: from the ratio of variances, which two draws give exactly for independent
// normals (nuts-rs waits for three); and from the variances of the draws, whose relative errors are √(2/n).
const (
	drawsForRatio    = 3.0
	drawsForVariance = 100.0
)

// move returns the factor f[D] of a diagonal metric from the moments of draws and gradients, elements of old where they do
// not say: where a variance is zero or not finite.
func (m MetricKind) move(old tensor.Value, draws, gradients Welford) tensor.Value {
	v := draws.M2.Div(gradients.M2).Sqrt()
	if m == MetricDraws {
		v = tensor.Select(draws.Count.Ge(drawsForVariance), draws.Covariance(), v)
	}
	says := v.IsFinite().And(v.Gt(0.0)).And(draws.Count.Ge(drawsForRatio))
	return tensor.Select(says, Factor(v.Clamp(smallestVariance, largestVariance)), old)
}

// firstFactor returns the factor of the diagonal metric 1/|gradient| of a first point, 1 where the gradient is zero: what is
// steep is narrow. Source: nuts-rs, adapt_diag.
func firstFactor(gradient tensor.Value) tensor.Value {
	v := tensor.Select(gradient.Eq(0.0), 1.0, gradient.Abs().Reciprocal())
	return Factor(v.Clamp(smallestVariance, largestVariance))
}

// Factor returns F with F·Fᵀ = inverse mass matrix: the square roots of f[D], the Cholesky factor of f[D, D], NaN where it is not
// positive definite.
func Factor(inverseMass tensor.Value) tensor.Value {
	if inverseMass.Rank() == 2 {
		return inverseMass.Cholesky()
	}
	return inverseMass.Sqrt()
}
