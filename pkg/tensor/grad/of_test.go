package grad

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestOf: the gradient inside a trace is that of the program on its own, for straight lines, loops and branches, and
// what the function captures is a constant although it comes from x.
func TestOf(t *testing.T) {
	type step = func(x, captured tensor.Value) tensor.Value
	for name, fn := range map[string]step{
		"straight": func(x, c tensor.Value) tensor.Value { return sq(x).Mul(c).Sum() },
		"scan": func(x, c tensor.Value) tensor.Value {
			s, _ := tensor.Scan(x.Sum(), x, func(s, e tensor.Value) (tensor.Value, tensor.Value) {
				s = tensor.Cond(e.Gt(0), func() tensor.Value { return s.Mul(e).Tanh() }, func() tensor.Value { return s.Add(c.At(0).Mul(e)) })
				return s, s
			})
			return s
		},
		"call": func(x, c tensor.Value) tensor.Value {
			return tensor.CallN("f", &tensor.Custom{}, values{x, c}, func(a []tensor.Value) []tensor.Value { return values{a[0].Mul(a[1]).Exp().Sum()} })[0]
		},
		"constant": func(x, c tensor.Value) tensor.Value { return tensor.Lift(2.0) },
		"identity": func(x, c tensor.Value) tensor.Value { return x.At(1) },
	} {
		in := []tensor.Param{{Name: "x", DType: tensor.F64, Shape: []int{3}}}
		f := mustTrace(t, append(in, tensor.Param{Name: "c", DType: tensor.F64, Shape: []int{3}}), func(x values) values { return values{fn(x[0], x[1])} })
		g, err := ValueAndGrad(f, 0)
		must(t, g, err)
		inside := mustTrace(t, in, func(x values) values {
			y, d := tensor.Value{}, tensor.Value{}
			c := x[0].Add(1)
			out, _ := tensor.ScanN(values{x[0], x[0].Sum()}, nil, 2, false, func(c2, _ values) (values, values) { // inside a region
				y, d = Of(func(v tensor.Value) tensor.Value { return fn(v, c) }, x[0])
				return values{d, y}, nil
			})
			return values{out[1], out[0]}
		})
		x := []float64{0.3, -1.2, 0.7}
		args := []*tensor.Array{tensor.ArrayOf(tensor.F64, []int{3}, x), tensor.ArrayOf(tensor.F64, []int{3}, []float64{1.3, -1.2 + 1, 1.7})}
		agree(t, name, mustRun(t, inside, args[:1]), mustRun(t, g, args), 1e-15)
	}
}
