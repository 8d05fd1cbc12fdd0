package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// logBias is added to exponents so that they are positive, also those of subnormal numbers, and a logical shift, which SIMD
// has, extracts them.
func (o *format) logBias() uint64 { return 2 * o.bias }

// integerMagic is 2^fraction: the pattern of integerMagic + i, 0 ≤ i < 2^fraction, ends in i.
func (o *format) integerMagic() (x float64, pattern uint64) {
	return math.Ldexp(1, o.fraction), (o.bias + uint64(o.fraction)) << o.fraction
}

// parts are the exponent and fraction of a number: x = 2^k m, √½ ≤ m < √2.
type parts struct {
	o       *format
	shifted tensor.Value // unsigned: (k + logBias)<<fraction plus the fraction of m/√½
	m       tensor.Value
}

// splitLog returns the parts of the positive, normal x/scale, scale a power of two.
func (o *format) splitLog(x, scale tensor.Value) parts {
	var biased tensor.Value
	if offset := o.logBias()<<o.fraction - o.sqrtHalf; scale.IsValid() {
		biased = o.pattern(x).Sub(o.pattern(scale)).Add(o.unsignedInt(offset + o.bias<<o.fraction))
	} else {
		biased = o.pattern(x).Add(o.unsignedInt(offset))
	}
	return parts{o, biased, o.fromBits(biased.And(o.unsignedInt(o.fractionBits())).Add(o.unsignedInt(o.sqrtHalf)))}
}

func (o *format) fractionBits() uint64 { return 1<<o.fraction - 1 }

// negK returns -k as a float, +0 for k = 0.
func (p parts) negK() tensor.Value {
	magic, pattern := p.o.integerMagic()
	return tensor.Lift(magic + float64(p.o.logBias())).Sub(p.o.fromBits(p.shifted.Shr(p.o.fraction).Or(p.o.unsignedInt(pattern))))
}

// twicePower returns 2^(1-k) for exponents k of normal numbers, 0 for the one after the largest.
func (p parts) twicePower() tensor.Value {
	two := (p.o.bias + 1) << p.o.fraction
	return p.o.fromBits(tensor.Lift(p.o.unsignedInt(p.o.logBias()<<p.o.fraction + two)).Sub(p.shifted.And(p.o.unsignedInt(^p.o.fractionBits()))))
}

// reduceLog returns f and -k as a float with x = 2^k (1 + f), √½ ≤ 1 + f < √2, for positive finite x, subnormal too.
func (o *format) reduceLog(x tensor.Value) (f, negK tensor.Value) {
	minNormal := math.Ldexp(1, 1-int(o.bias))
	scale := tensor.Select(x.Lt(minNormal), o.constant(o.subnormalScale), 1.0)
	p := o.splitLog(x.Mul(scale), scale)
	return p.m.Sub(1), p.negK()
}

// logSum returns log(1 + f) - negK ln 2 for 1 + f in [√½, √2): with s = f/(2+f), log(1+f) = 2s + s z R(z) = f - s (f - z R(z)),
// z = s² (compare fdlibm, e_log.c). A zero f with negK = +0 keeps its sign.
func (o *format) logSum(f, negK tensor.Value) tensor.Value {
	s := f.Div(f.Add(2))
	z := s.Mul(s)
	rest := s.Mul(f.Sub(z.Mul(estrin(z, o.logR))))
	return f.Sub(rest.Add(negK.Mul(o.ln2Lo))).Sub(negK.Mul(o.ln2Hi))
}

// logEdges returns y where x is positive and finite, else the logarithm of such an x: √x - 1 has the right sign at 0 and at
// infinity and is NaN below.
func (o *format) logEdges(x, y tensor.Value) tensor.Value {
	// One comparison of integers: adding 2^fraction makes negative all patterns from infinity's on.
	unit := o.signedInt(1 << o.fraction)
	inside := o.bits(x).Add(unit).Gt(unit)
	return tensor.Select(inside, y, x.Sqrt().Sub(1).Mul(math.Inf(1)))
}

// log returns the natural logarithm: -Inf at ±0, NaN below.
func (o *format) log(x tensor.Value) tensor.Value { return o.logEdges(x, o.logSum(o.reduceLog(x))) }

// log1p returns log(1 + x): -Inf at -1, NaN below. The rounding error of u = 1 + x, scaled as u is, goes into the reduced
// argument, which for an exponent of 0 is then x itself.
func (o *format) log1p(x tensor.Value) tensor.Value {
	u := x.Add(1)
	back := u.Sub(x)
	lost := x.Sub(u.Sub(back)).Sub(back.Sub(1))
	p := o.splitLog(u, tensor.Value{})
	f := lost.Mul(p.twicePower()).Mul(0.5).Sub(tensor.Lift(1).Sub(p.m)) // -0 for -0
	return o.logEdges(u, o.logSum(f, p.negK()))
}

// log1pUnit returns log(1 + e) for 0 ≤ e ≤ 1: as logSum, in the form e - (e²/2 - s (e²/2 + z R(z))) (fdlibm, e_log.c), which
// leaves less to the rounding error of s.
func (o *format) log1pUnit(e tensor.Value) tensor.Value {
	s := e.Div(e.Add(2))
	z := s.Mul(s)
	half := e.Mul(e).Mul(0.5)
	return e.Sub(half.Sub(s.Mul(half.Add(z.Mul(estrin(z, o.log1pR))))))
}

// softplus returns log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). The exponential is the same as sigmoid's.
func (o *format) softplus(x tensor.Value) tensor.Value {
	return tensor.Select(x.Lt(0), 0.0, x).Add(o.log1pUnit(o.expNeg(x.Abs())))
}

// logAddExp returns log(e^x + e^y) = max + log(1 + e^-|x - y|); the difference of equal arguments, infinite ones too, is 0.
func (o *format) logAddExp(x, y tensor.Value) tensor.Value {
	d := tensor.Select(x.Eq(y), 0.0, x.Sub(y))
	return tensor.Select(d.Lt(0), y, x).Add(o.log1pUnit(o.expNeg(d.Abs())))
}

// logPositive is log without its edges, for positive, normal, finite x (any result elsewhere).
func (o *format) logPositive(x tensor.Value) tensor.Value {
	p := o.splitLog(x, tensor.Value{})
	return o.logSum(p.m.Sub(1), p.negK())
}

// logParts returns log x as high + low, right to about four times the precision of a number near 1, absolute, for positive finite x.
func (o *format) logParts(x tensor.Value) (high, low tensor.Value) {
	f, n := o.reduceLog(x)
	s := f.Div(f.Add(2))
	z := s.Mul(s)
	half := f.Mul(f).Mul(0.5)
	rest := s.Mul(half.Add(z.Mul(estrin(z, o.logR))))
	high, lost := split(n.Mul(-o.ln2Hi), f)
	return high, lost.Sub(half.Sub(rest.Sub(n.Mul(o.ln2Lo))))
}
