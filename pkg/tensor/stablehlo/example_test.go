package stablehlo_test

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// The program that docs/programs.md shows.
func ExamplePrint() {
	in := []tensor.Param{{Name: "scale", DType: tensor.F64}, {Name: "y", DType: tensor.F64, Shape: []int{8}}}
	f, err := tensor.Trace("density", tensor.F64, in, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[1].Div(v[0]).Sum()}
	})
	if err != nil {
		panic(err)
	}
	text, err := stablehlo.Print(f)
	if err != nil {
		panic(err)
	}
	fmt.Print(text)
	// Output:
	// module @drey attributes {drey.float = "f64", drey.name = "density", drey.version = 1 : i32} {
	//   func.func public @main(%0: tensor<f64> {drey.name = "scale"}, %1: tensor<8xf64> {drey.name = "y"}) -> (tensor<f64>) {
	//     %c0 = stablehlo.constant {drey.aux} dense<0.0e+00> : tensor<f64>
	//     %2 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f64>) -> tensor<8xf64>
	//     %3 = stablehlo.divide %1, %2 : tensor<8xf64>
	//     %4 = "stablehlo.reduce"(%3, %c0) <{dimensions = array<i64: 0>}> ({
	//     ^bb0(%5: tensor<f64>, %6: tensor<f64>):
	//       %7 = stablehlo.add %5, %6 : tensor<f64>
	//       stablehlo.return %7 : tensor<f64>
	//     }) : (tensor<8xf64>, tensor<f64>) -> tensor<f64>
	//     return %4 : tensor<f64>
	//   }
	// }
}

// What JAX prints for jax.jit(lambda x: jax.numpy.sum(x * x)).
func ExampleParse() {
	f, err := stablehlo.Parse(`
module @jit_square {
  func.func public @main(%arg0: tensor<3xf64>) -> (tensor<f64> {jax.result_info = "result"}) {
    %0 = stablehlo.multiply %arg0, %arg0 : tensor<3xf64>
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %1 = stablehlo.reduce(%0 init: %cst) applies stablehlo.add across dimensions = [0] : (tensor<3xf64>, tensor<f64>) -> tensor<f64>
    return %1 : tensor<f64>
  }
}`)
	if err != nil {
		panic(err)
	}
	fmt.Print(f)
	// Output:
	// drey-text-1 func "jit_square" float=f64 (%0: f64[3] "arg0") {
	//   %1 = mul(%0, %0) f64[3]
	//   %2 = const() [0] f64[]
	//   %3 = reduce_sum(%1) axes=0:1 order=lanes f64[]
	//   return(%3)
	// }
}
