package stablehlo

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// readDotGeneral takes the axes of the generic form or of the pretty one. Operands of another dtype than the result's are
// converted to it.
func readDotGeneral(r *reader, o *operation, in []tensor.Value) tensor.Value {
	x, y := in[0].Convert(o.out[0].dtype), in[1].Convert(o.out[0].dtype)
	d := &tensor.DotDims{}
	if n, ok := o.attrs["dot_dimension_numbers"].(dict); ok {
		d.BatchA, d.BatchB = o.axes("lhs_batching_dimensions", n["lhs_batching_dimensions"], x.Rank()), o.axes("rhs_batching_dimensions", n["rhs_batching_dimensions"], y.Rank())
		d.ContractA, d.ContractB = o.axes("lhs_contracting_dimensions", n["lhs_contracting_dimensions"], x.Rank()), o.axes("rhs_contracting_dimensions", n["rhs_contracting_dimensions"], y.Rank())
	} else {
		d.BatchA, d.BatchB = o.axesPair("batching_dims", x.Rank(), y.Rank())
		d.ContractA, d.ContractB = o.axesPair("contracting_dims", x.Rank(), y.Rank())
	}
	for _, v := range []struct {
		batch, contract []int
		rank            int
	}{{d.BatchA, d.ContractA, x.Rank()}, {d.BatchB, d.ContractB, y.Rank()}} {
		o.axes("dimensions", anyInts(append(slices.Clone(v.batch), v.contract...)), v.rank)
	}
	d.Order = dotOrder(d, []tensor.Value{x, y})
	if s, ok := o.attrs["drey.order"].(string); ok {
		d.Order = sumOrderOf(o, s)
	}
	if d.Order == tensor.SumLanes && dotOrder(d, []tensor.Value{x, y}) != tensor.SumLanes {
		o.fail("the order lanes for operands that do not contract their last axes")
	}
	return tensor.Emit(tensor.OpDot, tensor.Attr{Dot: d}, x, y)
}

func anyInts(x []int) []any {
	out := make([]any, len(x))
	for i, n := range x {
		out[i] = number(element(tensor.I64, uint64(n)))
	}
	return out
}

// axesPair reads [0] x [1].
func (o *operation) axesPair(name string, rankA, rankB int) (a, b []int) {
	x, there := o.attrs[name]
	if !there {
		return nil, nil
	}
	pair, ok := x.([]any)
	if !ok || len(pair) != 2 {
		o.fail("the attribute %s is no pair of lists", name)
	}
	return o.axes(name, pair[0], rankA), o.axes(name, pair[1], rankB)
}

func sumOrderOf(o *operation, name string) tensor.SumOrder {
	for _, s := range []tensor.SumOrder{tensor.SumLanes, tensor.SumIndex} {
		if s.String() == name {
			return s
		}
	}
	o.fail("drey.order = %q, want lanes or index", name)
	return tensor.SumLanes
}

// readDot is the product of vectors and matrices.
func readDot(r *reader, o *operation, in []tensor.Value) tensor.Value {
	if in[0].Rank() == 0 || in[1].Rank() == 0 {
		o.fail("of scalars")
	}
	return tensor.DotGeneral(in[0], in[1], nil, []int{-1}, nil, []int{0})
}

func readCholesky(r *reader, o *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	if o.boolean("lower", false) {
		return tensor.Emit(tensor.OpCholesky, tensor.Attr{Lower: true}, x)
	}
	if x.Rank() < 2 {
		o.fail("of %s", x)
	}
	return x.SwapAxes(-1, -2).Cholesky().SwapAxes(-1, -2)
}

// readTriangularSolve turns x a = b into aᵀ xᵀ = bᵀ, and sets the diagonal to one where it counts as such.
func readTriangularSolve(r *reader, o *operation, in []tensor.Value) tensor.Value {
	a, b := in[0], in[1]
	if a.Rank() < 2 || b.Rank() != a.Rank() {
		o.fail("of %s and %s", a, b)
	}
	transpose := o.enum("transpose_a") == "TRANSPOSE" || o.enum("transpose_a") == "ADJOINT"
	if n := a.Dim(-1); o.boolean("unit_diagonal", false) {
		eye := tensor.Iota(tensor.I32, 0, n, n).Eq(tensor.Iota(tensor.I32, 1, n, n))
		a = tensor.Select(eye, 1.0, a)
	}
	left := o.boolean("left_side", false)
	if !left {
		b = b.SwapAxes(-1, -2)
		transpose = !transpose
	}
	x := tensor.Emit(tensor.OpTriangularSolve, tensor.Attr{Lower: o.boolean("lower", false), Transpose: transpose}, a, b)
	if !left {
		x = x.SwapAxes(-1, -2)
	}
	return x
}
