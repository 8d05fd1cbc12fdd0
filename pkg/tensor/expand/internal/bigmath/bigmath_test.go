package bigmath

import "testing"

// agree fails unless a and b share 200 bits.
func agree(t *testing.T, what string, a, b Float) {
	t.Helper()
	if d := Sub(a, b); d.Sign() != 0 && exponent(d) > exponent(b)-200 {
		t.Errorf("%s: %g and %g differ by 2^%d of their size", what, a, b, exponent(d)-exponent(b))
	}
}

// TestIdentities ties each function to others, or to another way to compute it, at 200 bits.
func TestIdentities(t *testing.T) {
	one := New(1)
	for _, x := range []float64{1e-20, 0.03, 0.7, 1.3, 2.9, 5.5, 17.25, 60.5, 300} {
		v := New(x)
		agree(t, "log exp", Log(Exp(v)), v)
		agree(t, "exp log", Exp(Log(v)), v)
		agree(t, "log1p", Expm1(Log1p(v)), v)
		s, c := SinCos(v)
		agree(t, "sin² + cos²", Add(Mul(s, s), Mul(c, c)), one)
		s2, _ := SinCos(Add(v, v))
		agree(t, "double angle", s2, Ldexp(Mul(s, c), 1))
		sa, ca := SinCos(Atan(v))
		agree(t, "tan atan", Quo(sa, ca), v)
		up := Add(v, one)
		agree(t, "recurrence of log Γ", Lgamma(up), Add(Lgamma(v), Log(v)))
		agree(t, "recurrence of ψ", Digamma(up), Add(Digamma(v), Quo(one, v)))
		agree(t, "recurrence of ψ'", Add(Trigamma(up), Quo(one, Mul(v, v))), Trigamma(v))
	}
	agree(t, "Γ(1/2)", Exp(Lgamma(New(0.5))), SqrtPi)
	agree(t, "ψ'(1)", Trigamma(one), Quo(Mul(Pi, Pi), New(6)))
	agree(t, "4 atan 1", Ldexp(Atan(one), 2), Pi)
	agree(t, "log 2", Log(New(2)), Ln2)
	for _, x := range []float64{6, 7.5} {
		v := New(x)
		e := Mul(Exp(Neg(Mul(v, v))), erfcxFraction(v))
		agree(t, "the series and the fraction of erf", Sub(one, e), erfSeries(v))
	}
	for _, x := range []float64{0.001, 0.3, 0.77, 0.9999} {
		v := New(x)
		agree(t, "erf erfinv", Erf(ErfInv(v, Sub(one, v))), v)
	}
}
