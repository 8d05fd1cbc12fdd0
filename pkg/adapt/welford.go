package adapt

import "github.com/drey-sampler/drey/pkg/tensor"

// Welford holds running moments of vectors x f[D]: their number f[], mean f[D], and the sum of squared deviations f[D] or, of
// products of deviations, f[D, D]. Source: Welford (1962).
type Welford struct{ Count, Mean, M2 tensor.Value }

// newWelford returns the moments of nothing, for vectors like x.
func newWelford(x tensor.Value, dense bool) Welford {
	w := Welford{Count: tensor.In(x, tensor.Zeros(x.DType())), Mean: tensor.ZerosLike(x), M2: tensor.ZerosLike(x)}
	if dense {
		w.M2 = tensor.In(x, tensor.Zeros(x.DType(), x.Dim(0), x.Dim(0)))
	}
	return w
}

// Update returns the moments with one more vector.
func (w Welford) Update(x tensor.Value) Welford {
	n := w.Count.Add(1.0)
	before := x.Sub(w.Mean)
	mean := w.Mean.Add(before.Div(n))
	after := x.Sub(mean)
	m2 := before.Mul(after)
	if w.M2.Rank() == 2 {
		m2 = before.Outer(after)
	}
	return Welford{n, mean, w.M2.Add(m2)}
}

// Reset returns the moments of nothing.
func (w Welford) Reset() Welford {
	return Welford{tensor.ZerosLike(w.Count), tensor.ZerosLike(w.Mean), tensor.ZerosLike(w.M2)}
}

// Covariance returns the sample variances f[D] or the covariance matrix f[D, D]; zeros where there are fewer than two vectors.
func (w Welford) Covariance() tensor.Value { return w.M2.Div(w.Count.Sub(1.0).Max(1.0)) }

// Constants of Stan's regularisation (covar_adaptation.hpp): as if five draws of variance 1e-3 had been seen besides.
const (
	priorDraws    = 5.0
	priorVariance = 1e-3
)

// shrink returns n/(n+5)·x + 1e-3·5/(n+5)·I for a covariance matrix f[D, D] of n draws.
func shrink(x, n tensor.Value) tensor.Value {
	total := n.Add(priorDraws)
	extra := total.Reciprocal().Mul(priorDraws * priorVariance)
	return x.Mul(n.Div(total)).Add(extra.BroadcastTo(x.Dim(0)).Diag())
}
