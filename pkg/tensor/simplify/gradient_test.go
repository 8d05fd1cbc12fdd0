package simplify

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
)

// schoolsGradient is value and gradient of the log density of eight schools, non-centred: position (mu, log tau, z[8]).
func schoolsGradient(t *testing.T) *tensor.Func {
	in := []tensor.Param{
		{Name: "q", DType: tensor.F64, Shape: []int{10}},
		{Name: "y", DType: tensor.F64, Shape: []int{8}}, {Name: "sigma", DType: tensor.F64, Shape: []int{8}},
	}
	f, err := tensor.Trace("schools", tensor.F64, in, func(a []tensor.Value) []tensor.Value {
		q, y, sigma := a[0], a[1], a[2]
		mu, logTau, z := q.At(0), q.At(1), q.Slice(0, 2, 10)
		tau := logTau.Exp()
		r := y.Sub(mu.Add(tau.Mul(z))).Div(sigma)
		lp := mu.Div(5).Square().Mul(-0.5).Sub(tau.Div(5).Square().Log1p()).Add(logTau)
		return []tensor.Value{lp.Add(z.Square().Mul(-0.5).Sum()).Add(r.Square().Mul(-0.5).Sub(sigma.Log()).Sum())}
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := grad.ValueAndGrad(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGradientOfAModel checks that the slices of the position leave one concatenation in the gradient, and that the
// values agree up to the rounding of sums in another order.
func TestGradientOfAModel(t *testing.T) {
	f := schoolsGradient(t)
	s := Run(f)
	if count(s, "pad") != 0 || count(s, "concat") != 1 || len(s.Body.Nodes) > len(f.Body.Nodes) {
		t.Errorf("%d instructions became %d:\n%s", len(f.Body.Nodes), len(s.Body.Nodes), s)
	}
	args := []*tensor.Array{
		tensor.ArrayOf(tensor.F64, []int{10}, []float64{4, 1.2, 0.3, -0.5, 1.1, 0, -2, 0.7, 0.1, -0.4}),
		tensor.ArrayOf(tensor.F64, []int{8}, []float64{28, 8, -3, 7, -1, 1, 18, 12}),
		tensor.ArrayOf(tensor.F64, []int{8}, []float64{15, 10, 16, 11, 9, 11, 10, 18}),
	}
	got, want := evaluate(t, s, args), evaluate(t, f, args)
	for i := range want {
		w, g := want[i].Float64s(), got[i].Float64s()
		for j := range w {
			// Sums of at most 16 terms of magnitude below 32.
			if !(math.Abs(g[j]-w[j]) <= 16*32*0x1p-53) {
				t.Errorf("result %d[%d] is %g, want %g", i, j, g[j], w[j])
			}
		}
	}
}
