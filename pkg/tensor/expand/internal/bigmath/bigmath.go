// Package bigmath evaluates special functions on math/big floats: the oracle of expand's tests and the source of its fits.
//
// Results carry Prec bits of which at least 200 are right, for float64-sized arguments, where no comment says otherwise.
package bigmath

import (
	"math"
	"math/big"
)

// Prec is the precision in bits of all results and intermediate values.
const Prec = 288

// Float is an arbitrary-precision float; functions never change their arguments.
type Float = *big.Float

// New returns x with Prec bits.
func New(x float64) Float { return new(big.Float).SetPrec(Prec).SetFloat64(x) }

func blank() Float { return new(big.Float).SetPrec(Prec) }

// Add returns a + b.
func Add(a, b Float) Float { return blank().Add(a, b) }

// Sub returns a - b.
func Sub(a, b Float) Float { return blank().Sub(a, b) }

// Mul returns a·b.
func Mul(a, b Float) Float { return blank().Mul(a, b) }

// Quo returns a/b.
func Quo(a, b Float) Float { return blank().Quo(a, b) }

// Sqrt returns √a.
func Sqrt(a Float) Float { return blank().Sqrt(a) }

// Neg returns -a.
func Neg(a Float) Float { return blank().Neg(a) }

// Abs returns |a|.
func Abs(a Float) Float { return blank().Abs(a) }

// Ldexp returns a·2^n.
func Ldexp(a Float, n int) Float {
	if a.Sign() == 0 {
		return a
	}
	return blank().SetMantExp(a, n)
}

// exponent returns e with 2^(e-1) ≤ |a| < 2^e, and a very small number for 0.
func exponent(a Float) int {
	if a.Sign() == 0 {
		return math.MinInt32
	}
	return a.MantExp(nil)
}

// negligible reports whether term no longer changes sum.
func negligible(term, sum Float) bool { return exponent(term) < exponent(sum)-Prec-4 }

// round returns the integer nearest to a, |a| < 2^62.
func round(a Float) int64 {
	half := New(0.5)
	if a.Sign() < 0 {
		half.Neg(half)
	}
	n, _ := Add(a, half).Int64()
	return n
}

// arctanInverse returns atan(1/n) (hyperbolic: atanh(1/n)) by its series.
func arctanInverse(n int, hyperbolic bool) Float {
	x := Quo(New(1), New(float64(n)))
	square := Mul(x, x)
	if !hyperbolic {
		square.Neg(square)
	}
	sum, power := New(0), x
	for k := 1; ; k += 2 {
		term := Quo(power, New(float64(k)))
		if sum.Sign() != 0 && negligible(term, sum) {
			return sum
		}
		sum = Add(sum, term)
		power = Mul(power, square)
	}
}

// Constants: Machin's formulas for π and ln 2, and what follows from them.
var (
	Pi        = Sub(Ldexp(arctanInverse(5, false), 4), Ldexp(arctanInverse(239, false), 2))
	Ln2       = Ldexp(arctanInverse(3, true), 1)
	SqrtPi    = Sqrt(Pi)
	LogSqrt2π = Ldexp(Log(Ldexp(Pi, 1)), -1)
)

// Exp returns e^x, |x| ≤ 2^24.
func Exp(x Float) Float {
	if exponent(x) > 25 {
		panic("bigmath: Exp of a number beyond 2^24")
	}
	k := round(Quo(x, Ln2))
	const halvings = 16
	r := Ldexp(Sub(x, Mul(New(float64(k)), Ln2)), -halvings)
	sum, term := New(1), New(1)
	for n := 1; ; n++ {
		term = Quo(Mul(term, r), New(float64(n)))
		if negligible(term, sum) {
			break
		}
		sum = Add(sum, term)
	}
	for range halvings {
		sum = Mul(sum, sum)
	}
	return Ldexp(sum, int(k))
}

// Expm1 returns e^x - 1.
func Expm1(x Float) Float {
	if exponent(x) > -60 {
		return Sub(Exp(x), New(1))
	}
	sum, term := x, x
	for n := 2; n < 10; n++ {
		term = Quo(Mul(term, x), New(float64(n)))
		sum = Add(sum, term)
	}
	return sum
}

// Log returns the natural logarithm of x > 0 by Halley's iteration on Exp.
func Log(x Float) Float {
	mantissa := blank()
	e := x.MantExp(mantissa)
	m, _ := mantissa.Float64()
	if m < math.Sqrt2/2 {
		mantissa, e = Ldexp(mantissa, 1), e-1
		m *= 2
	}
	y := New(math.Log(m))
	for range 2 {
		v := Exp(y)
		y = Add(y, Quo(Ldexp(Sub(mantissa, v), 1), Add(mantissa, v)))
	}
	return Add(y, Mul(New(float64(e)), Ln2))
}

// Log1p returns log(1 + x), x > -1.
func Log1p(x Float) Float {
	if exponent(x) > -60 {
		return Log(Add(New(1), x))
	}
	sum, power := x, x
	for n := 2; n < 10; n++ {
		power = Neg(Mul(power, x))
		sum = Add(sum, Quo(power, New(float64(n))))
	}
	return sum
}

// SinCos returns the sine and cosine of x, |x| ≤ 2^60.
func SinCos(x Float) (sin, cos Float) {
	k := round(Ldexp(Quo(x, Pi), 1))
	r := Sub(x, Ldexp(Mul(New(float64(k)), Pi), -1))
	s, c := alternating(r, r, 1), alternating(New(1), r, 0)
	switch k & 3 {
	case 1:
		return c, Neg(s)
	case 2:
		return Neg(s), Neg(c)
	case 3:
		return Neg(c), s
	}
	return s, c
}

// alternating returns first - first r²/((n+1)(n+2)) + …
func alternating(first, r Float, n int) Float {
	sum, term, square := first, first, Neg(Mul(r, r))
	for {
		term = Quo(Mul(term, square), New(float64((n+1)*(n+2))))
		if term.Sign() == 0 || negligible(term, sum) {
			return sum
		}
		sum = Add(sum, term)
		n += 2
	}
}

// Atan returns the arc tangent: that of a float64, corrected by the series of the small rest.
func Atan(x Float) Float {
	if exponent(x) < -60 {
		return atanSeries(x)
	}
	f, _ := x.Float64()
	y := New(math.Atan(f))
	s, c := SinCos(y)
	t := Quo(s, c)
	return Add(y, atanSeries(Quo(Sub(x, t), Add(New(1), Mul(x, t)))))
}

func atanSeries(d Float) Float {
	sum, power, square := d, d, Neg(Mul(d, d))
	for k := 3; k < 12; k += 2 {
		power = Mul(power, square)
		sum = Add(sum, Quo(power, New(float64(k))))
	}
	return sum
}

// Tanh returns the hyperbolic tangent.
func Tanh(x Float) Float {
	e := Expm1(Ldexp(x, 1))
	return Quo(e, Add(e, New(2)))
}
