package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// ln 2 in two parts, the first of 32 bits so that its product with an exponent is exact (fdlibm, e_exp.c), and 1/ln 2.
const (
	log2E = 0x1.71547652b82fep0
	ln2Hi = 0x1.62e42feep-1
	ln2Lo = 0x1.a39ef35793c76p-33
)

// expMagic is roundMagic plus twice the exponent bias, so that the bits of x log2 e + expMagic end in k + 2046: half of that,
// shifted into place, is the pattern of 2^(k/2).
const (
	expBias  = 2046
	expMagic = roundMagic + expBias
)

// expParts are the pieces of e^x = 2^k (1 + r + t): an I64 whose low 12 bits are those of k + expBias, r the leading part of
// the reduced argument, |r| ≤ ln 2/2, and t what is left, about r²/2.
type expParts struct{ biased, r, t tensor.Value }

// reduceExp splits x + xLow, |x| < 2^40; xLow may be absent.
func reduceExp(x, xLow tensor.Value) expParts {
	sum := x.Mul(log2E).Add(expMagic)
	k := sum.Sub(expMagic)
	hi := x.Sub(k.Mul(ln2Hi))
	lo := k.Mul(ln2Lo)
	if xLow.IsValid() {
		lo = lo.Sub(xLow)
	}
	r := hi.Sub(lo)
	low := hi.Sub(r).Sub(lo)
	return expParts{biased: bits(sum), r: r, t: r.Mul(r).Mul(estrin(r, expQ)).Add(low)}
}

// scale returns y·2^k for -1080 ≤ k ≤ 1024, rounding once: the scale is applied in two steps, the first exact.
func (p expParts) scale(y tensor.Value) tensor.Value {
	half := p.biased.Shr(1)
	rest := p.biased.Sub(half)
	return y.Mul(fromBits(half.Shl(52))).Mul(fromBits(rest.Shl(52)))
}

// sharp returns 1 + r + t with the rounding error of 1 + r added to t: within 0.52 ulp, for uses that add errors of their own.
func (p expParts) sharp() tensor.Value {
	s := p.r.Add(1)
	lost := p.r.Sub(s.Sub(1))
	return s.Add(p.t.Add(lost))
}

// Beyond these arguments e^x is 0 and infinite.
const (
	expLeast = -746.0
	expMost  = 710.0
)

// exp returns e^x; NaN passes through. The rounding of the reduced argument, at most a quarter ulp of the result, stays.
func exp(x tensor.Value) tensor.Value {
	if x.Rank() == 0 {
		return expScalar(x)
	}
	x = x.Clamp(expLeast, expMost)
	sum := x.Mul(log2E).Add(expMagic)
	k := sum.Sub(expMagic)
	r := x.Sub(k.Mul(ln2Hi)).Sub(k.Mul(ln2Lo))
	return expParts{biased: bits(sum)}.scale(r.Mul(r).Mul(estrin(r, expQ)).Add(r).Add(1))
}

// expScalar is exp, bit for bit, in a form that takes more operations but a shorter chain of them, which is what a scalar
// waits for: the range is looked at beside the work instead of before it, and 2^(k/2), a factor that changes no rounding,
// multiplies r and r² while the polynomial is on its way.
func expScalar(x tensor.Value) tensor.Value {
	sum := x.Mul(log2E).Add(expMagic)
	k := sum.Sub(expMagic)
	r := x.Sub(k.Mul(ln2Hi)).Sub(k.Mul(ln2Lo))
	biased := bits(sum)
	half := biased.Shr(1)
	h, rest := fromBits(half.Shl(52)), fromBits(biased.Sub(half).Shl(52))
	hr := h.Mul(r)
	y := hr.Mul(r).Mul(estrin(r, expQ)).Add(hr).Add(h).Mul(rest)
	return tensor.Select(x.Lt(expLeast), 0.0, tensor.Select(x.Gt(expMost), math.Inf(1), y))
}

// minusOne returns half of e^x - 1 and the rounding error of that. With h = 2^(k-1) it is (h - ½) + h r + h t, the rounding
// error of the first sum given back; h does not overflow.
func (p expParts) minusOne() (half, lost tensor.Value) {
	h := fromBits(p.biased.Sub(expBias/2 + 1).Shl(52))
	sum, low := split(h.Sub(0.5), h.Mul(p.r))
	return split(sum, h.Mul(p.t).Add(low))
}

// expm1 returns e^x - 1.
func expm1(x tensor.Value) tensor.Value {
	half, _ := reduceExp(x.Clamp(-40.0, 710.0), tensor.Value{}).minusOne()
	return tensor.Select(x.Abs().Lt(0x1p-54), x, half.Add(half)) // keeps -0 and subnormals
}

// tanh returns q = e/(e + 2) with e = e^(2|x|) - 1, and the sign of x. The rounding errors of e and of d = e + 2 are given
// back through 1/d = (1 - q)/2. From |x| = 22 on it is 1.
func tanh(x tensor.Value) tensor.Value {
	a := x.Abs().Min(22.0)
	half, lost := reduceExp(a.Add(a), tensor.Value{}).minusOne()
	d, dLost := addOne(half)
	q := half.Div(d)
	rest := tensor.Lift(1).Sub(q)
	return copySign(q.Add(lost.Mul(rest).Sub(q.Mul(dLost)).Mul(rest)), x)
}

// sigmoid returns q = e/(1 + e) with e = e^-|x| for negative x, which keeps small results, and 1 - q for others. The rounding
// error of the denominator is given back, to first order in e.
func sigmoid(x tensor.Value) tensor.Value {
	e := expNeg(x.Abs())
	d := e.Add(1)
	lost := e.Sub(d.Sub(1))
	q := e.Div(d)
	q = q.Sub(q.Mul(lost))
	return tensor.Select(x.Lt(0), q, tensor.Lift(1).Sub(q))
}

// negScale is the power of two that expNeg's result is multiplied by at last, so that what comes before stays normal;
// negMagic is to it as expMagic is to scale: bits end in the biased exponent of 2^k/negScale.
const (
	negScale = 0x1p-64
	negMagic = roundMagic + 1023 + 64
)

// expNegQ is expQ of the opposite argument.
var expNegQ = opposite(expQ)

// expNeg returns e^-a for a ≥ 0. The reduced argument is kept with the opposite sign, the exponent of the scale is one
// shift: no result overflows, and the last multiplication rounds subnormal ones. The rounding error of 1 - r is given back,
// for uses that add errors of their own.
func expNeg(a tensor.Value) tensor.Value {
	a = a.Min(746.0)
	sum := tensor.Lift(negMagic).Sub(a.Mul(log2E))
	k := sum.Sub(negMagic)
	r := a.Add(k.Mul(ln2Hi)).Add(k.Mul(ln2Lo))
	lead := tensor.Lift(1).Sub(r)
	lost := tensor.Lift(1).Sub(lead).Sub(r)
	y := lead.Add(r.Mul(r).Mul(estrin(r, expNegQ)).Add(lost))
	return y.Mul(fromBits(bits(sum).Shl(52))).Mul(negScale)
}
