package adapt

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// MetricKind says how the inverse mass matrix is found.
type MetricKind string

// The kinds.
const (
	// MetricDraws: diagonal, the regularised variances of the draws (Stan's diag_e).
	MetricDraws MetricKind = "diag-draws"
	// MetricGradients: diagonal, √(variance of the draws / variance of the gradients), which minimises the Fisher divergence
	// to a standard normal (nutpie, nuts-rs adapt_diag); the draws' variances where those of the gradients are zero.
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

// inverseMass returns the inverse mass matrix f[D] or f[D, D] from the moments of draws and, for MetricGradients, of gradients.
func (m MetricKind) inverseMass(draws, gradients Welford) tensor.Value {
	v := shrink(draws.Covariance(), draws.Count)
	if m != MetricGradients {
		return v
	}
	ratio := shrink(draws.Covariance().Div(gradients.Covariance()).Sqrt(), draws.Count)
	return tensor.Select(ratio.IsFinite(), ratio.Clamp(smallestVariance, largestVariance), v)
}

// Limits of nutpie's inverse masses (nuts-rs, adapt_diag): beyond them only rounding errors are scaled.
const (
	smallestVariance = 1e-20
	largestVariance  = 1e20
)

// Factor returns F with F·Fᵀ = inverse mass matrix: the square roots of f[D], the Cholesky factor of f[D, D], NaN where it is not
// positive definite.
func Factor(inverseMass tensor.Value) tensor.Value {
	if inverseMass.Rank() == 2 {
		return inverseMass.Cholesky()
	}
	return inverseMass.Sqrt()
}
