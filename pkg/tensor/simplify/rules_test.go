package simplify

import (
	"math"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// body is a program on the parameters x, y: f64[n], s: f64[], b: bool[n], i, j: i32[n].
type body func(p params) tensor.Value

type params struct{ x, y, s, b, i, j tensor.Value }

const n = 6

func traced(t testing.TB, fn body) *tensor.Func {
	t.Helper()
	in := []tensor.Param{
		{Name: "x", DType: tensor.F64, Shape: []int{n}}, {Name: "y", DType: tensor.F64, Shape: []int{n}}, {Name: "s", DType: tensor.F64},
		{Name: "b", DType: tensor.Bool, Shape: []int{n}},
		{Name: "i", DType: tensor.I32, Shape: []int{n}}, {Name: "j", DType: tensor.I32, Shape: []int{n}},
	}
	f, err := tensor.Trace("f", tensor.F64, in, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{fn(params{v[0], v[1], v[2], v[3], v[4], v[5]})}
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRules gives programs in pairs: the first must simplify to what the second is, written directly.
func TestRules(t *testing.T) {
	type v = tensor.Value
	zeros := func(p params) v { return tensor.ZerosLike(p.x) }
	piece := func(x v, lo, hi int) v { return x.Pad(0, []int{lo}, []int{hi}) }
	cases := map[string][2]body{
		"x+0":       {func(p params) v { return p.x.Add(zeros(p)) }, func(p params) v { return p.x }},
		"0+x":       {func(p params) v { return zeros(p).Add(p.x) }, func(p params) v { return p.x }},
		"x-0":       {func(p params) v { return p.x.Sub(0) }, func(p params) v { return p.x }},
		"x*1/1":     {func(p params) v { return p.x.Mul(1).Div(1) }, func(p params) v { return p.x }},
		"x*-1":      {func(p params) v { return p.x.Mul(-1) }, func(p params) v { return p.x.Neg() }},
		"--x":       {func(p params) v { return p.x.Neg().Neg() }, func(p params) v { return p.x }},
		"x+(-y)":    {func(p params) v { return p.x.Add(p.y.Neg()) }, func(p params) v { return p.x.Sub(p.y) }},
		"x-(-y)":    {func(p params) v { return p.x.Sub(p.y.Neg()) }, func(p params) v { return p.x.Add(p.y) }},
		"-x*-y":     {func(p params) v { return p.x.Neg().Mul(p.y.Neg()) }, func(p params) v { return p.x.Mul(p.y) }},
		"-(x*3)":    {func(p params) v { return p.x.Mul(3).Neg() }, func(p params) v { return p.x.Mul(-3) }},
		"x/4":       {func(p params) v { return p.x.Div(4) }, func(p params) v { return p.x.Mul(0.25) }},
		"x/3 stays": {func(p params) v { return p.x.Div(3) }, func(p params) v { return p.x.Div(3) }},
		"x/2^-1074": {func(p params) v { return p.x.Div(0x1p-1074) }, func(p params) v { return p.x.Div(0x1p-1074) }},
		"x/2^-140 in f32": {
			func(p params) v { return p.x.Convert(tensor.F32).Div(0x1p-140) },
			func(p params) v { return p.x.Convert(tensor.F32).Div(0x1p-140) }},
		"0*x stays":      {func(p params) v { return p.x.Mul(0) }, func(p params) v { return p.x.Mul(0) }},
		"0*finite":       {func(p params) v { return p.i.Float().Mul(0) }, func(p params) v { return zeros(p) }},
		"log exp":        {func(p params) v { return p.x.Exp().Log() }, func(p params) v { return p.x }},
		"exp log stays":  {func(p params) v { return p.x.Log().Exp() }, func(p params) v { return p.x.Log().Exp() }},
		"x^2":            {func(p params) v { return p.x.Pow(2) }, func(p params) v { return p.x.Mul(p.x) }},
		"min const":      {func(p params) v { return p.x.Min(3).Min(5) }, func(p params) v { return p.x.Min(3) }},
		"fold":           {func(p params) v { return p.x.Mul(tensor.In(p.x, 2.0).Add(3)) }, func(p params) v { return p.x.Mul(5) }},
		"sink":           {func(p params) v { return p.s.BroadcastTo(n).Exp().Add(1) }, func(p params) v { return p.s.Exp().Add(1).BroadcastTo(n) }},
		"not lt stays":   {func(p params) v { return p.x.Lt(p.y).Not() }, func(p params) v { return p.x.Lt(p.y).Not() }},
		"not eq":         {func(p params) v { return p.x.Eq(p.y).Not() }, func(p params) v { return p.x.Ne(p.y) }},
		"not int lt":     {func(p params) v { return p.i.Lt(p.j).Not() }, func(p params) v { return p.i.Ge(p.j) }},
		"int sum":        {func(p params) v { return p.i.Add(2).Add(3) }, func(p params) v { return p.i.Add(5) }},
		"float sum":      {func(p params) v { return p.x.Add(2).Add(3) }, func(p params) v { return p.x.Add(2).Add(3) }},
		"x<x":            {func(p params) v { return p.x.Lt(p.x) }, func(p params) v { return tensor.In(p.x, false).BroadcastTo(n) }},
		"NaN test stays": {func(p params) v { return p.x.Ne(p.x) }, func(p params) v { return p.x.Ne(p.x) }},
		"select same":    {func(p params) v { return tensor.Select(p.b, p.x, p.x) }, func(p params) v { return p.x }},
		"select not":     {func(p params) v { return tensor.Select(p.b.Not(), p.x, p.y) }, func(p params) v { return tensor.Select(p.b, p.y, p.x) }},
		"select known":   {func(p params) v { return tensor.Select(p.i.Eq(p.i), p.x, p.y) }, func(p params) v { return p.x }},
		"select logic":   {func(p params) v { return tensor.Select(p.b, p.x.Lt(p.y), false) }, func(p params) v { return p.b.And(p.x.Lt(p.y)) }},
		"nested select": {
			func(p params) v { return tensor.Select(p.b, tensor.Select(p.b, p.x, p.s), p.y) },
			func(p params) v { return tensor.Select(p.b, p.x, p.y) }},
		"convert back":    {func(p params) v { return p.i.Convert(tensor.F64).Convert(tensor.I32) }, func(p params) v { return p.i }},
		"convert through": {func(p params) v { return p.i.Convert(tensor.I64).Float() }, func(p params) v { return p.i.Float() }},
		"saturate stays": {
			func(p params) v { return p.i.Float().Convert(tensor.U32) },
			func(p params) v { return p.i.Float().Convert(tensor.U32) }},
		"bitcast of NaN stays": {
			func(p params) v { return p.i.Bitcast(tensor.F32).Bitcast(tensor.I32) },
			func(p params) v { return p.i.Bitcast(tensor.F32).Bitcast(tensor.I32) }},
		"reshapes":            {func(p params) v { return p.x.Reshape(2, 3).Reshape(3, 2) }, func(p params) v { return p.x.Reshape(3, 2) }},
		"transposes":          {func(p params) v { return p.x.Reshape(2, 3).Transpose().Transpose() }, func(p params) v { return p.x.Reshape(2, 3) }},
		"transpose of row":    {func(p params) v { return p.x.Reshape(1, n).Transpose() }, func(p params) v { return p.x.Reshape(n, 1) }},
		"keepdims":            {func(p params) v { return p.x.ExpandDims(1).BroadcastTo(n, 4) }, func(p params) v { return p.x.BroadcastInDim([]int{n, 4}, []int{0}) }},
		"broadcasts":          {func(p params) v { return p.x.BroadcastTo(2, n).BroadcastTo(3, 2, n) }, func(p params) v { return p.x.BroadcastTo(3, 2, n) }},
		"transpose broadcast": {func(p params) v { return p.x.BroadcastTo(2, n).Transpose() }, func(p params) v { return p.x.BroadcastInDim([]int{n, 2}, []int{0}) }},
		"slice broadcast":     {func(p params) v { return p.x.BroadcastTo(9, n).Slice(0, 2, 4) }, func(p params) v { return p.x.BroadcastTo(2, n) }},
		"slice slice":         {func(p params) v { return p.x.Slice(0, 1, 6).Slice(0, 2, 4) }, func(p params) v { return p.x.Slice(0, 3, 5) }},
		"slice concat":        {func(p params) v { return tensor.Concat(0, p.x, p.y).Slice(0, n, 2*n) }, func(p params) v { return p.y }},
		"slice two parts": {
			func(p params) v { return tensor.Concat(0, p.x, p.y).Slice(0, 4, 8) },
			func(p params) v { return tensor.Concat(0, p.x.Slice(0, 4, 6), p.y.Slice(0, 0, 2)) }},
		"element of stack": {func(p params) v { return tensor.Stack(0, p.s, p.s.Exp()).At(1) }, func(p params) v { return p.s.Exp() }},
		"slice in pad":     {func(p params) v { return piece(p.x, 2, 3).Slice(0, 2, 8) }, func(p params) v { return p.x }},
		"slice beside pad": {func(p params) v { return piece(p.x, n, 3).Slice(0, 0, n) }, zeros},
		"concat slices":    {func(p params) v { return tensor.Concat(0, p.x.Slice(0, 0, 2), p.x.Slice(0, 2, 6)) }, func(p params) v { return p.x }},
		"reverse twice":    {func(p params) v { return p.x.Reverse(0).Reverse(0) }, func(p params) v { return p.x }},
		"static start":     {func(p params) v { return p.x.DynamicSlice([]any{9}, 2) }, func(p params) v { return p.x.Slice(0, 4, 6) }},
		"static index":     {func(p params) v { return p.x.At(tensor.Lift(2)) }, func(p params) v { return p.x.At(2) }},
		"static indices":   {func(p params) v { return p.x.Take([]int{1, 3, 5}, 0) }, func(p params) v { return p.x.SliceStep([]int{1}, []int{6}, []int{2}) }},
		"sum of copies":    {func(p params) v { return p.s.BroadcastTo(n).Sum() }, func(p params) v { return p.s.Mul(n) }},
		"sum of rows":      {func(p params) v { return p.x.BroadcastTo(4, n).Sum() }, func(p params) v { return p.x.Sum().Mul(4) }},
		"max of copies":    {func(p params) v { return p.x.BroadcastTo(4, n).MaxOver(0) }, func(p params) v { return p.x }},
		"sum of reshape":   {func(p params) v { return p.x.Reshape(2, 3).Sum() }, func(p params) v { return p.x.Sum() }},
		"pads tile": {
			func(p params) v { return piece(p.x, 0, n).Add(piece(p.y, n, 0)) },
			func(p params) v { return tensor.Concat(0, p.x, p.y) }},
		"three pads": {
			func(p params) v {
				return piece(p.x, n, n).Add(piece(p.y, 2*n, 0)).Add(piece(p.x, 0, 2*n).Neg())
			},
			func(p params) v { return tensor.Concat(0, p.x.Neg(), p.x, p.y) }},
		"pads at one place": {
			func(p params) v { return piece(p.x, 1, 0).Add(piece(p.y, 1, 0)) },
			func(p params) v {
				zero := tensor.In(p.x, 0.0)
				return p.x.Add(p.y).Pad(zero, []int{1}, []int{0})
			}},
		"overlapping pads stay": {
			func(p params) v { return piece(p.x, 1, 0).Add(piece(p.y, 0, 1)) },
			func(p params) v { return piece(p.x, 1, 0).Add(piece(p.y, 0, 1)) }},
		"pads into a sum": {
			func(p params) v {
				return piece(p.s.Reshape(1), 0, 5).Add(p.x).Add(piece(p.y.Slice(0, 0, 5), 1, 0))
			},
			func(p params) v { return p.x.Add(tensor.Concat(0, p.s.Reshape(1), p.y.Slice(0, 0, 5))) }},
		"call": {
			func(p params) v {
				return tensor.CustomVJP("f", []v{p.x}, func(a []v) []v { return []v{a[0].Exp()} }, func(a, o, c []v) []v { return c })[0]
			},
			func(p params) v { return p.x.Exp() }},
		"stop gradient": {func(p params) v { return p.x.StopGradient().Exp() }, func(p params) v { return p.x.Exp() }},
	}
	for name, c := range cases {
		got, want := Run(traced(t, c[0])), Run(traced(t, c[1]))
		if g, w := got.String(), want.String(); g != w {
			t.Errorf("%s gives\n%s, want\n%s", name, g, w)
		}
		if direct := traced(t, c[1]); operations(direct) != operations(want) {
			t.Errorf("%s: what is wanted does not stay as it is: %s, but %s", name, operations(direct), want)
		}
	}
}

// operations lists what a program computes with, in order.
func operations(f *tensor.Func) string {
	var out []string
	for _, v := range f.Body.Nodes {
		if v.Op != tensor.OpConst && v.Op != tensor.OpBroadcast {
			out = append(out, v.Op.String())
		}
	}
	return strings.Join(out, " ")
}

// TestBitsThatMayNotChange runs rewrites whose conditions are easy to get wrong on the values that tell.
func TestBitsThatMayNotChange(t *testing.T) {
	edges := []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1), 0, 5e-324, math.MaxFloat64}
	cases := map[string]body{
		"0*x":     func(p params) tensor.Value { return p.x.Mul(0) },
		"not <":   func(p params) tensor.Value { return p.x.Lt(p.y).Not() },
		"x==x":    func(p params) tensor.Value { return p.x.Eq(p.x) },
		"x-x":     func(p params) tensor.Value { return p.x.Sub(p.x) },
		"0-x":     func(p params) tensor.Value { return tensor.In(p.x, 0.0).Sub(p.x) },
		"x/2^k":   func(p params) tensor.Value { return p.x.Div(0x1p1023) },
		"exp log": func(p params) tensor.Value { return p.x.Log().Exp() },
		"max 0":   func(p params) tensor.Value { return p.x.Max(0).Max(math.Copysign(0, -1)) },
	}
	for name, fn := range cases {
		f := traced(t, fn)
		args := []*tensor.Array{
			tensor.ArrayOf(tensor.F64, []int{n}, edges), tensor.ArrayOf(tensor.F64, []int{n}, make([]float64, n)), tensor.NewArray(tensor.F64, nil),
			tensor.NewArray(tensor.Bool, []int{n}), tensor.NewArray(tensor.I32, []int{n}), tensor.NewArray(tensor.I32, []int{n}),
		}
		got, want := evaluate(t, Run(f), args), evaluate(t, f, args)
		for i, w := range want[0].Bits {
			if got[0].Bits[i] != w {
				t.Errorf("%s of %g: bits %x, want %x", name, edges[i], got[0].Bits[i], w)
			}
		}
	}
}
