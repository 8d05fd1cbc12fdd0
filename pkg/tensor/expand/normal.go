package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// NormalPair returns √(-2 log u) times the cosine and the sine of 2π(v - ½), both within 4 ulp: two independent standard
// normals where u and v are independent and uniform (Box & Muller 1958). u and v are of one shape and float dtype, multiples
// of 2^-53 in (0, 1); F32 operands are computed in F64 and rounded.
//
// Such u need none of the edges of a logarithm. For v, with w = v - ½ and b = ¼ - |w|, exact like ½ - |w|, the cosine is
// sin 2πb = b S(b²) and the sine, which vanishes where w(½ - |w|) does, that times C(b²): no quadrants.
func NormalPair(u, v tensor.Value) (z0, z1 tensor.Value) {
	if u.DType() == tensor.F32 {
		z0, z1 = NormalPair(u.Convert(tensor.F64), v.Convert(tensor.F64))
		return z0.Convert(tensor.F32), z1.Convert(tensor.F32)
	}
	radius := minusLog(u)
	radius = radius.Add(radius).Sqrt()
	w := v.Sub(0.5)
	a := w.Abs()
	b := tensor.Lift(0.25).Sub(a)
	z := b.Mul(b)
	cosine := b.Mul(estrin(z, turnSin))
	sine := w.Mul(tensor.Lift(0.5).Sub(a)).Mul(estrin(z, turnCos))
	return radius.Mul(cosine), radius.Mul(sine)
}

// minusLog returns -log u for normal u in (0, 1), within 2 ulp: logSum with ln 2 in one part.
func minusLog(u tensor.Value) tensor.Value {
	p := double.splitLog(u, tensor.Value{})
	f := p.m.Sub(1)
	s := f.Div(p.m.Add(1))
	z := s.Mul(s)
	rest := s.Mul(f.Sub(z.Mul(estrin(z, logR))))
	return p.negK().Mul(math.Ln2).Sub(f.Sub(rest))
}
