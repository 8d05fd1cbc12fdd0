package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// tailFrom is how many standard deviations out the normal distribution function changes from erfc to its asymptotic
// series: there the series below is exact to double precision, and erfc is still far from underflow.
const tailFrom = -15

// logNormalCDF returns log Φ(z), accurate in both tails, with accurate derivatives.
func logNormalCDF(z tensor.Value) tensor.Value {
	far, up := z.Lt(tailFrom), z.Gt(1.0)
	low := tensor.Select(far.Or(up), 0.0, z).Mul(-math.Sqrt2 / 2).Erfc().Mul(0.5).Log()
	high := tensor.Select(up, z, 1.0).Mul(math.Sqrt2 / 2).Erfc().Mul(-0.5).Log1p()
	return tensor.Select(far, logNormalTail(tensor.Select(far, z, tailFrom)), tensor.Select(up, high, low))
}

// logNormalTail returns log Φ(z) for z ≤ tailFrom by the asymptotic series of Abramowitz & Stegun 26.2.12,
// φ(z)/(-z)·(1 - 1/z² + 3/z⁴ - 15/z⁶ + …); the first term left out is below 1e-17.
func logNormalTail(z tensor.Value) tensor.Value {
	w := z.Square().Reciprocal()
	s := w.Mul(-19.0).Add(1.0)
	for odd := 17; odd >= 1; odd -= 2 {
		s = s.Mul(w).Mul(-float64(odd)).Add(1.0)
	}
	return z.Square().Mul(-0.5).Sub(z.Neg().Log()).Sub(halfLog2Pi).Add(s.Log())
}

// normalCDF returns Φ(z).
func normalCDF(z tensor.Value) tensor.Value { return z.Mul(-math.Sqrt2 / 2).Erfc().Mul(0.5) }

// Coefficients of Wichura (1988), "Algorithm AS 241: the percentage points of the normal distribution", PPND16, by
// ascending power: numerators and denominators for |p-½| ≤ 0.425, for r = √(-log p) ≤ 5 and for r > 5.
var (
	as241a = []float64{3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3}
	as241b = []float64{1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}
	as241c = []float64{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4}
	as241d = []float64{1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}
	as241e = []float64{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7}
	as241f = []float64{1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15}
)

func rational(r tensor.Value, num, den []float64) tensor.Value {
	return polynomial(r, num).Div(polynomial(r, den))
}

func polynomial(r tensor.Value, c []float64) tensor.Value {
	last := len(c) - 1
	s := r.Mul(c[last]).Add(c[last-1])
	for i := last - 2; i >= 0; i-- {
		s = s.Mul(r).Add(c[i])
	}
	return s
}

// normalQuantile returns z with Φ(z) = exp(logp) = 1 - exp(logq). Both logarithms are given so that neither tail loses
// accuracy.
func normalQuantile(logp, logq tensor.Value) tensor.Value {
	lower := logp.Lt(logq)
	tail := tensor.Select(lower, logp, logq)
	half := logp.Exp().Sub(logq.Exp()).Mul(0.5) // p - ½, exactly opposite for exchanged tails
	central := half.Abs().Le(0.425)
	c := tensor.Select(central, half, 0.0)
	middle := c.Mul(rational(c.Square().Neg().Add(0.180625), as241a, as241b))
	r := tensor.Select(central, 4.0, tail.Neg().Sqrt())
	near := rational(r.Min(5.0).Sub(1.6), as241c, as241d)
	far := refineTail(rational(r.Clamp(5.0, 27.0).Sub(5.0), as241e, as241f), r)
	z := tensor.Select(r.Le(5.0), near, far)
	return tensor.Select(central, middle, tensor.Select(lower, z.Neg(), z))
}

// refineTail improves z > 0 with log Φ(-z) = -r² by Newton steps on z²; past r = 27, where AS 241 ends, it starts from
// z² = 2r². Each step squares a relative error of at most 1 %.
func refineTail(z, r tensor.Value) tensor.Value {
	beyond := r.Gt(27.0)
	safe := tensor.Select(beyond, r, 28.0)
	x := safe.Mul(math.Sqrt2)
	for range 4 {
		// -log Φ(-x) = r²; its derivative by x is the hazard φ/Φ ≈ x + 1/x.
		miss := logNormalTail(x.Neg()).Add(safe.Square())
		x = x.Add(miss.Div(x.Add(x.Reciprocal())))
	}
	return tensor.Select(beyond, tensor.Select(safe.IsFinite(), x, math.Inf(1)), z)
}
