package dist

import "github.com/drey-sampler/drey/pkg/tensor"

// stirlingFrom is where differences of log Γ change from lgamma itself to Stirling's series, whose terms below leave less
// than 2e-17 from there on.
const stirlingFrom = 10

// stirlingError returns δ(x) = log Γ(x) - (x-½)log x + x - log(2π)/2 for x ≥ stirlingFrom by its asymptotic series
// (Abramowitz & Stegun 6.1.40), Σ B_2k/(2k(2k-1)x^(2k-1)).
func stirlingError(x tensor.Value) tensor.Value {
	r := x.Reciprocal()
	t := r.Square()
	s := t.Mul(43867.0 / 244188).Add(-3617.0 / 122400)
	for _, c := range []float64{1.0 / 156, -691.0 / 360360, 1.0 / 1188, -1.0 / 1680, 1.0 / 1260, -1.0 / 360, 1.0 / 12} {
		s = s.Mul(t).Add(c)
	}
	return s.Mul(r)
}

// lgammaRise returns log Γ(a+b) - log Γ(a) for a > 0, b ≥ 0, without the cancellation of that formula where a is large
// beside b (Didonato & Morris 1992, "Algorithm 708", section 3 computes log B alike).
func lgammaRise(a, b tensor.Value) tensor.Value {
	if allStatic(a, func(v float64) bool { return v < stirlingFrom }) {
		return a.Add(b).Lgamma().Sub(a.Lgamma())
	}
	large := a.Ge(stirlingFrom)
	big := tensor.Select(large, a, stirlingFrom)
	sum := big.Add(b)
	rise := big.Sub(0.5).Mul(b.Div(big).Log1p()).Add(b.Mul(sum.Log().Sub(1.0))).Add(stirlingError(sum).Sub(stirlingError(big)))
	if allStatic(a, func(v float64) bool { return v >= stirlingFrom }) {
		return rise
	}
	small := tensor.Select(large, 1.0, a)
	return tensor.Select(large, rise, small.Add(b).Lgamma().Sub(small.Lgamma()))
}

// lbeta returns log B(a, b) = log Γ(a) + log Γ(b) - log Γ(a+b).
func lbeta(a, b tensor.Value) tensor.Value {
	lo, hi := a.Min(b), a.Max(b)
	// Where both are large, log Γ(lo) cancels against the rise from hi too; its Stirling form leaves lo·log(lo/(lo+hi)).
	if allStatic(lo, func(v float64) bool { return v < stirlingFrom }) || allStatic(a, func(v float64) bool { return v < stirlingFrom }) || allStatic(b, func(v float64) bool { return v < stirlingFrom }) {
		return lo.Lgamma().Sub(lgammaRise(hi, lo))
	}
	large := lo.Ge(stirlingFrom)
	x, y := tensor.Select(large, lo, stirlingFrom), tensor.Select(large, hi, stirlingFrom)
	sum := x.Add(y)
	both := stirlingError(x).Add(stirlingError(y)).Sub(stirlingError(sum)).Add(halfLog2Pi).Sub(y.Log().Mul(0.5))
	both = both.Add(x.Sub(0.5).Mul(x.Div(sum).Log())).Sub(y.Mul(x.Div(y).Log1p()))
	return tensor.Select(large, both, lo.Lgamma().Sub(lgammaRise(hi, lo)))
}

// logChoose returns log C(n, k) = -log(n+1) - log B(n-k+1, k+1) for 0 ≤ k ≤ n.
func logChoose(n, k tensor.Value) tensor.Value {
	return lbeta(n.Sub(k).Add(1.0), k.Add(1.0)).Add(n.Add(1.0).Log()).Neg()
}

// lgammaSum returns Σ_{j=0}^{p-1} log Γ(a - j/2), the product in the multivariate gamma function.
func lgammaSum(a tensor.Value, p int) tensor.Value {
	sum := tensor.Lift(0.0)
	for j := range p {
		sum = a.Sub(float64(j) / 2).Lgamma().Add(sum)
	}
	return sum
}
