package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

const (
	sqrtHalfBits = 0x3fe6a09e667f3bcd // the pattern of √½
	oneBits      = 0x3ff0000000000000
	twoBits      = 0x4000000000000000
	minNormal    = 0x1p-1022
	fractionBits = 1<<52 - 1

	// logBias is added to exponents so that they are positive, also those of subnormal numbers, and a logical shift, which
	// SIMD has, extracts them.
	logBias = 2046
	// integerMagic is 2^52: the pattern of integerMagic + i, 0 ≤ i < 2^52, ends in i.
	integerMagic     = 0x1p52
	integerMagicBits = 0x4330000000000000
)

// parts are the exponent and fraction of a number: x = 2^k m, √½ ≤ m < √2.
type parts struct {
	shifted tensor.Value // U64: (k + logBias)<<52 plus the fraction of m/√½
	m       tensor.Value
}

// splitLog returns the parts of the positive, normal x/scale, scale a power of two.
func splitLog(x, scale tensor.Value) parts {
	var biased tensor.Value
	if scale.IsValid() {
		biased = x.Bitcast(tensor.U64).Sub(scale.Bitcast(tensor.U64)).Add(uint64(logBias<<52 + oneBits - sqrtHalfBits))
	} else {
		biased = x.Bitcast(tensor.U64).Add(uint64(logBias<<52 - sqrtHalfBits))
	}
	return parts{biased, fromBits(biased.And(uint64(fractionBits)).Add(uint64(sqrtHalfBits)))}
}

// negK returns -k as a float, +0 for k = 0.
func (p parts) negK() tensor.Value {
	return tensor.Lift(integerMagic + logBias).Sub(fromBits(p.shifted.Shr(52).Or(uint64(integerMagicBits))))
}

// twicePower returns 2^(1-k) for -1022 < k < 1024, 0 for k = 1024.
func (p parts) twicePower() tensor.Value {
	return fromBits(tensor.Lift(uint64(logBias<<52 + twoBits)).Sub(p.shifted.And(^uint64(fractionBits))))
}

// reduceLog returns f and -k as a float with x = 2^k (1 + f), √½ ≤ 1 + f < √2, for positive finite x, subnormal too.
func reduceLog(x tensor.Value) (f, negK tensor.Value) {
	scale := tensor.Select(x.Lt(minNormal), number(0x1p54), 1.0)
	p := splitLog(x.Mul(scale), scale)
	return p.m.Sub(1), p.negK()
}

// logSum returns log(1 + f) - negK ln 2 for 1 + f in [√½, √2): with s = f/(2+f), log(1+f) = 2s + s z R(z) = f - s (f - z R(z)),
// z = s² (compare fdlibm, e_log.c). A zero f with negK = +0 keeps its sign.
func logSum(f, negK tensor.Value) tensor.Value {
	s := f.Div(f.Add(2))
	z := s.Mul(s)
	rest := s.Mul(f.Sub(z.Mul(estrin(z, logR))))
	return f.Sub(rest.Add(negK.Mul(ln2Lo))).Sub(negK.Mul(ln2Hi))
}

// logEdges returns y where x is positive and finite, else the logarithm of such an x: √x - 1 has the right sign at 0 and at
// infinity and is NaN below.
func logEdges(x, y tensor.Value) tensor.Value {
	// One comparison of integers: adding 2^52 makes negative all patterns from infinity's on.
	inside := bits(x).Add(int64(1 << 52)).Gt(int64(1 << 52))
	return tensor.Select(inside, y, x.Sqrt().Sub(1).Mul(math.Inf(1)))
}

// log returns the natural logarithm: -Inf at ±0, NaN below.
func log(x tensor.Value) tensor.Value { return logEdges(x, logSum(reduceLog(x))) }

// log1p returns log(1 + x): -Inf at -1, NaN below. The rounding error of u = 1 + x, scaled as u is, goes into the reduced
// argument, which for an exponent of 0 is then x itself.
func log1p(x tensor.Value) tensor.Value {
	u := x.Add(1)
	back := u.Sub(x)
	lost := x.Sub(u.Sub(back)).Sub(back.Sub(1))
	p := splitLog(u, tensor.Value{})
	f := lost.Mul(p.twicePower()).Mul(0.5).Sub(tensor.Lift(1).Sub(p.m)) // -0 for -0
	return logEdges(u, logSum(f, p.negK()))
}

// log1pUnit returns log(1 + e) for 0 ≤ e ≤ 1: as logSum, in the form e - (e²/2 - s (e²/2 + z R(z))) (fdlibm, e_log.c), which
// leaves less to the rounding error of s.
func log1pUnit(e tensor.Value) tensor.Value {
	s := e.Div(e.Add(2))
	z := s.Mul(s)
	half := e.Mul(e).Mul(0.5)
	return e.Sub(half.Sub(s.Mul(half.Add(z.Mul(estrin(z, log1pR))))))
}

// softplus returns log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). The exponential is the same as sigmoid's.
func softplus(x tensor.Value) tensor.Value {
	return tensor.Select(x.Lt(0), 0.0, x).Add(log1pUnit(expNeg(x.Abs())))
}

// logAddExp returns log(e^x + e^y) = max + log(1 + e^-|x - y|); the difference of equal arguments, infinite ones too, is 0.
func logAddExp(x, y tensor.Value) tensor.Value {
	d := tensor.Select(x.Eq(y), 0.0, x.Sub(y))
	return tensor.Select(d.Lt(0), y, x).Add(log1pUnit(expNeg(d.Abs())))
}

// logPositive is log without its edges, for positive, normal, finite x (any result elsewhere).
func logPositive(x tensor.Value) tensor.Value {
	p := splitLog(x, tensor.Value{})
	return logSum(p.m.Sub(1), p.negK())
}

// logParts returns log x as high + low, right to about 2^-55 absolute, for positive finite x.
func logParts(x tensor.Value) (high, low tensor.Value) {
	f, n := reduceLog(x)
	s := f.Div(f.Add(2))
	z := s.Mul(s)
	half := f.Mul(f).Mul(0.5)
	rest := s.Mul(half.Add(z.Mul(estrin(z, logR))))
	high, lost := split(n.Mul(-ln2Hi), f)
	return high, lost.Sub(half.Sub(rest.Sub(n.Mul(ln2Lo))))
}
