package expand

import "github.com/drey-sampler/drey/pkg/tensor"

const twoOverPi = 0x1.45f306dc9c883p-1

// angle is an argument reduced to r + low, |r| ≤ π/4, and its quadrant in the low bits of an I64.
type angle struct{ r, low, quadrant tensor.Value }

// reduceAngle takes multiples of π/2 from x (Cody & Waite 1980). For |x| ≤ 2^30 the first two differences are exact and
// r + low is right to 2^-114, so even the float64s next to a multiple of π/2 keep their relative accuracy. Beyond, the
// remainder is meaningless and is clamped; an infinite x gives NaN.
func reduceAngle(x tensor.Value) angle {
	sum := x.Mul(twoOverPi).Add(double.roundMagic())
	k := sum.Sub(double.roundMagic())
	exact := x.Sub(k.Mul(halfPiParts[0])).Sub(k.Mul(halfPiParts[1]))
	r1, e1 := subtract(exact, k.Mul(halfPiParts[2]))
	r2, e2 := subtract(r1, k.Mul(halfPiParts[3]))
	tail := e1.Add(e2.Sub(k.Mul(halfPiParts[4])))
	r := r2.Add(tail)
	low := r2.Sub(r).Add(tail)
	return angle{r.Clamp(-1.0, 1.0), low.Clamp(-0x1p-50, 0x1p-50), double.bits(sum)}
}

// subtract returns a - b and its rounding error, where |a| ≥ |b| or the difference is exact.
func subtract(a, b tensor.Value) (d, lost tensor.Value) {
	d = a.Sub(b)
	return d, a.Sub(d).Sub(b)
}

// sinKernel returns the sine of r + low, |r| ≤ 1, as r and what is to be added to it (fdlibm, k_sin.c, with our coefficients).
func (a angle) sinKernel() (high, rest tensor.Value) {
	z := a.r.Mul(a.r)
	cube := z.Mul(a.r)
	rest = cube.Mul(estrin(z, sinQ)).Add(a.low.Sub(z.Mul(a.low).Mul(0.5)))
	return a.r, rest
}

// cosKernel returns the cosine of r + low as 1 - r²/2 and what is to be added to it (FreeBSD, k_cos.c, with our coefficients).
func (a angle) cosKernel() (high, rest tensor.Value) {
	z := a.r.Mul(a.r)
	half := z.Mul(0.5)
	high = tensor.Lift(1).Sub(half)
	lost := tensor.Lift(1).Sub(high).Sub(half)
	return high, lost.Add(z.Mul(z).Mul(estrin(z, cosQ)).Sub(a.r.Mul(a.low)))
}

// negateIf returns y with its sign changed where bit 1 of the I64 q is set.
func negateIf(q, y tensor.Value) tensor.Value {
	return double.fromBits(double.bits(y).Xor(q.And(2).Shl(62)))
}

func odd(q tensor.Value) tensor.Value { return q.And(1).Ne(0) }

// sinCos returns both, from one reduction; sin and cos of one operand build the same instructions, which a pass then shares.
func sinCos(x tensor.Value) (s, c tensor.Value) {
	a := reduceAngle(x)
	sh, sr := a.sinKernel()
	ch, cr := a.cosKernel()
	sine, cosine := sh.Add(sr), ch.Add(cr)
	swap := odd(a.quadrant)
	s = negateIf(a.quadrant, tensor.Select(swap, cosine, sine))
	c = negateIf(a.quadrant.Add(1), tensor.Select(swap, sine, cosine))
	return s, c
}

// sin returns the sine; -0 and subnormals are kept.
func sin(x tensor.Value) tensor.Value {
	s, _ := sinCos(x)
	return tensor.Select(x.Abs().Lt(0x1p-27), x, s)
}

// cos returns the cosine.
func cos(x tensor.Value) tensor.Value {
	_, c := sinCos(x)
	return c
}

// tan returns the tangent as the quotient q = n/d of sine and cosine with their rounding errors given back:
// q + (n' - q d')/d.
func tan(x tensor.Value) tensor.Value {
	a := reduceAngle(x)
	s, sl := split(a.sinKernel())
	c, cl := split(a.cosKernel())
	swap := odd(a.quadrant)
	n, nl := tensor.Select(swap, c, s), tensor.Select(swap, cl, sl)
	d, dl := tensor.Select(swap, s, c), tensor.Select(swap, sl, cl)
	q := n.Div(d)
	y := q.Add(nl.Sub(q.Mul(dl)).Div(d))
	y = double.fromBits(double.bits(y).Xor(a.quadrant.Shl(63)))
	return tensor.Select(x.Abs().Lt(0x1p-27), x, y)
}

// split returns high + rest, |high| ≥ |rest|, rounded, and the rounding error.
func split(high, rest tensor.Value) (sum, lost tensor.Value) {
	sum = high.Add(rest)
	return sum, rest.Sub(sum.Sub(high))
}

// π in two parts.
const (
	piHi = 0x1.921fb54442d18p1
	piLo = 0x1.1a62633145c07p-53
)

// atan2 returns the angle of the point (x, y) in (-π, π]. With t the smaller over the larger magnitude, atan t = t + t³ q(t²);
// reflections in the diagonal and the y axis follow.
func (o *format) atan2(y, x tensor.Value) tensor.Value {
	ay, ax := y.Abs(), x.Abs()
	small, large := ay.Min(ax), ay.Max(ax)
	t := small.Div(large)
	t = tensor.Select(small.Eq(large), 1.0, t) // both infinite
	t = tensor.Select(large.Eq(0), 0.0, t)
	z := t.Mul(t)
	rest := t.Mul(z).Mul(estrin(z, o.atanQ))
	steep := ay.Gt(ax)
	left := o.bits(x).Lt(0)
	// The angle is base ± (t + rest), base 0, π/2 or π.
	base := tensor.Select(steep, o.halfPi[0], tensor.Select(left, o.constant(o.pi[0]), 0.0))
	baseLow := tensor.Select(steep, o.halfPi[1], tensor.Select(left, o.constant(o.pi[1]), 0.0))
	minus := steep.Xor(left)
	t = tensor.Select(minus, t.Neg(), t)
	sum, lost := split(base, t)
	angle := sum.Add(lost.Add(baseLow.Add(tensor.Select(minus, rest.Neg(), rest))))
	return o.copySign(angle, y)
}
