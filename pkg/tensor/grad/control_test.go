package grad

import (
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// controlProblems: loops and branches with captured Values, nested.
func controlProblems() map[string]problem {
	type pair struct{ A, B tensor.Value }
	return map[string]problem{
		"scan": {shapes: [][]int{{}, {4}, {3}}, draw: normalDraw, fn: func(x values) values {
			c, y := tensor.Scan(x[0], x[1], func(c, xi tensor.Value) (tensor.Value, tensor.Value) {
				c = c.Mul(xi).Tanh().Add(x[2].Sum())
				return c, c.Mul(x[2])
			})
			return values{c, y}
		}},
		"scan reverse": {shapes: [][]int{{2}, {4, 2}}, draw: normalDraw, fn: func(x values) values {
			c, y := tensor.ScanN(values{x[0], x[0].Mul(0)}, values{x[1]}, 4, true, func(c, x values) (values, values) {
				return values{c[0].Add(x[0]).Tanh(), c[1].Add(c[0].Mul(x[0]))}, values{c[0], x[0].Exp()}
			})
			return append(c, y...)
		}},
		"scan index": {shapes: [][]int{{5, 2}, {}}, draw: normalDraw, fn: func(x values) values { // a loop counter beside the floats
			type carry struct{ I, S tensor.Value }
			init := carry{tensor.In(x[1], 0), x[1]}
			c, _ := tensor.ScanN(tensor.Flatten(init), nil, 5, false, func(c, _ values) (values, values) {
				row := x[0].Row(c[0])
				return values{c[0].Add(1), c[1].Mul(row.Sum()).Tanh().Add(row.At(0))}, nil
			})
			return values{c[1]}
		}},
		"scan swaps": {shapes: [][]int{{}, {}}, draw: normalDraw, fn: func(x values) values {
			c, _ := tensor.ScanN(values{x[0], x[1], x[0].Mul(0)}, nil, 3, false, func(c, _ values) (values, values) {
				return values{c[1].Mul(x[0]), c[0], c[2].Add(c[0].Tanh())}, nil
			})
			return values{c[2]}
		}},
		"scan sums": {shapes: [][]int{{}, {4}}, draw: normalDraw, fn: func(x values) values { // sums that are read, shown or only carried
			c, y := tensor.ScanN(values{x[0], x[0], x[0], x[0]}, values{x[1]}, 4, false, func(c, e values) (values, values) {
				read := c[0].Add(c[0].Tanh().Mul(e[0]))
				shown := c[1].Sub(e[0].Exp())
				return values{read, shown, e[0].Sigmoid().Add(c[2].Sub(x[0])), e[0].Mul(x[0])}, values{shown}
			})
			return append(c, y...)
		}},
		"cond": {shapes: [][]int{{3}, {}}, draw: normalDraw, fn: func(x values) values {
			branch := func(p tensor.Value) pair {
				return tensor.Cond(p, func() pair { return pair{x[0].Mul(x[1]), x[1].Exp()} },
					func() pair { return pair{x[0].Tanh(), tensor.Lift(2.0)} })
			}
			a, b := branch(x[0].Sum().IsFinite()), branch(x[0].Sum().IsNaN())
			return values{a.A, a.B, b.A, b.B}
		}},
		"cond in scan in scan": {shapes: [][]int{{2}, {3, 2}}, draw: normalDraw, fn: func(x values) values {
			c, y := tensor.Scan(x[0], x[1], func(c, row tensor.Value) (tensor.Value, tensor.Value) {
				inner, _ := tensor.Scan(c.Sum(), row, func(s, e tensor.Value) (tensor.Value, tensor.Value) {
					s = tensor.Cond(e.Gt(0), func() tensor.Value { return s.Mul(e).Sigmoid().Add(x[0].At(0)) },
						func() tensor.Value { return s.Add(e.Mul(c.At(1))) })
					return s, e
				})
				return c.Mul(0.5).Add(inner), inner
			})
			return values{c, y}
		}},
		"custom": {shapes: [][]int{{3}, {3}}, draw: normalDraw, fn: func(x values) values {
			primal := func(a values) values { return values{a[0].Mul(a[1]).Exp(), a[1].Softplus()} }
			v := tensor.CustomVJP("v", x, primal, func(a, out, ct values) values {
				d := ct[0].Mul(out[0])
				return values{d.Mul(a[1]), d.Mul(a[0]).Add(ct[1].Mul(a[1].Sigmoid()))}
			})
			j := tensor.CustomJVP("j", values{x[0].Mul(0.3), x[1].Mul(x[0])}, primal, func(a, out, ts values) values {
				return values{out[0].Mul(ts[0].Mul(a[1]).Add(ts[1].Mul(a[0]))), ts[1].Mul(a[1].Sigmoid())}
			})
			plain := tensor.CallN("plain", &tensor.Custom{}, x, primal)
			return append(append(v, j...), plain...)
		}},
		"while": {shapes: [][]int{{}, {2}}, draw: between(0.5, 1.5), forwardOnly: true, fn: func(x values) values {
			type carry struct{ I, S, Other tensor.Value }
			c := tensor.While(carry{tensor.In(x[0], 0), x[0], x[1]}, func(c carry) tensor.Value { return c.I.Lt(4) }, func(c carry) carry {
				return carry{c.I.Add(1), c.S.Mul(x[1].Sum()).Tanh(), c.Other.Add(c.S)}
			})
			return values{c.S, c.Other}
		}},
	}
}

func TestReverseThroughWhileIsAnError(t *testing.T) {
	f := mustTrace(t, []tensor.Param{{Name: "x", DType: tensor.F64}}, func(x values) values {
		return values{tensor.While(x[0], func(c tensor.Value) tensor.Value { return c.Lt(9) }, func(c tensor.Value) tensor.Value { return c.Mul(2) })}
	})
	_, err := ValueAndGrad(f, 0)
	if err == nil || !strings.Contains(err.Error(), "Scan") || !strings.Contains(err.Error(), "forward mode") {
		t.Errorf("error %v, want one that names Scan and forward mode", err)
	}
}

// TestWhileThatDoesNotMatter: a loop over integers, or one whose result has no cotangent, is no obstacle.
func TestWhileThatDoesNotMatter(t *testing.T) {
	f := mustTrace(t, []tensor.Param{{Name: "x", DType: tensor.F64}}, func(x values) values {
		n := tensor.While(x[0], func(c tensor.Value) tensor.Value { return c.Lt(9) }, func(c tensor.Value) tensor.Value { return c.Mul(2) })
		return values{x[0].Mul(n.StopGradient()), n}
	})
	g, err := ValueAndGrad(f, 0)
	out := mustRun(t, must(t, g, err), []*tensor.Array{tensor.ArrayOf(tensor.F64, nil, []float64{3})})
	if out[2][0] != 12 {
		t.Errorf("gradient %v, want 12", out[2][0])
	}
}

func TestMisuseIsAnError(t *testing.T) {
	f := mustTrace(t, []tensor.Param{{Name: "x", DType: tensor.F64}, {Name: "k", DType: tensor.I32}, {Name: "v", DType: tensor.F64, Shape: []int{2}}}, func(x values) values {
		return values{x[0].Add(x[1].Float()), x[2]}
	})
	g := mustTrace(t, f.In, func(x values) values { return values{x[2]} })
	for name, c := range map[string]struct {
		f    *tensor.Func
		wrt  int
		want string
	}{"int": {f, 1, "i32"}, "range": {f, 7, "parameter 7"}, "vector": {g, 0, "scalar"}} {
		for mode, make := range map[string]func(*tensor.Func, ...int) (*tensor.Func, error){"reverse": ValueAndGrad, "forward": ForwardGradient} {
			if _, err := make(c.f, c.wrt); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: error %v, want %q", name, mode, err, c.want)
			}
		}
		if _, err := Hessian(c.f, c.wrt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, Hessian: error %v, want %q", name, err, c.want)
		}
	}
	if _, err := VJP(f, 7); err == nil {
		t.Error("VJP with respect to a parameter that is not there gave no error")
	}
	if _, err := JVP(f, 7); err == nil {
		t.Error("JVP with respect to a parameter that is not there gave no error")
	}
}
