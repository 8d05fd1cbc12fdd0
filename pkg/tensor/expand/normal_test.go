package expand_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
	bm "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// normalPair evaluates expand.NormalPair on columns.
func normalPair(t *testing.T, u, v []float64) (z0, z1 []float64) {
	t.Helper()
	shape := []int{len(u)}
	in := []tensor.Param{{Name: "u", DType: tensor.F64, Shape: shape}, {Name: "v", DType: tensor.F64, Shape: shape}}
	f, err := tensor.Trace("pair", tensor.F64, in, func(a []tensor.Value) []tensor.Value {
		x, y := expand.NormalPair(a[0], a[1])
		return []tensor.Value{x, y}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := eval.Run(f, []*tensor.Array{tensor.ArrayOf(tensor.F64, shape, u), tensor.ArrayOf(tensor.F64, shape, v)})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float64s(), out[1].Float64s()
}

// TestNormalPair compares with the definition on odd multiples of 2^-53: uniform ones, ones near 0 and 1, and for v near ¼,
// ½ and ¾, where the cosine or the sine is near 0.
func TestNormalPair(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	grid := func(x float64) float64 { return (math.Floor(min(max(x, 0), 1-0x1p-53)*0x1p52) + 0.5) * 0x1p-52 }
	u, v := []float64{0x1p-53, 1 - 0x1p-53, 0.3}, []float64{0x1p-53, 1 - 0x1p-53, 0.3}
	for i := range 3000 {
		near := math.Exp2(-53 * r.Float64())
		u = append(u, grid([]float64{r.Float64(), near, 1 - near}[i%3]))
		w := math.Exp2(-53*r.Float64()) * (2*r.Float64() - 1)
		v = append(v, grid([]float64{r.Float64(), 0.25 + w/4, 0.5 + w/2, 0.75 + w/4}[i%4]))
	}
	radius := func(u *big.Float) *big.Float { return bm.Sqrt(bm.Ldexp(bm.Neg(bm.Log(u)), 1)) }
	angle := func(v *big.Float) *big.Float { return bm.Mul(bm.Ldexp(bm.Pi, 1), bm.Sub(v, bm.New(0.5))) }
	z0, z1 := normalPair(t, u, v)
	for _, c := range []struct {
		got  []float64
		turn func(*big.Float) *big.Float
	}{{z0, cosine}, {z1, sine}} {
		worst, au, av := worstPair(double, u, v, c.got, func(u, v *big.Float) *big.Float { return bm.Mul(radius(u), c.turn(angle(v))) })
		t.Logf("%.3f ulp at (%v, %v)", worst, au, av)
		if worst > 4 {
			t.Errorf("a normal of (%v, %v) is %.3g ulp off, want at most 4", au, av, worst)
		}
	}
}

// TestNormalPairAtZeros: on the coordinate axes one of the two is exactly 0.
func TestNormalPairAtZeros(t *testing.T) {
	z0, z1 := normalPair(t, []float64{0.3, 0.3, 0.3}, []float64{0.25, 0.5, 0.75})
	if z0[0] != 0 || z0[2] != 0 || z1[1] != 0 || !(z0[1] > 1) || !(z1[0] < -1) || !(z1[2] > 1) {
		t.Errorf("%v and %v", z0, z1)
	}
}
