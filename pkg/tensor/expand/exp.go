package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

const log2E = 0x1.71547652b82fep0 // 1/ln 2

// expBias is twice the exponent bias: the bits of x log2 e + roundMagic + expBias end in k + expBias, and half of that, shifted
// into place, is the pattern of 2^(k/2).
func (o *format) expBias() uint64 { return 2 * o.bias }

func (o *format) expMagic() float64 { return o.roundMagic() + float64(o.expBias()) }

// expParts are the pieces of e^x = 2^k (1 + r + t): an integer whose low bits, one more than an exponent has, are those of
// k + expBias, r the leading part of the reduced argument, |r| ≤ ln 2/2, and t what is left, about r²/2.
type expParts struct {
	o            *format
	biased, r, t tensor.Value
}

// reduceExp splits x + xLow, which must not be far beyond the range of exp; xLow may be absent.
func (o *format) reduceExp(x, xLow tensor.Value) expParts {
	sum := x.Mul(log2E).Add(o.expMagic())
	k := sum.Sub(o.expMagic())
	hi := x.Sub(k.Mul(o.ln2Hi))
	lo := k.Mul(o.ln2Lo)
	if xLow.IsValid() {
		lo = lo.Sub(xLow)
	}
	r := hi.Sub(lo)
	low := hi.Sub(r).Sub(lo)
	return expParts{o: o, biased: o.bits(sum), r: r, t: r.Mul(r).Mul(estrin(r, o.expQ)).Add(low)}
}

// scale returns y·2^k for the k of results that are not 0 and some beyond, rounding once: the scale is applied in two steps,
// the first exact.
func (p expParts) scale(y tensor.Value) tensor.Value {
	half := p.biased.Shr(1)
	rest := p.biased.Sub(half)
	return y.Mul(p.o.exponent(half)).Mul(p.o.exponent(rest))
}

// sharp returns 1 + r + t with the rounding error of 1 + r added to t: within 0.52 ulp, for uses that add errors of their own.
func (p expParts) sharp() tensor.Value {
	s := p.r.Add(1)
	lost := p.r.Sub(s.Sub(1))
	return s.Add(p.t.Add(lost))
}

// exp returns e^x; NaN passes through. The rounding of the reduced argument, at most a quarter ulp of the result, stays.
func (o *format) exp(x tensor.Value) tensor.Value {
	if x.Rank() == 0 {
		return o.expScalar(x)
	}
	x = x.Clamp(o.expLeast, o.expMost)
	sum := x.Mul(log2E).Add(o.expMagic())
	k := sum.Sub(o.expMagic())
	r := x.Sub(k.Mul(o.ln2Hi)).Sub(k.Mul(o.ln2Lo))
	return expParts{o: o, biased: o.bits(sum)}.scale(r.Mul(r).Mul(estrin(r, o.expQ)).Add(r).Add(1))
}

// expScalar is exp, bit for bit, in a form that takes more operations but a shorter chain of them, which is what a scalar
// waits for: the range is looked at beside the work instead of before it, and 2^(k/2), a factor that changes no rounding,
// multiplies r and r² while the polynomial is on its way.
func (o *format) expScalar(x tensor.Value) tensor.Value {
	sum := x.Mul(log2E).Add(o.expMagic())
	k := sum.Sub(o.expMagic())
	r := x.Sub(k.Mul(o.ln2Hi)).Sub(k.Mul(o.ln2Lo))
	biased := o.bits(sum)
	half := biased.Shr(1)
	h, rest := o.exponent(half), o.exponent(biased.Sub(half))
	hr := h.Mul(r)
	y := hr.Mul(r).Mul(estrin(r, o.expQ)).Add(hr).Add(h).Mul(rest)
	return tensor.Select(x.Lt(o.expLeast), 0.0, tensor.Select(x.Gt(o.expMost), math.Inf(1), y))
}

// minusOne returns half of e^x - 1 and the rounding error of that. With h = 2^(k-1) it is (h - ½) + h r + h t, the rounding
// error of the first sum given back; h does not overflow.
func (p expParts) minusOne() (half, lost tensor.Value) {
	h := p.o.exponent(p.biased.Sub(p.o.signedInt(int64(p.o.bias + 1))))
	sum, low := split(h.Sub(0.5), h.Mul(p.r))
	return split(sum, h.Mul(p.t).Add(low))
}

// expm1 returns e^x - 1.
func (o *format) expm1(x tensor.Value) tensor.Value {
	half, _ := o.reduceExp(x.Clamp(o.expm1Least, o.expMost), tensor.Value{}).minusOne()
	return tensor.Select(x.Abs().Lt(o.small), x, half.Add(half)) // keeps -0 and subnormals
}

// tanh returns q = e/(e + 2) with e = e^(2|x|) - 1, and the sign of x. The rounding errors of e and of d = e + 2 are given
// back through 1/d = (1 - q)/2. From |x| = tanhMost on it is 1.
func (o *format) tanh(x tensor.Value) tensor.Value {
	a := x.Abs().Min(o.tanhMost)
	half, lost := o.reduceExp(a.Add(a), tensor.Value{}).minusOne()
	d, dLost := addOne(half)
	q := half.Div(d)
	rest := tensor.Lift(1).Sub(q)
	return o.copySign(q.Add(lost.Mul(rest).Sub(q.Mul(dLost)).Mul(rest)), x)
}

// sigmoid returns q = e/(1 + e) with e = e^-|x| for negative x, which keeps small results, and 1 - q for others. The rounding
// error of the denominator is given back, to first order in e.
func (o *format) sigmoid(x tensor.Value) tensor.Value {
	e := o.expNeg(x.Abs())
	d := e.Add(1)
	lost := e.Sub(d.Sub(1))
	q := e.Div(d)
	q = q.Sub(q.Mul(lost))
	return tensor.Select(x.Lt(0), q, tensor.Lift(1).Sub(q))
}

// negScale is the power of two that expNeg's result is multiplied by at last, so that what comes before stays normal;
// negMagic is to it as expMagic is to scale: bits end in the biased exponent of 2^k/negScale.
const negScale = 0x1p-64

func (o *format) negMagic() float64 { return o.roundMagic() + float64(o.bias) + 64 }

// expNeg returns e^-a for a ≥ 0. The reduced argument is kept with the opposite sign, the exponent of the scale is one
// shift: no result overflows, and the last multiplication rounds subnormal ones. The rounding error of 1 - r is given back,
// for uses that add errors of their own.
func (o *format) expNeg(a tensor.Value) tensor.Value {
	a = a.Min(-o.expLeast)
	sum := tensor.Lift(o.negMagic()).Sub(a.Mul(log2E))
	k := sum.Sub(o.negMagic())
	r := a.Add(k.Mul(o.ln2Hi)).Add(k.Mul(o.ln2Lo))
	lead := tensor.Lift(1).Sub(r)
	lost := tensor.Lift(1).Sub(lead).Sub(r)
	y := lead.Add(r.Mul(r).Mul(estrin(r, o.expNegQ)).Add(lost))
	return y.Mul(o.exponent(o.bits(sum))).Mul(negScale)
}
