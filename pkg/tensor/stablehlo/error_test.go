package stablehlo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// inMain is a module whose main has the given body; %x is tensor<3xf64>, %i tensor<i32>.
func inMain(body string) string {
	return "module @m {\n  func.func public @main(%x: tensor<3xf64>, %i: tensor<i32>) -> tensor<3xf64> {\n" + body + "\n    return %x : tensor<3xf64>\n  }\n}\n"
}

// mistakes are texts that can not be read, and what the error must name: the line among it.
var mistakes = []struct {
	name, text string
	want       []string
}{
	{"empty", "", []string{"line 1"}},
	{"custom call", inMain(`%0 = stablehlo.custom_call @lapack_dpotrf_ffi(%x) {api_version = 4 : i32} : (tensor<3xf64>) -> tensor<3xf64>`), []string{"line 3", "lapack_dpotrf_ffi", `platforms=["tpu"]`}},
	{"generic custom call", inMain(`%0 = "stablehlo.custom_call"(%x) {call_target_name = "foo"} : (tensor<3xf64>) -> tensor<3xf64>`), []string{"line 3", "foo"}},
	{"unknown operation", inMain(`%0 = stablehlo.frobnicate %x : tensor<3xf64>`), []string{"line 3", "stablehlo.frobnicate"}},
	{"random numbers", inMain(`%0:2 = stablehlo.rng_bit_generator %x, algorithm = DEFAULT : (tensor<3xf64>) -> (tensor<3xf64>, tensor<3xf64>)`), []string{"line 3", "rng_bit_generator"}},
	{"complex", inMain(`%0 = stablehlo.complex %x, %x : tensor<3xcomplex<f64>>`), []string{"line 3", "complex<f64>"}},
	{"bfloat16", inMain(`%0 = stablehlo.convert %x : (tensor<3xf64>) -> tensor<3xbf16>`), []string{"line 3", "bf16"}},
	{"dynamic shape", inMain(`%0 = stablehlo.abs %x : tensor<?xf64>`), []string{"line 3", "dynamic", "fixed shapes"}},
	{"resource", inMain(`%0 = stablehlo.constant dense_resource<a> : tensor<3xf64>`), []string{"line 3", "dense_resource"}},
	{"token", inMain(`%0 = stablehlo.create_token : !stablehlo.token`), []string{"line 3"}},
	{"undefined value", inMain(`%0 = stablehlo.abs %y : tensor<3xf64>`), []string{"line 3", "%y"}},
	{"operands", inMain(`%0 = stablehlo.add %x : tensor<3xf64>`), []string{"line 3", "1 operands"}},
	{"shapes", inMain(`%0 = stablehlo.add %x, %i : tensor<3xf64>`), []string{"line 3", "add"}},
	{"declared type", inMain(`%0 = stablehlo.abs %x : tensor<4xf64>`), []string{"line 3", "tensor<4xf64>"}},
	{"no function", inMain(`%0 = call @f(%x) : (tensor<3xf64>) -> tensor<3xf64>`), []string{"line 3", "@f"}},
	{"recursion", "func.func @main(%x: tensor<f64>) -> tensor<f64> {\n%0 = call @main(%x) : (tensor<f64>) -> tensor<f64>\nreturn %0 : tensor<f64>\n}", []string{"line 2", "recursion"}},
	{"constant", inMain(`%0 = stablehlo.constant dense<[1.0, 2.0]> : tensor<3xf64>`), []string{"line 3", "tensor<3xf64>"}},
	{"ragged constant", inMain(`%0 = stablehlo.constant dense<[[1.0], [2.0, 3.0]]> : tensor<2x2xf64>`), []string{"line 3", "ragged"}},
	{"element", inMain(`%0 = stablehlo.constant dense<1.5> : tensor<i32>`), []string{"line 3", "1.5"}},
	{"axes", inMain(`%0 = stablehlo.transpose %x, dims = [0, 0] : (tensor<3xf64>) -> tensor<3xf64>`), []string{"line 3", "axis 0 twice"}},
	{"comparator", inMain(`%0 = "stablehlo.sort"(%x) <{dimension = 0 : i64}> ({
		^bb0(%a: tensor<f64>, %b: tensor<f64>):
		%c = stablehlo.constant dense<17.0> : tensor<f64>
		%d = stablehlo.compare LT, %a, %c : (tensor<f64>, tensor<f64>) -> tensor<i1>
		stablehlo.return %d : tensor<i1>
		}) : (tensor<3xf64>) -> tensor<3xf64>`), []string{"line 3", "comparator"}},
	{"window", inMain(`%c = stablehlo.constant dense<0.0> : tensor<f64>
		%0 = "stablehlo.reduce_window"(%x, %c) <{window_dimensions = array<i64: 2>}> ({
		^bb0(%a: tensor<f64>, %b: tensor<f64>):
		%d = stablehlo.add %a, %b : tensor<f64>
		stablehlo.return %d : tensor<f64>
		}) : (tensor<3xf64>, tensor<f64>) -> tensor<2xf64>`), []string{"line 4", "window"}},
	{"two functions", "module {\nfunc.func @a() -> () { return }\nfunc.func @b() -> () { return }\n}", []string{"@main"}},
	{"size", inMain(`%0 = stablehlo.iota dim = 0 : tensor<9999999999x9999999999xf64>`), []string{"line 3", "2^40"}},
	{"nesting", inMain(strings.Repeat(`"a.b"() ({`, 100)), []string{"line 3", "nested"}},
	{"nested attribute", inMain(`%0 = "a.b"() {x = ` + strings.Repeat("[", 1000)), []string{"line 3", "nested"}},
	{"newer program", "module attributes {drey.version = 2 : i32} { func.func @main(%x: tensor<f64>) -> tensor<f64> { return %x : tensor<f64> } }", []string{"version 2", "newer"}},
	{"newer composite", inMain(`%0 = stablehlo.composite "drey.sort" %x {composite_attributes = {axis = 0 : i64}, decomposition = @s, version = 9 : i32} : (tensor<3xf64>) -> tensor<3xf64>`), []string{"line 3", "drey.sort", "version 9"}},
	{"derivative of itself", "func.func @main(%x: tensor<f64>) -> tensor<f64> {\n%0 = stablehlo.composite \"drey.call\" %x {composite_attributes = {name = \"f\", vjp = @main}, decomposition = @f, version = 1 : i32} : (tensor<f64>) -> tensor<f64>\nreturn %0 : tensor<f64>\n}\nfunc.func @f(%x: tensor<f64>) -> tensor<f64> { return %x : tensor<f64> }", []string{"line 2", "derivative"}},
}

