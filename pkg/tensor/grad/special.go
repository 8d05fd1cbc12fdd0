package grad

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// tetragammaShift is the number of steps of the recurrence before the asymptotic series is used: from 12 on its first
// omitted term is below 1e-17 of the sum.
const tetragammaShift = 12

// tetragamma returns ψ”(x), the derivative of Trigamma: for x > ½ the recurrence ψ”(x) = ψ”(x+1) - 2/x³ and the
// asymptotic series (Abramowitz & Stegun 6.4.14 with n = 2), below the reflection ψ”(x) = ψ”(1-x) - 2π³·c·(1+c²) with
// c = cot πx.
func tetragamma(x tensor.Value) tensor.Value {
	low := x.Lt(0.5)
	z := tensor.Select(low, one(x).Sub(x), x)
	sum := z.Mul(0)
	for range tetragammaShift {
		sum = sum.Sub(one(z).Mul(2).Div(z.Mul(z).Mul(z)))
		z = z.Add(1)
	}
	u := z.Mul(z).Reciprocal()
	// -(1/z² + 1/z³ + 1/(2z⁴) - 1/(6z⁶) + 1/(6z⁸) - 3/(10z¹⁰) + 5/(6z¹²) - 691/(210z¹⁴) + 35/(2z¹⁶))
	series := u.Mul(35.0 / 2)
	for _, c := range []float64{-691.0 / 210, 5.0 / 6, -3.0 / 10, 1.0 / 6, -1.0 / 6, 1.0 / 2} {
		series = series.Add(c).Mul(u)
	}
	sum = sum.Sub(series.Add(1).Mul(u).Add(u.Div(z)))
	// πx is reduced to x - round(x) first, so that cot keeps its accuracy far from 0.
	frac := tensor.Select(low, x.Sub(x.Round()), 0.25)
	c := frac.Mul(math.Pi).Tan().Reciprocal()
	return tensor.Select(low, sum.Sub(c.Mul(c.Mul(c).Add(1)).Mul(2*math.Pi*math.Pi*math.Pi)), sum)
}
