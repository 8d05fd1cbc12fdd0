package dist

import "github.com/drey-sampler/drey/pkg/tensor"

// quantiler is a distribution whose quantile function takes both tails as logarithms, which is what keeps truncation
// accurate: x with log P(X ≤ x) = logp and log P(X > x) = logq, of which it uses the smaller.
type quantiler interface {
	CDF
	quantile(logp, logq tensor.Value) tensor.Value
}

// quantileOf is the quantile function of q alone.
func quantileOf(d quantiler, q tensor.Value) tensor.Value {
	return d.quantile(q.Log(), q.Neg().Log1p())
}
