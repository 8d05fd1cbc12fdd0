package expand_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	bm "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// worstPair is worst for two columns of arguments.
func worstPair(f format, x, y, got []float64, want func(x, y *big.Float) *big.Float) (ulps, atX, atY float64) {
	for i := range x {
		if u := f.ulps(got[i], want(bm.New(x[i]), bm.New(y[i]))); u > ulps {
			ulps, atX, atY = u, x[i], y[i]
		}
	}
	return ulps, atX, atY
}

// powArguments covers |y log x| ≤ 700: bases near and far from 1, results and bases that are subnormal among them.
func powArguments(r *rand.Rand, n int) (xs, ys []float64) {
	for i := range n {
		var x float64
		switch i % 4 {
		case 0:
			x = math.Exp2(2097*r.Float64() - 1074)
		case 1:
			x = 0.5 + 1.5*r.Float64()
		case 2:
			x = 1 + (r.Float64()-0.5)*math.Exp2(-40*r.Float64())
		case 3:
			x = 20 * r.Float64()
		}
		l := math.Log(x)
		if x <= 0 || l == 0 {
			continue
		}
		y := 700 * (2*r.Float64() - 1) / l
		if r.IntN(3) == 0 {
			y *= math.Exp2(-60 * r.Float64())
		}
		xs, ys = append(xs, x), append(ys, y)
	}
	return xs, ys
}

func TestPowAccuracy(t *testing.T) {
	t.Parallel()
	x, y := powArguments(rand.New(rand.NewPCG(2, 1)), 6000)
	u, ax, ay := worstPair(double, x, y, apply(t, tensor.OpPow, tensor.F64, x, y), func(x, y *big.Float) *big.Float {
		return bm.Exp(bm.Mul(y, bm.Log(x)))
	})
	t.Logf("pow: %.3f ulp at (%v, %v)", u, ax, ay)
	if u > 0.73 {
		t.Errorf("pow(%v, %v) is %.3g ulp off, want at most 0.73", ax, ay, u)
	}
}

func TestPowOfNegativeBases(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var x, y []float64
	for range 2000 {
		x = append(x, -3*r.Float64())
		y = append(y, float64(r.IntN(41)-20))
	}
	u, ax, ay := worstPair(double, x, y, apply(t, tensor.OpPow, tensor.F64, x, y), func(x, y *big.Float) *big.Float {
		v := bm.Exp(bm.Mul(y, bm.Log(bm.Abs(x))))
		if n, _ := y.Int64(); n%2 != 0 {
			return bm.Neg(v)
		}
		return v
	})
	if u > 2 {
		t.Errorf("pow(%v, %v) is %.3g ulp off, want at most 2", ax, ay, u)
	}
}

func angleOf(y, x *big.Float) *big.Float {
	a := bm.Quo(bm.Pi, bm.New(2))
	if x.Sign() != 0 {
		a = bm.Atan(bm.Abs(bm.Quo(y, x)))
	}
	if x.Sign() < 0 {
		a = bm.Sub(bm.Pi, a)
	}
	if y.Sign() < 0 {
		a.Neg(a)
	}
	return a
}

func TestAtan2Accuracy(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1))
	var y, x []float64
	for i := range 6000 {
		a, b := 2*r.Float64()-1, 2*r.Float64()-1
		switch i % 3 {
		case 0:
			a *= math.Exp2(30 * (r.Float64() - 0.5))
		case 1:
			e := 1000 * (r.Float64() - 0.5)
			a, b = a*math.Exp2(e), b*math.Exp2(2040*(r.Float64()-0.5))
		}
		y, x = append(y, a), append(x, b)
	}
	u, ay, ax := worstPair(double, y, x, apply(t, tensor.OpAtan2, tensor.F64, y, x), angleOf)
	t.Logf("atan2: %.3f ulp at (%v, %v)", u, ay, ax)
	if u > 1.33 {
		t.Errorf("atan2(%v, %v) is %.3g ulp off, want at most 1.33", ay, ax, u)
	}
}

// TestLogAddExpAccuracy allows 2 ulp of the result and one of the larger argument, whose rounding no form in one float can
// undo where the sum cancels.
func TestLogAddExpAccuracy(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 1))
	var x, y []float64
	for i := range 4000 {
		a := 20 * (r.Float64() - 0.5)
		b := a + math.Exp2(-30*r.Float64())*(2*r.Float64()-1)*800
		if i%3 == 0 {
			a, b = a*1e100, b*1e100
		}
		x, y = append(x, a), append(y, b)
	}
	got := apply(t, tensor.OpLogAddExp, tensor.F64, x, y)
	for i := range x {
		lo, hi := min(x[i], y[i]), max(x[i], y[i])
		want := bm.New(hi)
		if hi-lo < 1e6 {
			want = bm.Add(want, bm.Log1p(bm.Exp(bm.Sub(bm.New(lo), bm.New(hi)))))
		}
		miss, _ := bm.Abs(bm.Sub(bm.New(got[i]), want)).Float64()
		w, _ := bm.Abs(want).Float64()
		if limit := 2*ulp(w) + ulp(math.Abs(hi)); miss > limit {
			t.Errorf("logaddexp(%v, %v) = %v is off by %g, want at most %g", x[i], y[i], got[i], miss, limit)
		}
	}
}

func ulp(x float64) float64 { return math.Nextafter(x, math.Inf(1)) - x }

// TestGammaReflection checks negative arguments: relative to the terms, which cancel at zeros: the reflected
// function, and the rest, which their sum bounds.
func TestGammaReflection(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	x := span{700, -0.4, -30, 0}.points(r)
	x = append(x, span{300, -30, -180, 0}.points(r)...)
	for op, want := range map[tensor.Op]func(*big.Float) *big.Float{tensor.OpLgamma: bm.Lgamma, tensor.OpDigamma: bm.Digamma} {
		got := apply(t, op, tensor.F64, x)
		for i, v := range x {
			w := want(bm.New(v))
			scale, _ := bm.Abs(w).Float64()
			positive, _ := bm.Abs(want(bm.New(-v))).Float64()
			miss, _ := bm.Abs(bm.Sub(bm.New(got[i]), w)).Float64()
			if limit := 4 * ulp(max(scale+positive, 1)); miss > limit {
				t.Errorf("%s(%v) = %v is off by %g, want at most %g", op, v, got[i], miss, limit)
			}
		}
	}
}
