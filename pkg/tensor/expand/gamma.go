package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// gammaFrom is where the three functions turn to their asymptotic forms, whose tails are fitted from there to infinity.
const gammaFrom = 3.0

// Centres c of the variables v = (x - c)/(x + c) of the polynomials below gammaFrom: of [½, 3] and [1, 3].
const (
	lgammaCentre = 1.25
	psiCentre    = 1.75
)

func mapped(x tensor.Value, centre float64) tensor.Value { return x.Sub(centre).Div(x.Add(centre)) }

// halfTurns holds sin πa and cos πa, and the rounding error of the sine.
type halfTurns struct{ sin, sinLost, cos tensor.Value }

// sinCosPi returns the sine and cosine of πa, a ≥ 0. The reduction is exact.
func sinCosPi(a tensor.Value) halfTurns {
	n := a.Add(a).Round()
	r := a.Sub(n.Mul(0.5))
	quarter := n.Sub(n.Mul(0.25).Floor().Mul(4)) // n mod 4, for any n
	arg := double.product(r, double.constant(piHi))
	reduced := angle{r: arg.hi, low: arg.lo.Add(r.Mul(piLo)), quadrant: double.bits(quarter.Add(double.roundMagic()))}
	sine, sineLost := split(reduced.sinKernel())
	cosine, cosineLost := split(reduced.cosKernel())
	swap := odd(reduced.quadrant)
	return halfTurns{
		sin:     negateIf(reduced.quadrant, tensor.Select(swap, cosine, sine)),
		sinLost: negateIf(reduced.quadrant, tensor.Select(swap, cosineLost, sineLost)),
		cos:     negateIf(reduced.quadrant.Add(1), tensor.Select(swap, sine, cosine)),
	}
}

// lgamma returns log|Γ(x)|: infinite at 0, the negative integers and ±Inf.
//
// With a = |x|: from 3 on Stirling's form; below, (z-1)(z-2) R(v), which keeps the relative accuracy at the zeros 1 and 2,
// with z = a, or z = 1 + x and -log a added where a < ½; and log(π/(a |sin πa|)) less that for x ≤ -½.
func lgamma(x tensor.Value) tensor.Value {
	a := x.Abs()
	small := a.Lt(0.5)
	high, low := double.logParts(a)
	z := tensor.Select(small, x.Add(1), a)
	zMinus1 := tensor.Select(small, x, a.Sub(1))
	zMinus2 := tensor.Select(small, x.Sub(1), a.Sub(2))
	near := zMinus1.Mul(zMinus2).Mul(centred(mapped(z.Clamp(0.5, gammaFrom), lgammaCentre), lgammaR))
	near = near.Add(tensor.Select(small, high.Add(low).Neg(), 0.0)) // +0 also at 1
	inverse := tensor.Lift(1).Div(a.Max(gammaFrom))
	tail := inverse.Mul(estrin(inverse.Mul(inverse), lgammaTail)).Add(halfLog2PiMinusHalf)
	far := a.Sub(0.5).Mul(high.Sub(1).Add(low)).Add(tail)
	y := tensor.Select(a.Lt(gammaFrom), near, far)
	reflected := double.logPositive(tensor.Lift(math.Pi).Div(a.Mul(sinCosPi(a).sin.Abs()))).Sub(y)
	y = tensor.Select(x.Le(-0.5), tensor.Select(a.Floor().Eq(a), math.Inf(1), reflected), y)
	return tensor.Select(a.Eq(0).Or(a.Eq(math.Inf(1))), math.Inf(1), y)
}

// halfLog2PiMinusHalf is ½ log 2π - ½: with it Stirling's form is (x-½)(log x - 1) + halfLog2PiMinusHalf + tail(1/x²)/x.
const halfLog2PiMinusHalf = 0x1.acfe390c97d69p-2

// digamma returns the derivative of log Γ(x): ∓Inf at ±0, NaN at the negative integers and -Inf.
//
// It is found at z = a = |x|, or 1 + a below 1, near the zero x0 = 1.4616… as (z - x0) S(v), and brought back: ψ(x) = ψ(1+x)
// - 1/x, and by reflection ψ(-a) = ψ(1+a) + π cot πa (DLMF 5.5.2, 5.5.4).
func digamma(x tensor.Value) tensor.Value {
	a := x.Abs()
	below := a.Lt(1)
	z := tensor.Select(below, a.Add(1), a)
	fromZero := z.Sub(digammaZeroHi).Sub(digammaZeroLo)
	near := fromZero.Mul(centred(mapped(z.Min(gammaFrom), psiCentre), digammaS))
	inverse := tensor.Lift(1).Div(z.Max(gammaFrom))
	w := inverse.Mul(inverse)
	far := double.log(z).Sub(inverse.Mul(0.5).Add(w.Mul(estrin(w, digammaTail))))
	y := tensor.Select(z.Lt(gammaFrom), near, far)
	reciprocal := tensor.Lift(1).Div(x)
	turns := sinCosPi(a)
	cot := turns.cos.Mul(math.Pi).Div(turns.sin)
	cot = tensor.Select(a.Floor().Eq(a), math.NaN(), cot)
	reflected := tensor.Select(below, y, y.Sub(reciprocal)).Add(cot)
	positive := tensor.Select(below, y.Sub(reciprocal), y)
	y = tensor.Select(x.Lt(0), reflected, positive)
	return tensor.Select(x.Eq(math.Inf(1)), x, y)
}

// π² in two parts.
const (
	piSquaredHi = 0x1.3bd3cc9be45dep3
	piSquaredLo = 0x1.692b71366cc04p-51
)

// trigamma returns the second derivative of log Γ(x): +Inf at 0 and the negative integers, NaN at -Inf. Its structure is
// that of digamma: ψ'(x) = ψ'(1+x) + 1/x² and ψ'(-a) = π²/sin² πa - ψ'(1+a).
func trigamma(x tensor.Value) tensor.Value {
	a := x.Abs()
	below := a.Lt(1)
	z := tensor.Select(below, a.Add(1), a)
	near := centred(mapped(z.Min(gammaFrom), psiCentre), trigammaV).Div(z)
	inverse := tensor.Lift(1).Div(z.Max(gammaFrom))
	w := inverse.Mul(inverse)
	far := inverse.Add(w.Mul(inverse.Mul(estrin(w, trigammaTail)).Add(0.5)))
	y := tensor.Select(z.Lt(gammaFrom), near, far)
	reciprocal := tensor.Lift(1).Div(a)
	square := reciprocal.Mul(reciprocal)
	turns := sinCosPi(a)
	sin2 := double.product(turns.sin, turns.sin)
	q := double.constant(piSquaredHi).Div(sin2.hi)
	sin2Lost := sin2.lo.Add(turns.sin.Mul(turns.sinLost).Mul(2))
	cosecant2 := q.Add(double.constant(piSquaredLo).Sub(q.Mul(sin2Lost)).Div(sin2.hi))
	cosecant2 = tensor.Select(q.Eq(math.Inf(1)), q, cosecant2) // at integers
	reflected := cosecant2.Sub(tensor.Select(below, y, y.Sub(square)))
	positive := tensor.Select(below, y.Add(square), y)
	y = tensor.Select(x.Lt(0), reflected, positive)
	return tensor.Select(x.Eq(math.Inf(-1)), math.NaN(), y)
}
