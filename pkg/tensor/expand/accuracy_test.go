package expand_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	bm "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

type function struct {
	op    tensor.Op
	want  func(x *big.Float) *big.Float
	limit float64 // ulps, as in the package's documentation
	spans []span
}

var one = bm.New(1)

func sigmoid(x *big.Float) *big.Float {
	return bm.Quo(one, bm.Add(one, bm.Exp(bm.Neg(x))))
}

func softplus(x *big.Float) *big.Float {
	if x.Sign() > 0 {
		return bm.Add(x, bm.Log1p(bm.Exp(bm.Neg(x))))
	}
	return bm.Log1p(bm.Exp(x))
}

var functions = []function{
	{tensor.OpRsqrt, func(x *big.Float) *big.Float { return bm.Quo(one, bm.Sqrt(x)) }, 1.47, []span{{2000, 0, math.MaxFloat64, 0x1p-1074}}},
	{tensor.OpExp, bm.Exp, 1.01, []span{{2500, -750, 710, 0}, {4000, -1, 1, 0}, {1000, -746, -708, 0}, {500, 708, 709.78, 0}, {1000, 0, 700, 0x1p-1074}, {1000, 0, -740, 0x1p-1074}}},
	{tensor.OpExpm1, bm.Expm1, 1.21, []span{{4000, -1.5, 1.5, 0}, {2000, -45, 709, 0}, {2000, 0, 2, 0x1p-1074}, {2000, 0, -2, 0x1p-1074}}},
	{tensor.OpLog, bm.Log, 0.85, []span{{4000, 0, math.MaxFloat64, 0x1p-1074}, {3000, 0.5, 2, 0}, {1500, 1, 2, 0x1p-52}, {1500, 1, 0.5, 0x1p-53}}},
	{tensor.OpLog1p, bm.Log1p, 1.38, []span{{3000, -0.99, 2, 0}, {2000, 0, math.MaxFloat64, 0x1p-1074}, {2000, 0, -0.999, 0x1p-1074}, {1500, -1, 0, 0x1p-53}, {1500, 0.2, 1e17, 1e-3}}},
	{tensor.OpTanh, bm.Tanh, 1.31, []span{{4000, -3, 3, 0}, {3000, 0, 30, 0x1p-1074}, {3000, 0, -30, 0x1p-1074}}},
	{tensor.OpSigmoid, sigmoid, 1.88, []span{{4000, -5, 5, 0}, {2000, -746, 50, 0}, {2000, 0, 700, 0x1p-1074}, {2000, 0, -746, 0x1p-1074}}},
	{tensor.OpSoftplus, softplus, 1.78, []span{{4000, -5, 5, 0}, {2000, -746, 800, 0}, {2000, 0, 1e4, 0x1p-1074}, {2000, 0, -746, 0x1p-1074}}},
	{tensor.OpSin, sine, 0.76, angles},
	{tensor.OpCos, cosine, 0.76, angles},
	{tensor.OpTan, tangent, 1.32, angles},
	{tensor.OpErf, bm.Erf, 1.01, []span{{2000, -3, 3, 0}, {500, -6, 6, 0}, {750, 0, 30, 0x1p-1074}, {750, 0, -30, 0x1p-1074}}},
	{tensor.OpErfc, bm.Erfc, 1.22, []span{{1500, -3, 3, 0}, {1500, 0.8, 27.3, 0}, {750, 25, 27.3, 0}, {750, 0, 27, 0x1p-1074}, {500, 0, -27, 0x1p-1074}}},
	{tensor.OpErfInv, erfInv, 3.42, []span{{1000, -1, 1, 0}, {500, 0, 1, 0x1p-1000}, {500, 1, 0, 0x1p-53}, {500, -1, 0, 0x1p-53}}},
	{tensor.OpLgamma, bm.Lgamma, 2.95, []span{{1000, 0, 5, 0}, {1000, 0, 1e300, 0x1p-1022}, {500, 1, 3, 0x1p-52}, {500, 1, 0, 0x1p-53}, {500, 2, 0, 0x1p-52}, {500, 2, 5, 0x1p-51}, {250, 0, -0.49, 0x1p-1000}}},
	{tensor.OpDigamma, bm.Digamma, 3.41, []span{{1000, 0, 5, 0}, {1000, 0, 1e300, 0x1p-1022}, {500, 1.4616321449683622, 3, 0x1p-52}, {500, 1.4616321449683622, 0, 0x1p-52}, {250, 0, -0.4, 0x1p-1000}}},
	{tensor.OpTrigamma, bm.Trigamma, 2.40, []span{{1000, 0, 5, 0}, {1000, 0, 1e300, 0x1p-500}, {1000, -20, 0, 0}, {250, 0, -0.4, 0x1p-500}}},
}

var angles = []span{{3000, -7, 7, 0}, {2000, -1 << 30, 1 << 30, 0}, {2000, 0, 1 << 30, 0x1p-1074}, {1000, 0, -1 << 30, 0x1p-1074}}

func sine(x *big.Float) *big.Float   { s, _ := bm.SinCos(x); return s }
func cosine(x *big.Float) *big.Float { _, c := bm.SinCos(x); return c }
func tangent(x *big.Float) *big.Float {
	s, c := bm.SinCos(x)
	return bm.Quo(s, c)
}

func erfInv(x *big.Float) *big.Float {
	if x.Sign() < 0 {
		return bm.Neg(erfInv(bm.Neg(x)))
	}
	return bm.ErfInv(x, bm.Sub(one, x))
}

func TestAccuracy(t *testing.T) {
	for _, f := range functions {
		t.Run(f.op.String(), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(f.op)))
			var x []float64
			for _, s := range f.spans {
				x = append(x, s.points(r)...)
			}
			u, at := worst(double, x, apply(t, f.op, tensor.F64, x), f.want)
			t.Logf("%s: %.3f ulp at %v (%x), %d points", f.op, u, at, at, len(x))
			if u > f.limit {
				t.Errorf("%s(%v) is %.3g ulp off, want at most %g", f.op, at, u, f.limit)
			}
		})
	}
}
