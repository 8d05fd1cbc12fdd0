package kernels

import "github.com/drey-sampler/drey/pkg/tensor"

// Metric is the Euclidean metric as the factor F with F·Fᵀ = inverse mass matrix: f[D], the square roots of a diagonal, or
// f[D, D], a lower triangular (Cholesky) factor.
type Metric struct{ Factor tensor.Value }

// IsDense reports whether the factor is a matrix.
func (m Metric) IsDense() bool { return m.Factor.Rank() == 2 }

// velocity returns F·u, the rate of change of the position, for a whitened momentum u f[D].
func (m Metric) velocity(u tensor.Value) tensor.Value {
	if m.IsDense() {
		return m.Factor.MatMul(u)
	}
	return m.Factor.Mul(u)
}

// whiten returns Fᵀ·g, the rate of change of the whitened momentum, for the gradient g f[D] of the log density.
func (m Metric) whiten(g tensor.Value) tensor.Value {
	if m.IsDense() {
		return g.MatMul(m.Factor)
	}
	return m.Factor.Mul(g)
}
