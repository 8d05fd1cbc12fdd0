package eval

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func f64(shape []int, v ...float64) *tensor.Array { return tensor.ArrayOf(tensor.F64, shape, v) }
func vec(v ...float64) *tensor.Array              { return f64([]int{len(v)}, v...) }

func ints(d tensor.DType, v ...int64) *tensor.Array {
	a := tensor.NewArray(d, []int{len(v)})
	for i, x := range v {
		a.Bits[i] = wordOf(d).cut(uint64(x))
	}
	return a
}

// apply traces fn on parameters like args and evaluates it.
func apply(t *testing.T, fn func(v []tensor.Value) []tensor.Value, args ...*tensor.Array) []*tensor.Array {
	t.Helper()
	params := make([]tensor.Param, len(args))
	for i, a := range args {
		params[i] = tensor.Param{DType: a.DType, Shape: a.Shape}
	}
	f, err := tensor.Trace("test", tensor.F64, params, fn)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Run(f, args)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func one(t *testing.T, fn func(v []tensor.Value) tensor.Value, args ...*tensor.Array) *tensor.Array {
	t.Helper()
	return apply(t, func(v []tensor.Value) []tensor.Value { return []tensor.Value{fn(v)} }, args...)[0]
}

func want(t *testing.T, what string, got *tensor.Array, shape []int, v ...float64) {
	t.Helper()
	w := tensor.ArrayOf(got.DType, shape, v)
	for i, b := range w.Bits {
		w.Bits[i] = canonicalBits(got.DType)(b)
	}
	if !slices.Equal(got.Shape, shape) || !slices.Equal(got.Bits, w.Bits) {
		t.Errorf("%s: got %v%v, want %v%v", what, got.Shape, got.Float64s(), shape, v)
	}
}

var (
	nan  = math.NaN()
	inf  = math.Inf(1)
	nzer = math.Copysign(0, -1)
)

func TestFloatElementwise(t *testing.T) {
	x := vec(1.5, -2.5, nzer, 0, nan, inf, -inf)
	n := []int{7}
	unary := func(op tensor.Op) *tensor.Array {
		return one(t, func(v []tensor.Value) tensor.Value { return tensor.Emit(op, tensor.Attr{}, v[0]) }, x)
	}
	want(t, "neg", unary(tensor.OpNeg), n, -1.5, 2.5, 0, nzer, nan, -inf, inf)
	want(t, "abs", unary(tensor.OpAbs), n, 1.5, 2.5, 0, 0, nan, inf, inf)
	want(t, "sign", unary(tensor.OpSign), n, 1, -1, nzer, 0, nan, 1, -1)
	want(t, "sqrt", unary(tensor.OpSqrt), n, math.Sqrt(1.5), nan, nzer, 0, nan, inf, nan)
	want(t, "floor", unary(tensor.OpFloor), n, 1, -3, nzer, 0, nan, inf, -inf)
	want(t, "ceil", unary(tensor.OpCeil), n, 2, -2, nzer, 0, nan, inf, -inf)
	want(t, "round", unary(tensor.OpRound), n, 2, -2, nzer, 0, nan, inf, -inf)
	want(t, "trunc", unary(tensor.OpTrunc), n, 1, -2, nzer, 0, nan, inf, -inf)
	want(t, "isfinite", unary(tensor.OpIsFinite), n, 1, 1, 1, 1, 0, 0, 0)

	a, b := vec(nan, 1, nzer, 0, inf, -inf, 5.5, -7), vec(1, nan, 0, nzer, nan, 2, -2, 0)
	n = []int{8}
	binary := func(op tensor.Op) *tensor.Array {
		return one(t, func(v []tensor.Value) tensor.Value { return tensor.Emit(op, tensor.Attr{}, v...) }, a, b)
	}
	want(t, "min", binary(tensor.OpMin), n, nan, nan, nzer, nzer, nan, -inf, -2, -7)
	want(t, "max", binary(tensor.OpMax), n, nan, nan, 0, 0, nan, 2, 5.5, 0)
	want(t, "rem", binary(tensor.OpRem), n, nan, nan, nan, nan, nan, nan, 1.5, nan)
	want(t, "div", binary(tensor.OpDiv), n, nan, nan, nan, nan, nan, -inf, -2.75, -inf)
	want(t, "eq", binary(tensor.OpEq), n, 0, 0, 1, 1, 0, 0, 0, 0)
	want(t, "ne", binary(tensor.OpNe), n, 1, 1, 0, 0, 1, 1, 1, 1)
	want(t, "le", binary(tensor.OpLe), n, 0, 0, 1, 1, 0, 1, 0, 1)
	want(t, "lt", binary(tensor.OpLt), n, 0, 0, 0, 0, 0, 1, 0, 1)
	want(t, "gt", binary(tensor.OpGt), n, 0, 0, 0, 0, 0, 0, 1, 0)
	want(t, "ge", binary(tensor.OpGe), n, 0, 0, 1, 1, 0, 0, 1, 0)
}

func TestIntegers(t *testing.T) {
	const lo = math.MinInt32
	a, b := ints(tensor.I32, 7, -7, lo, lo, 5, -1), ints(tensor.I32, -2, 2, -1, 0, 33, 31)
	n := []int{6}
	binary := func(op tensor.Op) *tensor.Array {
		return one(t, func(v []tensor.Value) tensor.Value { return tensor.Emit(op, tensor.Attr{}, v...) }, a, b)
	}
	want(t, "div", binary(tensor.OpDiv), n, -3, -3, lo, 0, 0, 0)
	want(t, "rem", binary(tensor.OpRem), n, 1, -1, 0, 0, 5, -1)
	want(t, "add", binary(tensor.OpAdd), n, 5, -5, math.MaxInt32, lo, 38, 30)
	want(t, "min", binary(tensor.OpMin), n, -2, -7, lo, lo, 5, -1)
	want(t, "shl", binary(tensor.OpShl), n, -1<<30, -28, 0, lo, 10, lo)
	want(t, "shr", binary(tensor.OpShr), n, 0, -2, -1, lo, 2, -1)
	u := one(t, func(v []tensor.Value) tensor.Value { return v[0].Shr(v[1]) }, ints(tensor.U32, -1, 8), ints(tensor.U32, 31, 33))
	want(t, "unsigned shr", u, []int{2}, 1, 4)
	want(t, "abs", one(t, func(v []tensor.Value) tensor.Value { return v[0].Abs() }, a), n, 7, 7, lo, lo, 5, 1)
	want(t, "popcount", one(t, func(v []tensor.Value) tensor.Value { return v[0].Popcount() }, ints(tensor.U64, -1, 0, 5)), []int{3}, 64, 0, 2)
	want(t, "not", one(t, func(v []tensor.Value) tensor.Value { return v[0].Not() }, a), n, -8, 6, math.MaxInt32, math.MaxInt32, -6, 0)
	big := ints(tensor.U64, -1, 1)
	want(t, "unsigned compare", one(t, func(v []tensor.Value) tensor.Value { return v[0].Gt(v[1]) }, big, ints(tensor.U64, 1, -1)), []int{2}, 1, 0)
}

func TestConvert(t *testing.T) {
	x := vec(1.9, -1.9, nan, inf, -inf, 3e9, 1e20, -1e20, nzer)
	n := []int{9}
	to := func(d tensor.DType, x *tensor.Array) *tensor.Array {
		return one(t, func(v []tensor.Value) tensor.Value { return v[0].Convert(d) }, x)
	}
	want(t, "i32", to(tensor.I32, x), n, 1, -1, 0, math.MaxInt32, math.MinInt32, math.MaxInt32, math.MaxInt32, math.MinInt32, 0)
	want(t, "u32", to(tensor.U32, x), n, 1, 0, 0, math.MaxUint32, 0, 3e9, math.MaxUint32, 0, 0)
	want(t, "bool", to(tensor.Bool, x), n, 1, 1, 1, 1, 1, 1, 1, 1, 0)
	i64 := to(tensor.I64, x)
	if i64.Bits[3] != math.MaxInt64 || i64.Bits[4] != 1<<63 || i64.Bits[6] != math.MaxInt64 || i64.Bits[5] != 3e9 {
		t.Errorf("i64: %x", i64.Bits)
	}
	u64 := to(tensor.U64, vec(1<<63+4096, 1.8e19, -1, 1e30, 1<<63))
	if !slices.Equal(u64.Bits, []uint64{1<<63 + 4096, 18e18, 0, math.MaxUint64, 1 << 63}) {
		t.Errorf("u64: %v", u64.Bits)
	}
	want(t, "wrap", to(tensor.I32, ints(tensor.I64, 1<<32+5, -1)), []int{2}, 5, -1)
	if got := to(tensor.U64, ints(tensor.I32, -1)).Bits[0]; got != math.MaxUint64 {
		t.Errorf("i32 to u64: %x", got)
	}
	// 2^60 + 2^36 + 1 is just above the middle of two float32: through float64 it would round to the even one below.
	if got := to(tensor.F32, ints(tensor.I64, 1<<60+1<<36+1)).Float64s()[0]; got != 1<<60+1<<37 {
		t.Errorf("i64 to f32 rounded twice: %g", got)
	}
	if got := to(tensor.F32, ints(tensor.U64, -1)).Float64s()[0]; got != 1<<64 {
		t.Errorf("u64 to f32: %g", got)
	}
}

func TestNaNIsCanonical(t *testing.T) {
	odd := &tensor.Array{DType: tensor.F64, Shape: []int{1}, Bits: []uint64{0xfff8dead00000001}}
	fns := map[string]func(v tensor.Value) tensor.Value{
		"copy":    func(v tensor.Value) tensor.Value { return v },
		"neg":     func(v tensor.Value) tensor.Value { return v.Neg() },
		"add":     func(v tensor.Value) tensor.Value { return v.Add(v) },
		"min":     func(v tensor.Value) tensor.Value { return v.Min(1) },
		"reverse": func(v tensor.Value) tensor.Value { return v.Reverse(0) },
		"const":   func(v tensor.Value) tensor.Value { return tensor.In(v, odd) },
	}
	for name, fn := range fns {
		got := one(t, func(v []tensor.Value) tensor.Value { return fn(v[0]) }, odd)
		if got.Bits[0] != nan64 {
			t.Errorf("%s: %x", name, got.Bits[0])
		}
	}
	bits := one(t, func(v []tensor.Value) tensor.Value { return v[0].Bitcast(tensor.U64) }, odd)
	if bits.Bits[0] != nan64 {
		t.Errorf("bitcast to u64: %x", bits.Bits[0])
	}
	back := one(t, func(v []tensor.Value) tensor.Value { return v[0].Bitcast(tensor.F32) }, ints(tensor.I32, -1))
	if back.Bits[0] != nan32 {
		t.Errorf("bitcast of -1 to f32: %x", back.Bits[0])
	}
}

func TestRunNamesTheParameter(t *testing.T) {
	f, err := tensor.Trace("model", tensor.F64, []tensor.Param{{Name: "sigma", DType: tensor.F64, Shape: []int{2}}},
		func(v []tensor.Value) []tensor.Value { return v })
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string][]*tensor.Array{
		"0 arguments, want 1":                    {},
		`"sigma": f64[3], want f64[2]`:           {vec(1, 2, 3)},
		`"sigma": i32[2], want f64[2]`:           {ints(tensor.I32, 1, 2)},
		`"sigma": nil, want f64[2]`:              {nil},
		`"sigma": 1 elements in an array f64[2]`: {{DType: tensor.F64, Shape: []int{2}, Bits: []uint64{0}}},
	}
	for msg, args := range bad {
		if _, err := Run(f, args); err == nil || !strings.Contains(err.Error(), msg) {
			t.Errorf("error %v, want %q", err, msg)
		}
	}
}

func TestResultsAreCopies(t *testing.T) {
	x := vec(1, 2)
	out := one(t, func(v []tensor.Value) tensor.Value { return v[0].Reshape(2, 1) }, x)
	out.Bits[0] = 7
	if x.Bits[0] == 7 {
		t.Error("a result shares the elements of an argument")
	}
}

func TestFold(t *testing.T) {
	out, err := Fold(tensor.OpAdd, tensor.Attr{}, []*tensor.Array{vec(1, 2), vec(3, 4)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "add", out, []int{2}, 4, 6)
	if _, err := Fold(tensor.OpAdd, tensor.Attr{}, []*tensor.Array{vec(1, 2), vec(3)}); err == nil {
		t.Error("no error for different shapes")
	}
	if _, err := Fold(tensor.OpWhile, tensor.Attr{}, nil); err == nil {
		t.Error("no error for a loop")
	}
}
