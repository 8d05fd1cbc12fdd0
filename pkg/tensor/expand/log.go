package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

const (
	sqrtHalfBits = 0x3fe6a09e667f3bcd // the pattern of √½
	minNormal    = 0x1p-1022
)

// splitLog returns m and -k with x = 2^k m, √½ ≤ m < √2, for normal x; -k is an I64 so that k = 0 becomes +0 as a float.
func splitLog(x tensor.Value) (m, negK tensor.Value) {
	b := bits(x)
	k := b.Sub(int64(sqrtHalfBits)).Shr(52)
	return fromBits(b.Sub(k.Shl(52))), tensor.Lift(0).Sub(k)
}

// reduceLog returns f and -k as a float with x = 2^k (1 + f), √½ ≤ 1 + f < √2, for positive finite x, subnormal too.
func reduceLog(x tensor.Value) (f, negK tensor.Value) {
	tiny := x.Lt(minNormal)
	m, k := splitLog(tensor.Select(tiny, x.Mul(0x1p54), x))
	n := intToFloat(k)
	return m.Sub(1), tensor.Select(tiny, n.Add(54), n)
}

// logSum returns log(1 + f) + c - negK ln 2 for 1 + f in [√½, √2): with s = f/(2+f), log(1+f) = f - f²/2 + s (f²/2 + R(s²))
// (fdlibm, e_log.c). A zero f with negK = +0 keeps its sign.
func logSum(f, c, negK tensor.Value) tensor.Value {
	s := f.Div(f.Add(2))
	z := s.Mul(s)
	half := f.Mul(f).Mul(0.5)
	rest := s.Mul(half.Add(z.Mul(estrin(z, logR))))
	low := negK.Mul(ln2Lo)
	if c.IsValid() {
		low = low.Sub(c)
	}
	return f.Sub(half.Sub(rest.Sub(low))).Sub(negK.Mul(ln2Hi))
}

// log returns the natural logarithm: -Inf at ±0, NaN below.
func log(x tensor.Value) tensor.Value {
	f, negK := reduceLog(x)
	y := tensor.Select(x.Lt(math.Inf(1)), logSum(f, tensor.Value{}, negK), x)
	return tensor.Select(x.Gt(0), y, tensor.Select(x.Eq(0), number(math.Inf(-1)), math.NaN()))
}

// log1pFinite returns log(1 + x) for -1 < x < ∞. The rounding error of u = 1 + x comes back as a correction over u; where
// u needs no scaling, x itself is the reduced argument.
func log1pFinite(x tensor.Value) tensor.Value {
	u := x.Add(1)
	m, negK := splitLog(u)
	lost := tensor.Select(x.Lt(1), x.Sub(u.Sub(1)), tensor.Lift(1).Sub(u.Sub(x)))
	unscaled := negK.Eq(0)
	f := tensor.Select(unscaled, x, m.Sub(1))
	c := tensor.Select(unscaled, 0.0, lost.Div(u))
	return logSum(f, c, intToFloat(negK))
}

// log1p returns log(1 + x): -Inf at -1, NaN below.
func log1p(x tensor.Value) tensor.Value {
	y := tensor.Select(x.Lt(math.Inf(1)), log1pFinite(x), x)
	return tensor.Select(x.Gt(-1), y, tensor.Select(x.Eq(-1), number(math.Inf(-1)), math.NaN()))
}

// softplus returns log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
func softplus(x tensor.Value) tensor.Value {
	return x.Max(0).Add(log1pFinite(expNeg(x.Abs())))
}

// logAddExp returns log(e^x + e^y) = max + log(1 + e^-|x - y|); an infinite maximum is the result, also where both are
// equal and infinite.
func logAddExp(x, y tensor.Value) tensor.Value {
	m := x.Max(y)
	s := m.Add(log1pFinite(expNeg(x.Sub(y).Abs())))
	return tensor.Select(m.Abs().Eq(math.Inf(1)), m, s)
}

// logPositive is log without its edges, for positive, normal, finite x (any result elsewhere, NaN for NaN).
func logPositive(x tensor.Value) tensor.Value {
	m, negK := splitLog(x)
	return logSum(m.Sub(1), tensor.Value{}, intToFloat(negK))
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
