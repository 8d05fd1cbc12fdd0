package wasm_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestPipelinesOfSquareMatrices: where a matrix has as many columns as rows, a product along the rows is not to be taken for
// one over them. Only a product's result by rows may go on in the same pipeline, and only a vector over the rows may come
// from it.
func TestPipelinesOfSquareMatrices(t *testing.T) {
	defer wasm.LowerLimits()()
	r := rand.New(rand.NewPCG(5, 6))
	forms := map[string]func(p, x tensor.Value) []tensor.Value{
		"quadratic form and its gradient": func(p, x tensor.Value) []tensor.Value {
			y := p.MatMul(x)
			return []tensor.Value{y.Mul(x).Sum(), x.MatMul(p).Add(y)}
		},
		"product over rows, then elements": func(p, x tensor.Value) []tensor.Value {
			return []tensor.Value{x.Exp().MatMul(p).Mul(2.0)}
		},
		"elements, then product along rows": func(p, x tensor.Value) []tensor.Value {
			return []tensor.Value{p.MatMul(x.Exp()).Add(x)}
		},
		"two products along rows": func(p, x tensor.Value) []tensor.Value {
			return []tensor.Value{p.MatMul(p.MatMul(x))}
		},
		"two products over rows": func(p, x tensor.Value) []tensor.Value {
			return []tensor.Value{x.MatMul(p).MatMul(p)}
		},
	}
	for _, n := range []int{8, 11, 16, 66} {
		for name, fn := range forms {
			args := []*tensor.Array{random(r, n, n), random(r, n)}
			in := []tensor.Param{{DType: tensor.F64, Shape: args[0].Shape}, {DType: tensor.F64, Shape: args[1].Shape}}
			f, err := tensor.Trace("square", tensor.F64, in, func(v []tensor.Value) []tensor.Value { return fn(v[0], v[1]) })
			if err != nil {
				t.Fatal(err)
			}
			sameBits(t, fmt.Sprintf("%s, %d", name, n), f, args)
		}
	}
}
