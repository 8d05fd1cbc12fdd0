package expand_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	bm "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// hardAngles returns the float64s up to 2^30 that lie closest to multiples of π/2, where the reduced argument keeps the
// fewest bits: numerators of the convergents of π/2 over a power of two, and the neighbours of random multiples.
func hardAngles() []float64 {
	var out []float64
	half := bm.Ldexp(bm.Pi, -1)
	for e := -52; e <= -22; e++ {
		rest := bm.Ldexp(half, -e)
		p0, p1 := new(big.Int), big.NewInt(1)
		for {
			a, _ := rest.Int(nil)
			p0, p1 = p1, new(big.Int).Add(p0, new(big.Int).Mul(a, p1))
			if p1.BitLen() > 53 {
				break
			}
			if x := math.Ldexp(float64(p1.Int64()), e); x > 0.5 && x <= 1<<30 {
				out = append(out, x, -x)
			}
			rest = bm.Quo(bm.New(1), bm.Sub(rest, new(big.Float).SetPrec(bm.Prec).SetInt(a)))
		}
	}
	r := rand.New(rand.NewPCG(7, 1))
	for range 1000 {
		k := math.Floor(math.Exp2(29 * r.Float64()))
		x, _ := bm.Mul(half, bm.New(k)).Float64()
		out = append(out, x)
	}
	return out
}

func TestHardAngles(t *testing.T) {
	x := hardAngles()
	if len(x) < 1100 {
		t.Fatalf("%d angles", len(x))
	}
	for _, c := range []struct {
		op   tensor.Op
		want func(*big.Float) *big.Float
	}{{tensor.OpSin, sine}, {tensor.OpCos, cosine}, {tensor.OpTan, tangent}} {
		if u, at := worst(double, x, apply(t, c.op, tensor.F64, x), c.want); u > 2 {
			t.Errorf("%s(%v) is %.3g ulp off, want at most 2", c.op, at, u)
		}
	}
}
