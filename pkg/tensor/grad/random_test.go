package grad

import (
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// randomProgram combines operations on a stack of Values of shapes [], [3] and [2,3], loops and branches included.
func randomProgram(r *rand.Rand, depth int, pool values) values {
	shapes := [][]int{{}, {3}, {2, 3}}
	pick := func() tensor.Value { return pool[r.IntN(len(pool))] }
	for range 4 + r.IntN(6) {
		a, b := pick(), pick()
		var v tensor.Value
		switch r.IntN(16) {
		case 0:
			v = a.Add(b)
		case 1:
			v = a.Mul(b).Tanh()
		case 2:
			v = a.Sub(b).Mul(-0.5)
		case 3:
			v = a.Div(b.Mul(b).Add(1))
		case 4:
			v = a.Sigmoid()
		case 5:
			v = tensor.Select(a.Gt(b), a, b.Mul(a))
		case 6:
			v = a.Mul(a).Neg().Exp()
		case 7:
			v = a.Sum()
		case 8:
			v = a.BroadcastTo(2, 3).Slice(1, r.IntN(2), 3).Sum(1).Reshape(2, 1).BroadcastTo(2, 3)
		case 9:
			m := a.BroadcastTo(2, 3)
			v = tensor.Concat(1, m.Slice(1, 1, 3), m.Slice(1, 0, 1)).Tanh()
		case 10:
			v = a.BroadcastTo(2, 3).Take([]int{2, 0, 2}, 1)
		case 11:
			v = a.BroadcastTo(2, 3).MatMul(b.BroadcastTo(2, 3).Transpose()).Sum(0).Sum().Mul(0.1).Tanh()
		case 12:
			v = a.BroadcastTo(2, 3).Cumsum(r.IntN(2)).Tanh()
		case 13:
			if depth == 0 {
				continue
			}
			seed := r.Uint64()
			_, y := tensor.Scan(a.Sum().Tanh(), b.BroadcastTo(2, 3), func(c, x tensor.Value) (tensor.Value, tensor.Value) {
				inner := randomProgram(rand.New(rand.NewPCG(seed, 1)), depth-1, append(values{c, x}, pool[:min(3, len(pool))]...))
				s := inner[len(inner)-1].Sum().Tanh()
				return c.Mul(0.5).Add(s), inner[len(inner)-2].BroadcastTo(2, 3).Sum(0).Mul(0.5)
			})
			v = y
		case 14:
			if depth == 0 {
				continue
			}
			branch := func(seed uint64) func() tensor.Value {
				return func() tensor.Value {
					inner := randomProgram(rand.New(rand.NewPCG(seed, 2)), depth-1, append(values{a}, pool[:min(3, len(pool))]...))
					return inner[len(inner)-1].BroadcastTo(2, 3)
				}
			}
			v = tensor.Cond(b.Sum().Gt(0.1), branch(r.Uint64()), branch(r.Uint64()))
		case 15:
			v = a.LogAddExp(b.Mul(0.5))
		}
		if v.Rank() > 0 && v.Dim(-1) != 3 {
			v = v.Sum().BroadcastTo(shapes[r.IntN(3)]...)
		}
		pool = append(pool, v)
	}
	return pool
}

func TestRandomProgramsForwardEqualsReverse(t *testing.T) {
	for seed := uint64(0); seed < 60; seed++ {
		r := rand.New(rand.NewPCG(seed, 3))
		in := []tensor.Param{{Name: "a", DType: tensor.F64}, {Name: "b", DType: tensor.F64, Shape: []int{3}}, {Name: "c", DType: tensor.F64, Shape: []int{2, 3}}}
		f := mustTrace(t, in, func(x values) values { return scalar(randomProgram(r, 2, x)) })
		var args []*tensor.Array
		for _, p := range in {
			v := make([]float64, tensor.NumElements(p.Shape))
			for i := range v {
				v[i] = r.NormFloat64()
			}
			args = append(args, tensor.ArrayOf(tensor.F64, p.Shape, v))
		}
		rev, err := ValueAndGrad(f, 0, 1, 2)
		must(t, rev, err)
		fwd, err := ForwardGradient(f, 0, 1, 2)
		must(t, fwd, err)
		g, h := mustRun(t, rev, args), mustRun(t, fwd, args)
		agree(t, "forward and reverse", g[2:], h[2:], 1e-12)
		agree(t, "value", g[:1], mustRun(t, f, args)[:1], 0)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