func TestErrors(t *testing.T) {
	for _, c := range mistakes {
		t.Run(c.name, func(t *testing.T) {
			f, err := stablehlo.Parse(c.text)
			if err == nil {
				t.Fatalf("no error but\n%s", f)
			}
			if !strings.HasPrefix(err.Error(), "stablehlo: ") {
				t.Errorf("error %q does not begin with the package's name", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not have %q", err, w)
				}
			}
		})
	}
}

// TestCallsAreCounted: functions that double the operations forty times over are refused, not read.
func TestCallsAreCounted(t *testing.T) {
	text := "func.func @main(%x: tensor<f64>) -> tensor<f64> {\n%0 = call @f0(%x) : (tensor<f64>) -> tensor<f64>\nreturn %0 : tensor<f64>\n}\n"
	for i := range 40 {
		text += fmt.Sprintf("func.func @f%d(%%x: tensor<f64>) -> tensor<f64> {\n%%0 = call @f%d(%%x) : (tensor<f64>) -> tensor<f64>\n", i, i+1) +
			fmt.Sprintf("%%1 = call @f%d(%%0) : (tensor<f64>) -> tensor<f64>\nreturn %%1 : tensor<f64>\n}\n", i+1)
	}
	text += "func.func @f40(%x: tensor<f64>) -> tensor<f64> {\nreturn %x : tensor<f64>\n}"
	if _, err := stablehlo.Parse(text); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error %v", err)
	}
}

