package vmap_test

import (
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
	"github.com/drey-sampler/drey/pkg/tensor/vmap"
)

func TestWrongUse(t *testing.T) {
	f := trace(t, []tensor.Param{f64("x"), f64("y", 2)}, func(v values) values { return values{v[0].Add(v[1])} })
	none := trace(t, nil, func(values) values { return nil })
	large := trace(t, []tensor.Param{f64("x", 1<<20), i32("i")}, func(v values) values { return values{v[0].At(v[1])} })
	for _, c := range []struct {
		f       *tensor.Func
		width   int
		batched []bool
		want    string
	}{
		{f, 0, []bool{true, true}, "at least 1"},
		{f, -3, []bool{true, true}, "at least 1"},
		{f, 4, []bool{true}, "has 2 parameters, and 1"},
		{f, 4, nil, "has 2 parameters, and 0"},
		{none, 4, nil, "no parameters"},
		{large, 1 << 12, []bool{true, true}, "more elements than i32"},
	} {
		g, err := vmap.Of(c.f, c.width, c.batched)
		if err == nil || g != nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "vmap: ") {
			t.Errorf("%d lanes, %v: error %v, want one with %q", c.width, c.batched, err, c.want)
		}
	}
}

// TestBoundary: lanes are the last axis of batched parameters and of all results; names stay.
func TestBoundary(t *testing.T) {
	f := trace(t, []tensor.Param{f64("x", 2), f64("y")}, func(v values) values { return values{v[0], v[1], v[1].Add(1), tensor.Lift(7)} })
	f.Out[0].Name = "out"
	g := batch(t, f, 3, true, false)
	for i, want := range []string{"f64[2,3]", "f64[]"} {
		if got := tensor.FormatShape(g.In[i].DType, g.In[i].Shape); got != want || g.In[i].Name != f.In[i].Name {
			t.Errorf("parameter %d is %q %s, want %q %s", i, g.In[i].Name, got, f.In[i].Name, want)
		}
	}
	for i, want := range []string{"f64[2,3]", "f64[3]", "f64[3]", "i32[3]"} {
		if got := tensor.FormatShape(g.Out[i].DType, g.Out[i].Shape); got != want || g.Out[i].Name != f.Out[i].Name {
			t.Errorf("result %d is %q %s, want %q %s", i, g.Out[i].Name, got, f.Out[i].Name, want)
		}
	}
	if n := count(g, func(n *tensor.Node) bool { return n.Op == tensor.OpAdd && len(n.Shape) > 0 }); n > 0 {
		t.Error("what is the same in all lanes is computed for each")
	}
}

