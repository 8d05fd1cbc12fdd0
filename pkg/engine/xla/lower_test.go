package xla_test

import (
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
	"github.com/drey-sampler/drey/pkg/tensor/lower"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// TestLowered: what GPUs and TPUs get in the place of a look-up's gradient and of a long f64 sum compiles on XLA, and computes
// what it says.
func TestLowered(t *testing.T) {
	e := open(t)
	r := rand.New(rand.NewPCG(8, 0))
	const rows = 300
	for _, w := range []struct {
		platform string
		groups   int
		form     lower.Form
	}{{lower.CUDA, 12, lower.OneHot}, {lower.CUDA, 400, lower.Segments}, {lower.TPU, 400, lower.OneHot}} {
		if got := lower.Choose(w.platform, rows, w.groups, true); got != w.form {
			t.Fatalf("%s, %d groups: %s, want %s", w.platform, w.groups, got, w.form)
		}
		f, err := tensor.Trace("groups", tensor.F64, []tensor.Param{
			{Name: "theta", DType: tensor.F64, Shape: []int{w.groups}}, {Name: "group", DType: tensor.I32, Shape: []int{rows}}, {Name: "y", DType: tensor.F32, Shape: []int{rows}},
		}, func(v []tensor.Value) []tensor.Value {
			z := v[2].Sub(v[0].Take(v[1], 0).Convert(tensor.F32))
			return []tensor.Value{z.Square().Convert(tensor.F64).Sum()}
		})
		if err != nil {
			t.Fatal(err)
		}
		if f, err = grad.ValueAndGrad(f, 0); err != nil {
			t.Fatal(err)
		}
		g, changed, err := lower.For(w.platform, simplify.Run(f))
		if err != nil || !changed {
			t.Fatalf("%s, %d groups: rewritten: %v, %v", w.platform, w.groups, changed, err)
		}
		theta, group, y := make([]float64, w.groups), make([]float64, rows), make([]float64, rows)
		for i := range theta {
			theta[i] = r.NormFloat64()
		}
		for i := range group {
			group[i], y[i] = float64(r.IntN(w.groups)), r.NormFloat64()
		}
		c := enginetest.Case{Func: simplify.Exact(g), Args: []*tensor.Array{
			tensor.ArrayOf(tensor.F64, []int{w.groups}, theta), tensor.ArrayOf(tensor.I32, []int{rows}, group), tensor.ArrayOf(tensor.F32, []int{rows}, y),
		}}
		if problem := enginetest.CloseTo(e, c, 3); problem != "" {
			t.Errorf("%s, %d groups: %.3000s", w.platform, w.groups, problem)
		}
	}
}
