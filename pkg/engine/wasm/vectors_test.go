package wasm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestVectorsOfF32: what runs on four F32s at a time has the bits of the reference, for rows of every remainder, in one and two
// dimensions: arithmetic, special functions, bits, masks, gathers, reversed and broadcast operands, sums in lanes and in
// index order, and neighbours of 64 bits.
func TestVectorsOfF32(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	forms := map[string]func(x, y, table, index tensor.Value) []tensor.Value{
		"arithmetic": func(x, y, _, _ tensor.Value) []tensor.Value {
			z := x.Mul(y).Add(2.5).Div(y.Abs().Add(1).Sqrt())
			return []tensor.Value{z.Floor().Add(z.Round()).Sub(z.Ceil()).Add(z.Trunc()), z.Max(x).Min(0.75), z.Max(y).Neg(), z.Clamp(-1.0, 1.0)}
		},
		"functions": func(x, y, _, _ tensor.Value) []tensor.Value {
			return []tensor.Value{x.Exp().Add(y.Abs().Log()), x.Sigmoid().Mul(y.Tanh()), x.Erf().Sub(y.Expm1()), x.Abs().Pow(y), tensor.Emit(tensor.OpAtan2, tensor.Attr{}, x, y), x.Sin()}
		},
		"masks": func(x, y, _, _ tensor.Value) []tensor.Value {
			less, finite := x.Lt(y), x.Div(y).IsFinite()
			both := less.And(finite.Not()).Or(x.Eq(0.0).Xor(y.Ge(0.5)))
			return []tensor.Value{tensor.Select(both, x, y), both, both.Convert(tensor.F32).Add(x), tensor.Select(less, x.Convert(tensor.F64), 1.0), both.Convert(tensor.I32)}
		},
		"bits": func(x, y, _, _ tensor.Value) []tensor.Value {
			b := x.Bitcast(tensor.I32)
			u := y.Bitcast(tensor.U32)
			return []tensor.Value{b.Shl(3).Xor(b.Shr(5)).Add(7), u.Shr(9).Or(uint32(0x3f800000)).Bitcast(tensor.F32).Sub(1), b.Abs().Mul(b).Neg(), b.Lt(0).And(u.Gt(uint32(1 << 30))), u.Not().And(uint32(255))}
		},
		"sums": func(x, y, _, _ tensor.Value) []tensor.Value {
			p := x.Mul(y)
			out := []tensor.Value{p.Sum(), p.Exp().Sum(-1), p.Sum(0), x.MaxOver(0), p.MinOver(-1), p.Convert(tensor.F64).Sum()}
			return append(out, p.Sub(p.Sum()).Square().Sum())
		},
		"neighbours": func(x, y, table, index tensor.Value) []tensor.Value {
			g := table.Take(index, 0)
			return []tensor.Value{g, g.Mul(2), table.Take(x.Abs().Convert(tensor.I32).Min(4), 0).Add(y), y.Reverse(-1).Add(x), x.Sub(x.MaxOver(-1).ExpandDims(-1)).Exp()}
		},
	}
	for _, shape := range [][]int{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {13}, {16}, {31}, {66}, {203}, {1, 5}, {3, 4}, {4, 7}, {5, 18}, {9, 33}} {
		args := []*tensor.Array{single(r, shape...), single(r, shape...), single(r, 5), tensor.NewArray(tensor.I32, shape)}
		for i := range args[3].Bits {
			args[3].Bits[i] = uint64(r.IntN(5))
		}
		var in []tensor.Param
		for _, a := range args {
			in = append(in, tensor.Param{DType: a.DType, Shape: a.Shape})
		}
		for name, fn := range forms {
			f, err := tensor.Trace("vectors", tensor.F32, in, func(v []tensor.Value) []tensor.Value { return fn(v[0], v[1], v[2], v[3]) })
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			sameBits(t, fmt.Sprintf("%s, %v", name, shape), f, args)
		}
	}
}

// single returns random F32s, special ones among them.
func single(r *rand.Rand, shape ...int) *tensor.Array {
	x := make([]float64, tensor.NumElements(shape))
	special := []float64{0, math.Copysign(0, -1), math.Inf(1), math.NaN(), 0x1p-149, 3e38}
	for i := range x {
		if x[i] = 2 * r.NormFloat64(); r.IntN(9) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return tensor.ArrayOf(tensor.F32, shape, x)
}

// TestDotsOfF32: products of F32s, in lanes and in index order, have the bits of the reference for every remainder of rows,
// columns and contracted axis, in loops over vectors and without, batched, transposed, strided, and fused over rows.
func TestDotsOfF32(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	swap := func(x tensor.Value) tensor.Value { return x.SwapAxes(x.Rank()-2, x.Rank()-1) }
	forms := map[string]func(a, b, v, w tensor.Value) []tensor.Value{
		"matrices": func(a, b, _, _ tensor.Value) []tensor.Value {
			return []tensor.Value{a.MatMul(b), swap(b).MatMul(swap(a))}
		},
		"transposed": func(a, b, _, _ tensor.Value) []tensor.Value { return []tensor.Value{a.MatMul(swap(swap(b).Mul(2)))} },
		"lanes": func(a, b, v, _ tensor.Value) []tensor.Value {
			return []tensor.Value{a.MatMul(v), v.MatMul(b), v.MatMul(v), a.MatMul(swap(a))}
		},
		"index": func(a, _, _, w tensor.Value) []tensor.Value {
			return []tensor.Value{w.MatMul(a), swap(a).MatMul(w), swap(a).MatMul(a)}
		},
		"rows": func(a, _, v, w tensor.Value) []tensor.Value { // as the gradient of a regression
			residual := w.Sub(a.MatMul(v).Sigmoid())
			return []tensor.Value{residual.MatMul(a), residual.Square().Sum()}
		},
		"strided": func(a, b, v, _ tensor.Value) []tensor.Value {
			return []tensor.Value{a.Reverse(0).MatMul(b), a.Reverse(1).MatMul(v.Reverse(0)), b.Reverse(1).Sum(0)}
		},
	}
	for _, n := range [][3]int{
		{1, 1, 1}, {2, 3, 1}, {3, 2, 5}, {4, 4, 4}, {5, 7, 6}, {6, 5, 9}, {7, 9, 8}, {9, 6, 3}, {2, 300, 3}, {3, 263, 271}, {70, 12, 5}, {203, 10, 1}, {130, 54, 2},
	} {
		args := []*tensor.Array{single(r, n[0], n[1]), single(r, n[1], n[2]), single(r, n[1]), single(r, n[0])}
		var in []tensor.Param
		for _, a := range args {
			in = append(in, tensor.Param{DType: a.DType, Shape: a.Shape})
		}
		for name, fn := range forms {
			f, err := tensor.Trace("dots", tensor.F32, in, func(v []tensor.Value) []tensor.Value { return fn(v[0], v[1], v[2], v[3]) })
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			sameBits(t, fmt.Sprintf("%s, %v", name, n), f, args)
			for k := range args { // without infinities, which hide the order of sums
				for i := range args[k].Bits {
					args[k].Bits[i] = tensor.EncodeFloat(tensor.F32, r.NormFloat64())
				}
			}
			sameBits(t, fmt.Sprintf("%s of finite numbers, %v", name, n), f, args)
		}
	}
}
