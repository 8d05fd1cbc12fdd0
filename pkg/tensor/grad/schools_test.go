package grad

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// eightSchools is the log density of the non-centred model on unconstrained space: position (mu, log tau, z[8]).
func eightSchools(t testing.TB) *tensor.Func {
	in := []tensor.Param{{Name: "q", DType: tensor.F64, Shape: []int{10}}, {Name: "y", DType: tensor.F64, Shape: []int{8}}, {Name: "sigma", DType: tensor.F64, Shape: []int{8}}}
	f, err := tensor.Trace("eight", tensor.F64, in, func(a []tensor.Value) []tensor.Value {
		q, y, sigma := a[0], a[1], a[2]
		mu, logTau, z := q.At(0), q.At(1), q.Slice(0, 2, 10)
		tau := logTau.Exp()
		theta := mu.Add(tau.Mul(z))
		r := y.Sub(theta).Div(sigma)
		lp := mu.Div(5).Square().Mul(-0.5)
		lp = lp.Sub(tau.Div(5).Square().Log1p()).Add(logTau)
		lp = lp.Add(z.Square().Mul(-0.5).Sum())
		lp = lp.Add(r.Square().Mul(-0.5).Sub(sigma.Log()).Sum())
		return []tensor.Value{lp}
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestEightSchoolsIsNearHandWritten compares the gradient with the one derived by hand and counts the instructions it
// takes: by hand these are 1+w², w/(1+w²), r/σ, its sum, its products with z and τ, that sum, three instructions that
// add up each of mu and log τ, one that adds up z, and one that joins the three.
func TestEightSchoolsIsNearHandWritten(t *testing.T) {
	f := eightSchools(t)
	g, err := ValueAndGrad(f, 0)
	must(t, g, err)
	count := func(f *tensor.Func) int {
		n := 0
		for _, m := range f.Body.Nodes {
			switch m.Op {
			case tensor.OpConst, tensor.OpBroadcast, tensor.OpReshape:
			default:
				n++
			}
		}
		return n
	}
	if extra := count(g) - count(f); extra > 16 {
		t.Errorf("the gradient takes %d instructions:\n%s", extra, g)
	}
	q := []float64{3, 0.4, -1, 0.3, 0.2, 1.5, -0.2, 0.9, -2, 0.1}
	y := []float64{28, 8, -3, 7, -1, 1, 18, 12}
	sigma := []float64{15, 10, 16, 11, 9, 11, 10, 18}
	tau := math.Exp(q[1])
	want := make([]float64, 10)
	want[0], want[1] = -q[0]/25, 1-2*tau*tau/25/(1+tau*tau/25)
	for i := range y {
		d := (y[i] - q[0] - tau*q[2+i]) / sigma[i] / sigma[i]
		want[0] += d
		want[1] += d * tau * q[2+i]
		want[2+i] = d*tau - q[2+i]
	}
	args := []*tensor.Array{tensor.ArrayOf(tensor.F64, []int{10}, q), tensor.ArrayOf(tensor.F64, []int{8}, y), tensor.ArrayOf(tensor.F64, []int{8}, sigma)}
	agree(t, "gradient", mustRun(t, g, args)[1:], [][]float64{want}, 1e-14)
}
