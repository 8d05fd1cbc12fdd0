package main

import (
	. "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

func expTail(r Float) Float { return Quo(Sub(Expm1(r), r), Mul(r, r)) }

// logTail is Σ 2 zⁿ/(2n+3), the series of (2 atanh s - 2s)/s³ in z = s².
func logTail(z Float) Float { return atanhSeries(z, 3) }

// powTail is Σ 2 zⁿ/(2n+5).
func powTail(z Float) Float { return atanhSeries(z, 5) }

func atanhSeries(z Float, from int) Float {
	sum, power := New(0), New(2)
	for n := from; n < from+120; n += 2 {
		sum = Add(sum, Quo(power, New(float64(n))))
		power = Mul(power, z)
	}
	return sum
}

func sinTail(z Float) Float { return alternatingSeries(z, 3, -1) }
func cosTail(z Float) Float { return alternatingSeries(z, 4, 1) }

// alternatingSeries is sign·Σ (-z)ⁿ/(from + 2n)!.
func alternatingSeries(z Float, from int, sign float64) Float {
	term := New(sign)
	for i := 2; i <= from; i++ {
		term = Quo(term, New(float64(i)))
	}
	sum := New(0)
	for n := from; n < from+80; n += 2 {
		sum = Add(sum, term)
		term = Neg(Quo(Mul(term, z), New(float64((n+1)*(n+2)))))
	}
	return sum
}

func atanTail(z Float) Float {
	t := Sqrt(z)
	return Quo(Sub(Atan(t), t), Mul(z, t))
}

func erfRatio(z Float) Float {
	x := Sqrt(z)
	return Sub(Quo(Erf(x), x), New(1))
}

func erfcxMapped(centre float64) func(Float) Float {
	return func(v Float) Float {
		x := unmap(v, centre)
		return Mul(Erfcx(x), Add(New(1), Ldexp(x, 1)))
	}
}

// erfInvOf returns erfinv(x)/x as a function of w or √w less centre, w = -log(1 - x²).
func erfInvOf(centre float64, root bool) func(Float) Float {
	return func(u Float) Float {
		w := Add(u, New(centre))
		if root {
			w = Mul(w, w)
		}
		if w.Sign() <= 0 {
			w = New(1e-30)
		}
		x := Sqrt(Neg(Expm1(Neg(w))))
		return Quo(ErfInv(x, Quo(Exp(Neg(w)), Add(New(1), x))), x)
	}
}

func lgammaMapped(v Float) Float {
	x := unmap(v, 1.25)
	return Quo(Lgamma(x), Mul(Sub(x, New(1)), Sub(x, New(2))))
}

func lgammaStirling(w Float) Float {
	x := Quo(New(1), Sqrt(w))
	main := Add(Sub(Mul(Sub(x, New(0.5)), Log(x)), x), LogSqrt2π)
	return Mul(x, Sub(Lgamma(x), main))
}

func digammaMapped(v Float) Float {
	x := unmap(v, 1.75)
	return Quo(Digamma(x), Sub(x, DigammaZero))
}

func digammaAsymptotic(w Float) Float {
	x := Quo(New(1), Sqrt(w))
	return Quo(Sub(Sub(Log(x), Quo(New(0.5), x)), Digamma(x)), w)
}

func trigammaMapped(v Float) Float { return Trigamma(unmap(v, 1.75)) }

func trigammaAsymptotic(w Float) Float {
	x := Quo(New(1), Sqrt(w))
	rest := Sub(Sub(Trigamma(x), Quo(New(1), x)), Ldexp(w, -1))
	return Quo(rest, Mul(w, Sqrt(w)))
}