// TestNames: names of the program, its parameters and results keep every byte, and constants every bit.
func TestNames(t *testing.T) {
	in := []tensor.Param{{Name: "α\"\\\n%s\x00", DType: tensor.F64, Shape: []int{2}}, {Name: "", DType: tensor.Bool}}
	f, err := tensor.Trace("a \"model\"", tensor.F32, in, func(v []tensor.Value) []tensor.Value {
		odd := &tensor.Array{DType: tensor.F64, Shape: []int{6}, Bits: []uint64{0x7ff0000000000000, 0xfff0000000000000, 1 << 63, 1, 0x7fefffffffffffff, 0x3ff0000000000001}}
		single := &tensor.Array{DType: tensor.F32, Shape: []int{2}, Bits: []uint64{0x7f800000, 0x00000001}}
		large := tensor.NewArray(tensor.I32, []int{50, 50})
		bools := tensor.NewArray(tensor.Bool, []int{3, 9})
		for i := range bools.Bits {
			bools.Bits[i] = uint64(i * i % 5 % 2)
		}
		empty := tensor.NewArray(tensor.U64, []int{0, 3})
		var out []tensor.Value
		for _, a := range []*tensor.Array{odd, single, large, bools, empty} {
			out = append(out, tensor.In(v[0], a))
		}
		return append(out, v...)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Out {
		f.Out[i].Name = "result " + string(rune('é'+i))
	}
	roundTrip(t, f)
}

// TestPrintError: the one thing that has no form in StableHLO.
func TestPrintError(t *testing.T) {
	f, err := tensor.Trace("twice", tensor.F64, []tensor.Param{{Name: "x", DType: tensor.F64, Shape: []int{2, 3}}}, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[0].Reverse(1, 1)}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stablehlo.Print(f); err == nil || !strings.Contains(err.Error(), "twice") || !strings.Contains(err.Error(), "reverse") {
		t.Errorf("error %v", err)
	}
}

// TestNoParameters: a program of constants alone.
func TestNoParameters(t *testing.T) {
	f, err := tensor.Trace("constants", tensor.F32, nil, func([]tensor.Value) []tensor.Value {
		x := tensor.Lift([]float64{1, 2, 3})
		return []tensor.Value{x.Exp().Sum(), tensor.Iota(tensor.I32, 0, 4), x, tensor.Lift(true)}
	})
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, f)
}

// TestGenericModule: MLIR's generic form, of module and functions too.
func TestGenericModule(t *testing.T) {
	f, err := stablehlo.Parse(`"builtin.module"() ({
  "func.func"() <{arg_attrs = [{drey.name = "rate"}], function_type = (tensor<2xf32>) -> tensor<2xf32>, res_attrs = [{jax.result_info = "out"}], sym_name = "main"}> ({
  ^bb0(%arg0: tensor<2xf32>):
    %0 = "stablehlo.constant"() <{value = dense<2.0> : tensor<2xf32>}> : () -> tensor<2xf32>
    %1 = "stablehlo.multiply"(%arg0, %0) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %2 = "stablehlo.compare"(%1, %0) <{compare_type = #stablehlo<comparison_type FLOAT>, comparison_direction = #stablehlo<comparison_direction GE>}> : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
    %3 = "stablehlo.select"(%2, %1, %0) : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    "func.return"(%3) : (tensor<2xf32>) -> ()
  }) : () -> ()
}) : () -> ()`)
	if err != nil {
		t.Fatal(err)
	}
	want, err := tensor.Trace("", tensor.F32, []tensor.Param{{Name: "rate", DType: tensor.F32, Shape: []int{2}}}, func(v []tensor.Value) []tensor.Value {
		two := tensor.In(v[0], &tensor.Array{DType: tensor.F32, Shape: []int{2}, Bits: []uint64{0x40000000, 0x40000000}})
		y := v[0].Mul(two)
		return []tensor.Value{tensor.Select(y.Ge(two), y, two)}
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.String() != want.String() || f.Out[0].Name != "out" {
		t.Errorf("result %q of\n%s\nwant\n%s", f.Out[0].Name, f, want)
	}
}
