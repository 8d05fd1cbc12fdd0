package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// erfSplit is where erf and erfc turn from the series around 0 to e^(-x²) times a polynomial.
const erfSplit = 0.75

// erfcxCentre is the c of v = (x - c)/(x + c), which maps erfcTail's range to about [-¾, ¾].
const erfcxCentre = 4.0

// erfcTail returns erfc(a) for erfSplit ≤ a as e^(-a²) F(v)/(1 + 2a), the form of Shepherd & Laframboise (1981). The
// rounding errors of all but the last product and sum are given back. From a = erfcMost on the result is 0.
func (o *format) erfcTail(a tensor.Value) tensor.Value {
	a = a.Clamp(erfSplit, o.erfcMost)
	v := a.Sub(erfcxCentre).Div(a.Add(erfcxCentre))
	f, fLost := split(tensor.Lift(o.erfcxF[0]), estrin(v, o.erfcxF[1:]))
	d, dLost := addOne(a.Add(a))
	q := f.Div(d)
	high := o.maskLow(a)
	p := o.reduceExp(high.Mul(high).Neg(), high.Sub(a).Mul(high.Add(a)))
	e, eLost := addOne(p.r)
	e, eLost = split(e, p.t.Add(eLost))
	back := o.product(q, d)
	qLost := f.Sub(back.hi).Sub(back.lo).Add(fLost.Sub(q.Mul(dLost))).Div(d)
	y := e.Mul(q).Add(q.Mul(eLost).Add(e.Mul(qLost)))
	return p.scale(y)
}

// addOne returns 1 + x rounded and the rounding error, for |x| ≤ 1 or x > 1.
func addOne(x tensor.Value) (sum, lost tensor.Value) {
	sum = x.Add(1)
	big := sum.Sub(x)
	return sum, tensor.Lift(1).Sub(big).Add(x.Sub(sum.Sub(big)))
}

// maskLow returns x without the low half of its significand's bits, so that its square is exact.
func (o *format) maskLow(x tensor.Value) tensor.Value {
	return o.fromBits(o.bits(x).And(o.signedInt(-1 << o.lowHalf)))
}

// erfSeries returns erf(x) - x for |x| < erfSplit.
func (o *format) erfSeries(x tensor.Value) tensor.Value { return x.Mul(estrin(x.Mul(x), o.erfP)) }

// erf returns the error function.
func (o *format) erf(x tensor.Value) tensor.Value {
	a := x.Abs()
	inner := x.Add(o.erfSeries(x))
	outer := o.copySign(tensor.Lift(1).Sub(o.erfcTail(a)), x)
	return tensor.Select(a.Lt(erfSplit), inner, outer)
}

// erfc returns 1 - erf x: near 0 as ½ - (erf x - x + (x - ½)), the inner difference exact where the result is below ¾
// (fdlibm, s_erf.c).
func (o *format) erfc(x tensor.Value) tensor.Value {
	a := x.Abs()
	inner := tensor.Lift(0.5).Sub(o.erfSeries(x).Add(x.Sub(0.5)))
	tail := o.erfcTail(a)
	outer := tensor.Select(x.Lt(0), tensor.Lift(2).Sub(tail), tail)
	return tensor.Select(a.Lt(erfSplit), inner, outer)
}

// erfInv returns y with erf y = x, as x times a polynomial in w = -log(1 - x²), or in √w beyond w = 6.25 (the method of Giles
// 2012, "Approximating the erfinv function", with our coefficients). It is infinite at ±1 and NaN outside [-1, 1].
func erfInv(x tensor.Value) tensor.Value {
	a := x.Abs()
	w := double.logPositive(tensor.Lift(1).Sub(a).Mul(a.Add(1))).Neg()
	s := w.Max(0).Sqrt()
	central := centred(w.Sub(erfInvCentre), erfInvP)
	middle := centred(s.Sub(erfInvMiddle), erfInvQ)
	far := centred(s.Sub(erfInvFar), erfInvR)
	y := x.Mul(tensor.Select(w.Lt(6.25), central, tensor.Select(w.Lt(16), middle, far)))
	y = tensor.Select(a.Eq(1), x.Mul(math.Inf(1)), y)
	return tensor.Select(a.Gt(1), math.NaN(), y)
}

// Centres of the polynomials of erfInv: of w in [0, 6.25], of √w in [2.5, 4] and in [4, 6.01].
const (
	erfInvCentre = 3.125
	erfInvMiddle = 3.25
	erfInvFar    = 5.0
)