// TestFewTransposes: one of the position for the product with the data, none on the way back, which is a sum over rows.
func TestFewTransposes(t *testing.T) {
	const rows, dim, width = 6, 3, 4
	in := []tensor.Param{f64("beta", dim), f64("x", rows, dim), f64("y", rows)}
	f := trace(t, in, func(v values) values {
		eta := v[1].MatMul(v[0])
		return values{v[2].Mul(eta).Sub(eta.Softplus()).Sum().Sub(v[0].Square().Sum())}
	})
	g, err := grad.ValueAndGrad(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	wave := func(i, b int) float64 { return float64((i*7+b*5)%9)/4 - 1 }
	x := tensor.ArrayOf(tensor.F64, []int{rows, dim}, array(f64("", rows*dim), 1, wave).Float64s())
	y := tensor.ArrayOf(tensor.F64, []int{rows}, array(f64("", rows), 1, wave).Float64s())
	h := agree(t, g, width, []bool{true, false, false}, array(in[0], width, wave), x, y)
	if n := countOp(h, tensor.OpTranspose) - countOp(g, tensor.OpTranspose); n > 1 {
		t.Errorf("%d transposes more than without lanes:\n%s", n, h)
	}
}

// TestLanesOfLanes: the batched form has a batched form.
func TestLanesOfLanes(t *testing.T) {
	in := []tensor.Param{f64("x", 7, 2), i32("i"), f64("row", 2)}
	f := trace(t, in, func(v values) values {
		x := tensor.WhileN(values{v[0], v[1]},
			func(c values) tensor.Value { return c[1].Lt(5) },
			func(c values) values { return values{c[0].SetRow(c[1], c[0].Row(c[1].Add(2)).Add(v[2])), c[1].Add(2)} })
		return values{x[0].Scatter(0, []int{3, 3, 9}, tensor.Full(1, 3, 1).Mul(v[2]))}
	})
	g := agree(t, f, 3, []bool{true, true, false}, array(in[0], 3, func(i, b int) float64 { return float64(i + 10*b) }),
		array(in[1], 3, func(_, b int) float64 { return float64(b) }), tensor.ArrayOf(tensor.F64, []int{2}, []float64{0.5, 0.25}))
	at := func(i, b int) float64 { return float64(i*b%17) - 3 }
	agree(t, g, 2, []bool{true, true, true}, array(g.In[0], 2, at), array(g.In[1], 2, func(i, b int) float64 { return float64(i - b) }), array(g.In[2], 2, at))
}

// TestDerivativesOfCalls: the derivative of the batched form is the batched form of the derivative; a shared argument gets
// the sum over lanes. The call's own derivatives are not those of its body.
func TestDerivativesOfCalls(t *testing.T) {
	in := []tensor.Param{f64("x", 2), f64("shared"), i32("n")}
	body := func(a values) values { // x·2ⁿ by a loop, and a result that the shared argument alone makes
		y := tensor.WhileN(values{a[0], a[2]},
			func(c values) tensor.Value { return c[1].Ne(0) },
			func(c values) values { return values{c[0].Mul(2), c[1].Sub(1)} })[0]
		return values{y.Mul(a[1]).Sum(), a[1].Square()}
	}
	build := func(call func(a values) values) *tensor.Func {
		return trace(t, in, func(v values) values {
			out := tensor.CondN(v[2].Ge(0), func() values { return call(v) }, func() values { return values{v[0].Sum(), v[1]} })
			return values{out[0].Mul(3).Add(out[1])}
		})
	}
	reverse := build(func(a values) values {
		return tensor.CustomVJP("f", a, body, func(a, out, ct values) values { return values{a[0].Mul(ct[0]), ct[1].Add(out[0].Mul(ct[0]))} })
	})
	forward := build(func(a values) values {
		return tensor.CustomJVP("f", a, body, func(a, out, d values) values { return values{d[0].Mul(a[0]).Sum().Add(out[0].Mul(d[1])), d[1]} })
	})
	const width = 4
	args := []*tensor.Array{array(in[0], width, func(i, b int) float64 { return float64(1 + i + 3*b) }), tensor.ArrayOf(tensor.F64, nil, []float64{5}),
		array(in[2], width, func(_, b int) float64 { return float64(b - 1) })} // lane 0 would turn for ever
	batched := []bool{true, false, true}
	for name, f := range map[string]*tensor.Func{"vjp": reverse, "jvp": forward} {
		agree(t, f, width, batched, args...)
		g, err := grad.ValueAndGrad(f, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		single := agree(t, g, width, batched, args...)
		want := run(t, single, args...)
		lanes := batch(t, f, width, batched...)
		total := trace(t, lanes.In, func(v values) values { return values{lanes.Apply(v[0], v[1], v[2])[0].Sum()} })
		h, err := grad.ValueAndGrad(total, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := run(t, h, args...)
		sum := 0.0
		for _, x := range want[2].Float64s() {
			sum += x
		}
		for i, x := range want[1].Float64s() {
			if y := got[1].Float64s()[i]; y != x {
				t.Errorf("%s: derivative %d is %v, want %v", name, i, y, x)
			}
		}
		if y := got[2].Float64s()[0]; y != sum {
			t.Errorf("%s: derivative with respect to what lanes share is %v, want %v", name, y, sum)
		}
	}
}
