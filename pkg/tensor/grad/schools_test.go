package grad

import (
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

func TestEightSchools(t *testing.T) {
	g, err := ValueAndGrad(eightSchools(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(g)
}
