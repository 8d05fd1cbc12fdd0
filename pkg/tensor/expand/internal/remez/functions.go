package main

import (
	bm "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

func expTail(r bm.Float) bm.Float { return bm.Quo(bm.Sub(bm.Expm1(r), r), bm.Mul(r, r)) }

// logTail is Σ 2 zⁿ/(2n+3), the series of (2 atanh s - 2s)/s³ in z = s².
func logTail(z bm.Float) bm.Float { return atanhSeries(z, 3) }

// powTail is Σ 2 zⁿ/(2n+5).
func powTail(z bm.Float) bm.Float { return atanhSeries(z, 5) }

func atanhSeries(z bm.Float, from int) bm.Float {
	sum, power := bm.New(0), bm.New(2)
	for n := from; n < from+120; n += 2 {
		sum = bm.Add(sum, bm.Quo(power, bm.New(float64(n))))
		power = bm.Mul(power, z)
	}
	return sum
}

func sinTail(z bm.Float) bm.Float { return alternatingSeries(z, 3, -1) }
func cosTail(z bm.Float) bm.Float { return alternatingSeries(z, 4, 1) }

// alternatingSeries is sign·Σ (-z)ⁿ/(from + 2n)!.
func alternatingSeries(z bm.Float, from int, sign float64) bm.Float {
	term := bm.New(sign)
	for i := 2; i <= from; i++ {
		term = bm.Quo(term, bm.New(float64(i)))
	}
	sum := bm.New(0)
	for n := from; n < from+80; n += 2 {
		sum = bm.Add(sum, term)
		term = bm.Neg(bm.Quo(bm.Mul(term, z), bm.New(float64((n+1)*(n+2)))))
	}
	return sum
}

func turnSine(z bm.Float) bm.Float {
	b := bm.Sqrt(z)
	s, _ := bm.SinCos(bm.Mul(bm.Ldexp(bm.Pi, 1), b))
	return bm.Quo(s, b)
}

func turnCosine(z bm.Float) bm.Float {
	_, c := bm.SinCos(bm.Mul(bm.Ldexp(bm.Pi, 1), bm.Sqrt(z)))
	return bm.Quo(c, bm.Sub(bm.New(0.0625), z))
}

func atanTail(z bm.Float) bm.Float {
	t := bm.Sqrt(z)
	return bm.Quo(bm.Sub(bm.Atan(t), t), bm.Mul(z, t))
}

func erfRatio(z bm.Float) bm.Float {
	x := bm.Sqrt(z)
	return bm.Sub(bm.Quo(bm.Erf(x), x), bm.New(1))
}

func erfcxMapped(centre float64) func(bm.Float) bm.Float {
	return func(v bm.Float) bm.Float {
		x := unmap(v, centre)
		return bm.Mul(bm.Erfcx(x), bm.Add(bm.New(1), bm.Ldexp(x, 1)))
	}
}

// erfInvOf returns erfinv(x)/x as a function of w or √w less centre, w = -log(1 - x²).
func erfInvOf(centre float64, root bool) func(bm.Float) bm.Float {
	return func(u bm.Float) bm.Float {
		w := bm.Add(u, bm.New(centre))
		if root {
			w = bm.Mul(w, w)
		}
		if w.Sign() <= 0 {
			w = bm.New(1e-30)
		}
		x := bm.Sqrt(bm.Neg(bm.Expm1(bm.Neg(w))))
		return bm.Quo(bm.ErfInv(x, bm.Quo(bm.Exp(bm.Neg(w)), bm.Add(bm.New(1), x))), x)
	}
}

func lgammaMapped(v bm.Float) bm.Float {
	x := unmap(v, 1.25)
	return bm.Quo(bm.Lgamma(x), bm.Mul(bm.Sub(x, bm.New(1)), bm.Sub(x, bm.New(2))))
}

func lgammaStirling(w bm.Float) bm.Float {
	x := bm.Quo(bm.New(1), bm.Sqrt(w))
	main := bm.Add(bm.Sub(bm.Mul(bm.Sub(x, bm.New(0.5)), bm.Log(x)), x), bm.LogSqrt2π)
	return bm.Mul(x, bm.Sub(bm.Lgamma(x), main))
}

func digammaMapped(v bm.Float) bm.Float {
	x := unmap(v, 1.75)
	return bm.Quo(bm.Digamma(x), bm.Sub(x, bm.DigammaZero))
}

func digammaAsymptotic(w bm.Float) bm.Float {
	x := bm.Quo(bm.New(1), bm.Sqrt(w))
	return bm.Quo(bm.Sub(bm.Sub(bm.Log(x), bm.Quo(bm.New(0.5), x)), bm.Digamma(x)), w)
}

func trigammaMapped(v bm.Float) bm.Float {
	x := unmap(v, 1.75)
	return bm.Mul(x, bm.Trigamma(x))
}

func trigammaAsymptotic(w bm.Float) bm.Float {
	x := bm.Quo(bm.New(1), bm.Sqrt(w))
	rest := bm.Sub(bm.Sub(bm.Trigamma(x), bm.Quo(bm.New(1), x)), bm.Ldexp(w, -1))
	return bm.Quo(rest, bm.Mul(w, bm.Sqrt(w)))
}
