package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// pair is an unevaluated sum hi + lo, |lo| ≤ ulp(hi)/2 or little more (Dekker 1971).
type pair struct{ hi, lo tensor.Value }

// product returns a·b as a pair, exact but for the product of the two low halves. Halves are made by masks, so nothing
// overflows that a·b does not.
func (o *format) product(a, b tensor.Value) pair {
	ah, bh := o.maskLow(a), o.maskLow(b)
	al, bl := a.Sub(ah), b.Sub(bh)
	p := a.Mul(b)
	e := ah.Mul(bh).Sub(p).Add(ah.Mul(bl).Add(al.Mul(bh))).Add(al.Mul(bl))
	return pair{p, e}
}

// times returns p·q.
func (o *format) times(p, q pair) pair {
	r := o.product(p.hi, q.hi)
	r.lo = r.lo.Add(p.hi.Mul(q.lo).Add(p.lo.Mul(q.hi)))
	return r
}

// logPair returns log x for positive finite x to some 12 bits more than a number has, relative. With s = f/(2+f), the logarithm of 1 + f is
// 2s + s³ (2/3 + s² P(s²)); s, s², s³ and the sums are pairs, P is not.
func (o *format) logPair(x tensor.Value) pair {
	f, negK := o.reduceLog(x)
	d, dLost := split(tensor.Lift(2), f)
	s := pair{hi: f.Div(d)}
	back := o.product(s.hi, d)
	s.lo = f.Sub(back.hi).Sub(back.lo).Sub(s.hi.Mul(dLost)).Div(d)
	z := o.times(s, s)
	g := pair{}
	g.hi, g.lo = split(tensor.Lift(o.twoThirds[0]), z.hi.Mul(estrin(z.hi, o.powP)))
	g.lo = g.lo.Add(o.twoThirds[1])
	v := o.times(o.times(s, z), g)
	sum, lost1 := split(negK.Mul(-o.ln2Hi), s.hi.Add(s.hi))
	sum, lost2 := split(sum, v.hi)
	low := lost1.Add(lost2).Add(s.lo.Add(s.lo).Add(v.lo).Sub(negK.Mul(o.ln2Lo)))
	hi, lo := split(sum, low)
	return pair{hi, lo}
}

// pow returns x to the power y, with the special cases of C99 (F.9.4.4): e^(y log|x|), the exponent in two parts, with the
// sign of x for odd integers y; NaN for negative finite x and y not an integer.
func (o *format) pow(x, y tensor.Value) tensor.Value {
	a := x.Abs()
	l := o.logPair(a)
	l.hi = tensor.Select(a.Eq(0), math.Inf(-1), tensor.Select(a.Lt(math.Inf(1)), l.hi, a))
	e := o.product(y, l.hi)
	high := e.hi.Clamp(o.powLeast, o.powMost)
	low := tensor.Select(e.hi.Eq(high), e.lo.Add(y.Mul(l.lo)), 0.0)
	p := o.reduceExp(high, low)
	r := p.scale(p.sharp())

	half := y.Mul(0.5)
	integer := y.Floor().Eq(y)
	oddPower := integer.And(half.Floor().Ne(half))
	r = tensor.Select(oddPower, o.copySign(r, x), r)
	r = tensor.Select(x.Lt(0).And(x.Gt(math.Inf(-1))).And(integer.Not()), math.NaN(), r)
	isOne := y.Eq(0).Or(x.Eq(1)).Or(x.Eq(-1).And(y.Abs().Eq(math.Inf(1))))
	return tensor.Select(isOne, 1.0, r)
}
