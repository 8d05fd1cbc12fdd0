package mixed_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
	"github.com/drey-sampler/drey/pkg/tensor/mixed"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

const rows, groups = mixed.LongAxis + 476, 7

// regression is the log density of y ~ Normal(a[group] + x·b, exp(s)) at a position of a, b and s, with a guarded term or
// without; data are f32 on entry.
func regression(t *testing.T, guarded bool) *tensor.Func {
	t.Helper()
	f, err := tensor.Trace("regression", tensor.F64, []tensor.Param{
		{Name: "position", DType: tensor.F64, Shape: []int{groups + 3}},
		{Name: "y", DType: tensor.F32, Shape: []int{rows}},
		{Name: "x", DType: tensor.F32, Shape: []int{rows, 2}},
		{Name: "group", DType: tensor.I32, Shape: []int{rows}},
	}, func(v []tensor.Value) []tensor.Value {
		q, y, x := v[0], v[1].Convert(tensor.F64), v[2].Convert(tensor.F64)
		a, b, s := q.Slice(0, 0, groups), q.Slice(0, groups, groups+2), q.At(groups+2)
		z := y.Sub(a.Take(v[3], 0)).Sub(x.MatMul(b)).Sub(q.At(1)).Mul(s.Neg().Exp())
		out := z.Square().Sum().Mul(-0.5).Sub(s.Mul(float64(rows))).Sub(q.Square().Sum())
		if guarded { // NaN where the guard is lost
			out = out.Add(z.Square().Max(0x1p-1022).Log().Cos().Mul(1e-3).Sum())
		}
		return []tensor.Value{out}
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func regressionData() []*tensor.Array {
	r := rand.New(rand.NewPCG(5, 0))
	draw := func(d tensor.DType, shape ...int) *tensor.Array {
		x := make([]float64, tensor.NumElements(shape))
		for i := range x {
			if x[i] = r.NormFloat64(); d == tensor.I32 {
				x[i] = float64(r.IntN(groups))
			}
		}
		return tensor.ArrayOf(d, shape, x)
	}
	in := []*tensor.Array{draw(tensor.F64, groups+3), draw(tensor.F32, rows), draw(tensor.F32, rows, 2), draw(tensor.I32, rows)}
	// A residual of zero, which the guard is for: y = a[0] + x·b with numbers that f32 has.
	for i := range groups + 3 {
		in[0].Bits[i] = tensor.EncodeFloat(tensor.F64, math.Round(8*tensor.DecodeFloat(tensor.F64, in[0].Bits[i]))/8)
	}
	in[1].Bits[0], in[2].Bits[0], in[2].Bits[1], in[3].Bits[0] = tensor.EncodeFloat(tensor.F32, tensor.DecodeFloat(tensor.F64, in[0].Bits[0])), 0, 0, 0
	return in
}

func run(t *testing.T, f *tensor.Func, in []*tensor.Array) []*tensor.Array {
	t.Helper()
	out, err := eval.Run(f, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestValueAndGrad: value and gradient are those of f64 to what f32 leaves of them, in f64's dtypes.
func TestValueAndGrad(t *testing.T) {
	f, in := regression(t, true), regressionData()
	wide, err := grad.ValueAndGrad(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := mixed.ValueAndGrad(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, got := run(t, wide, in), run(t, simplify.Run(narrow), in)
	if narrow.Out[0].DType != tensor.F64 || narrow.Out[1].DType != tensor.F64 || narrow.Out[1].Name != wide.Out[1].Name {
		t.Errorf("results %+v", narrow.Out)
	}
	// Errors of 2^-24 a term that are independent of each other grow with the root of their number.
	tolerance := 4 * 0x1p-24 * math.Sqrt(rows)
	w, g := want[0].Float64s()[0], got[0].Float64s()[0]
	if d := math.Abs(g/w - 1); !(d < tolerance/math.Sqrt(rows)) || d == 0 {
		t.Errorf("value %v, want %v: a relative difference of %.2g", g, w, d)
	}
	size := math.Abs(w)
	for i, w := range want[1].Float64s() {
		if g := got[1].Float64s()[i]; !(math.Abs(g-w) < tolerance*size) {
			t.Errorf("gradient[%d] = %v, want %v", i, g, w)
		}
	}
}

// TestLongArraysAreF32: no instruction but conversions makes a long f64 array, and the sums over rows are f64.
func TestLongArraysAreF32(t *testing.T) {
	g, err := mixed.ValueAndGrad(regression(t, false), 0)
	if err != nil {
		t.Fatal(err)
	}
	sums, narrow, wide := 0, 0, 0
	for _, n := range simplify.Run(g).Body.Nodes {
		long := mixed.Long(n.Shape)
		switch {
		case n.Op == tensor.OpReduceSum && mixed.Long(n.In[0].Shape()):
			if sums++; n.DType != tensor.F64 {
				t.Errorf("a sum over rows in %s", n.DType)
			}
		case long && n.DType == tensor.F32 && n.Op != tensor.OpParam:
			narrow++
		case long && n.DType == tensor.F64 && n.Op != tensor.OpConvert && n.Op != tensor.OpBroadcast:
			wide++
		}
	}
	if wide > 0 {
		t.Errorf("%d instructions make long f64 arrays", wide)
	}
	if sums < 3 || narrow < 5 {
		t.Errorf("%d sums over rows and %d long arrays of f32: the program has lost what is tested here", sums, narrow)
	}
}

// TestShortStaysF64: a program without a long axis is grad's, to the letter.
func TestShortStaysF64(t *testing.T) {
	f, err := tensor.Trace("short", tensor.F64, []tensor.Param{{Name: "q", DType: tensor.F64, Shape: []int{mixed.LongAxis}}}, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[0].Square().Exp().Sum().Neg()}
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := grad.ValueAndGrad(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := mixed.ValueAndGrad(f, 0); err != nil || got.Digest() != want.Digest() {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// TestEnergyOfManyTerms: adding up in f32 loses what mixed precision keeps.
func TestEnergyOfManyTerms(t *testing.T) {
	const n = 200_000
	trace := func(float tensor.DType) *tensor.Func {
		f, err := tensor.Trace("sum", float, []tensor.Param{{Name: "q", DType: float}, {Name: "y", DType: tensor.F32, Shape: []int{n}}}, func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{v[1].Convert(float).Sub(v[0]).Square().Sum()}
		})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	r := rand.New(rand.NewPCG(6, 0))
	y := make([]float64, n)
	for i := range y {
		y[i] = float64(float32(10 + r.NormFloat64()))
	}
	value := func(f *tensor.Func, q float64) float64 {
		return run(t, f, []*tensor.Array{tensor.ArrayOf(f.Float, nil, []float64{q}), tensor.ArrayOf(tensor.F32, []int{n}, y)})[0].Float64s()[0]
	}
	m, err := mixed.ValueAndGrad(trace(tensor.F64), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := value(trace(tensor.F64), 0.5)
	if d := math.Abs(value(trace(tensor.F32), 0.5) - want); d < 5 {
		t.Errorf("f32 is off by %v: no test of anything", d)
	}
	if d := math.Abs(value(m, 0.5) - want); d > 0.05 {
		t.Errorf("mixed precision is off by %v", d)
	}
}
