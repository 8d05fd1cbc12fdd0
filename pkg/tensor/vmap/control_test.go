package vmap_test

import (
	"fmt"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// halt is a loop that ends only where x is not negative.
func halt(x tensor.Value) tensor.Value {
	return tensor.WhileN(values{x}, func(c values) tensor.Value { return c[0].Ne(0) }, func(c values) values { return values{c[0].Sub(1)} })[0]
}

// TestLoopsInBranchesNotTaken would not end if a loop ran for lanes that take the other branch: whether its condition
// differs between lanes, itself stands in a loop or a branch, or does not, and also inside a call.
func TestLoopsInBranchesNotTaken(t *testing.T) {
	in := []tensor.Param{i32("x"), i32("shared")}
	call := func(x tensor.Value) tensor.Value {
		return tensor.CustomVJP("halt", values{x}, func(a values) values { return values{halt(a[0])} }, func(a, _, _ values) values { return nil })[0]
	}
	inLoop := func(x tensor.Value) tensor.Value {
		return tensor.WhileN(values{tensor.In(x, 0), x},
			func(c values) tensor.Value { return c[0].Lt(2) },
			func(c values) values { return values{c[0].Add(1), c[1].Add(halt(x))} })[1]
	}
	inScan := func(x tensor.Value) tensor.Value {
		_, y := tensor.ScanN(values{x}, nil, 2, false, func(c, _ values) (values, values) { return c, values{halt(c[0])} })
		return y[0].Sum()
	}
	for name, f := range map[string]func(v values) tensor.Value{
		"lanes":       func(v values) tensor.Value { return halt(v[0]) },
		"shared":      func(v values) tensor.Value { return halt(v[1]) },
		"call":        func(v values) tensor.Value { return call(v[0]) },
		"shared call": func(v values) tensor.Value { return call(v[1]) },
		"loop":        func(v values) tensor.Value { return inLoop(v[0]) },
		"shared loop": func(v values) tensor.Value { return inLoop(v[1]) },
		"scan":        func(v values) tensor.Value { return inScan(v[0]) },
		"cond": func(v values) tensor.Value {
			return tensor.CondN(v[1].Gt(-9), func() values { return values{halt(v[0])} }, func() values { return values{halt(v[1])} })[0]
		},
	} {
		f := trace(t, in, func(v values) values {
			return tensor.CondN(v[0].Ge(0).And(v[1].Ge(0)), func() values { return values{f(v)} }, func() values { return values{v[0].Mul(10)} })
		})
		for _, shared := range []float64{3, -2} {
			for taken, of := range map[string]func(i, b int) float64{
				"some": func(_, b int) float64 { return float64(3*b%5 - 2) },
				"none": func(_, b int) float64 { return float64(-1 - b) },
			} {
				t.Run(fmt.Sprintf("%s, %s, %g", name, taken, shared), func(t *testing.T) {
					agree(t, f, 4, []bool{true, false}, array(in[0], 4, of), tensor.ArrayOf(tensor.I32, nil, []float64{shared}))
				})
			}
		}
	}
}

// TestNothingLeaks: what is not finite in a branch or a turn that is not taken stays there.
func TestNothingLeaks(t *testing.T) {
	in := []tensor.Param{f64("x", 2)}
	f := trace(t, in, func(v values) values {
		x := v[0]
		y := tensor.CondN(x.At(0).Gt(0), func() values { return values{x.Log(), x.Sum().Div(0)} }, func() values { return values{x, x.At(1)} })
		z := tensor.WhileN(values{x, x.At(0)},
			func(c values) tensor.Value { return c[1].Gt(0.5) },
			func(c values) values { return values{c[0].Div(c[1].Sub(1)), c[1].Sub(1)} })
		return append(y, z...)
	})
	g := agree(t, f, 5, []bool{true}, array(in[0], 5, func(i, b int) float64 { return float64(b) - 1 + float64(i)/4 }))
	for _, a := range run(t, g, array(in[0], 5, func(i, b int) float64 { return -1 })) {
		for _, x := range a.Float64s() {
			if x != -1 {
				t.Errorf("%v where no lane takes a branch or a turn", x)
			}
		}
	}
}

// TestLanesChooseWhatIsShared: the choice between values that lanes share differs between lanes, and so does what loops make of it.
func TestLanesChooseWhatIsShared(t *testing.T) {
	in := []tensor.Param{f64("x"), f64("shared")}
	f := trace(t, in, func(v values) values {
		y := tensor.CondN(v[0].Gt(1), func() values { return values{v[1]} }, func() values { return values{v[1].Neg()} })[0]
		z := tensor.WhileN(values{v[1], tensor.In(v[0], 0)},
			func(c values) tensor.Value { return c[1].Lt(3) },
			func(c values) values { return values{c[0].Mul(y), c[1].Add(1)} })[0]
		w, _ := tensor.ScanN(values{y}, nil, 2, false, func(c, _ values) (values, values) { return values{c[0].Add(1)}, nil })
		return append(w, z)
	})
	agree(t, f, 4, []bool{true, false}, array(in[0], 4, func(_, b int) float64 { return float64(b) }), tensor.ArrayOf(tensor.F64, nil, []float64{3}))
}

// TestZerosKeepTheirSign in lanes that add nothing.
func TestZerosKeepTheirSign(t *testing.T) {
	in := []tensor.Param{f64("x", 3), i32("at")}
	f := trace(t, in, func(v values) values {
		x := v[0].Neg()
		add := func(idx any) values {
			return tensor.CondN(v[1].Gt(1), func() values { return values{x.ScatterAdd(0, idx, []float64{1, 2})} }, func() values { return values{x} })
		}
		return append(add([]int{1, 1}), add(tensor.Stack(0, v[1], 0))...)
	})
	agree(t, f, 4, []bool{true, true}, array(in[0], 4, func(int, int) float64 { return 0 }), array(in[1], 4, func(_, b int) float64 { return float64(b) }))
}

// TestUniformControlStays: what lanes decide alike stays a branch or a loop without masks.
func TestUniformControlStays(t *testing.T) {
	in := []tensor.Param{f64("x"), i32("n")}
	f := trace(t, in, func(v values) values {
		x := tensor.WhileN(values{v[0], v[1]},
			func(c values) tensor.Value { return c[1].Gt(0) },
			func(c values) values {
				y := tensor.CondN(c[1].Eq(2), func() values { return values{c[0].Exp()} }, func() values { return values{c[0].Add(1)} })
				return values{y[0], c[1].Sub(1)}
			})
		return values{x[0]}
	})
	g := agree(t, f, 3, []bool{true, false}, array(in[0], 3, func(_, b int) float64 { return float64(b) }), tensor.ArrayOf(tensor.I32, nil, []float64{4}))
	if countOp(g, tensor.OpSelect) != 0 || countOp(g, tensor.OpCond) != 1 || countOp(g, tensor.OpWhile) != 1 || countOp(g, tensor.OpReduceAny) != 0 {
		t.Errorf("masks where lanes agree:\n%s", g)
	}
	h := agree(t, f, 3, []bool{true, true}, array(in[0], 3, func(_, b int) float64 { return float64(b) }), array(in[1], 3, func(_, b int) float64 { return float64(3*b - 2) }))
	if countOp(h, tensor.OpCond) != 0 || countOp(h, tensor.OpWhile) != 1 {
		t.Errorf("control flow where lanes differ:\n%s", h)
	}
}
