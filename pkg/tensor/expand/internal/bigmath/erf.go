package bigmath

import "math"

// erfSwitch is where Erfc turns from 1 - Erf, which cancels 52 bits there, to the continued fraction.
const erfSwitch = 6

// Erf returns the error function by the series of DLMF 7.6.2, whose terms do not cancel.
func Erf(x Float) Float {
	f, _ := Abs(x).Float64()
	if f > erfSwitch {
		y := Sub(New(1), Erfc(Abs(x)))
		if x.Sign() < 0 {
			y.Neg(y)
		}
		return y
	}
	return erfSeries(x)
}

func erfSeries(x Float) Float {
	square := Ldexp(Mul(x, x), 1)
	sum, term := x, x
	for n := 1; term.Sign() != 0 && !negligible(term, sum); n++ {
		term = Quo(Mul(term, square), New(float64(2*n+1)))
		sum = Add(sum, term)
	}
	return Quo(Ldexp(Mul(sum, Exp(Neg(Mul(x, x)))), 1), SqrtPi)
}

// Erfc returns 1 - Erf(x).
func Erfc(x Float) Float {
	f, _ := x.Float64()
	if f <= erfSwitch {
		return Sub(New(1), Erf(x))
	}
	return Mul(Exp(Neg(Mul(x, x))), Erfcx(x))
}

// Erfcx returns e^(x²) erfc(x).
func Erfcx(x Float) Float {
	f, _ := x.Float64()
	if f <= erfSwitch {
		return Mul(Exp(Mul(x, x)), Erfc(x))
	}
	return erfcxFraction(x)
}

// erfcxFraction is the continued fraction of DLMF 7.9.1, evaluated from the far end; 200 levels give 200 bits from x = 6 on.
func erfcxFraction(x Float) Float {
	v := x
	for n := 200; n >= 1; n-- {
		v = Add(x, Quo(New(float64(n)/2), v))
	}
	return Quo(New(1), Mul(SqrtPi, v))
}

// ErfInv returns y with erf y = x, 0 < x < 1, given also 1 - x, by Halley's iteration on erf or erfc.
func ErfInv(x, complement Float) Float {
	f, _ := x.Float64()
	y := New(math.Erfinv(min(f, 1-0x1p-53)))
	for range 4 {
		var miss Float // erf y - x
		if f < 0.5 {
			miss = Sub(Erf(y), x)
		} else {
			miss = Sub(complement, Erfc(y))
		}
		slope := Quo(Ldexp(Exp(Neg(Mul(y, y))), 1), SqrtPi)
		step := Quo(miss, slope)
		y = Sub(y, Quo(step, Add(New(1), Mul(y, step))))
	}
	return y
}
