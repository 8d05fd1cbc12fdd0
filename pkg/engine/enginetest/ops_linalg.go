package enginetest

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

var linalgMakers = map[tensor.Op]maker{
	tensor.OpDot:             single(dot),
	tensor.OpCholesky:        single(cholesky),
	tensor.OpCholeskyVJP:     single(choleskyVJP),
	tensor.OpTriangularSolve: single(triangularSolve),
}

// dot contracts and batches any axes in any layout; half of the cases are the products of vectors and matrices that
// engines have templates for.
func dot(g *generator) tensor.Value {
	d := g.dtype(numbers...)
	if g.chance(0.5) {
		n, m, k := g.between(1, 9), g.between(1, 9), g.between(1, 17)
		a, b := []int{n, k}, []int{m, k}
		axis := 1
		if g.chance(0.5) {
			b, axis = []int{k, m}, 0
		}
		if g.chance(0.3) {
			a = a[1:]
		}
		if g.chance(0.3) {
			b, axis = []int{k}, 0
		}
		return tensor.DotGeneral(g.operand(d, a), g.operand(d, b), nil, []int{len(a) - 1}, nil, []int{axis})
	}
	batch, contract := g.dims(g.between(0, 2), 3), g.dims(g.between(0, 2), 5)
	a, batchA, contractA := g.dotOperand(d, batch, contract)
	b, batchB, contractB := g.dotOperand(d, batch, contract)
	return tensor.DotGeneral(a, b, batchA, contractA, batchB, contractB)
}

// dotOperand returns an operand with the given batch and contracted lengths among its axes, and where they are.
func (g *generator) dotOperand(d tensor.DType, batch, contract []int) (v tensor.Value, batchAxes, contractAxes []int) {
	lengths := slices.Concat(batch, contract, g.dims(g.between(0, 2), 4))
	at := g.r.Perm(len(lengths)) // lengths[i] is the length of axis at[i]
	shape := make([]int, len(lengths))
	for i, a := range at {
		shape[a] = lengths[i]
	}
	return g.operand(d, shape), at[:len(batch)], at[len(batch) : len(batch)+len(contract)]
}

// squares returns square matrices, n = 1 … 13, alone or in batches.
func (g *generator) squares() tensor.Value {
	n := g.between(1, 13)
	return g.operand(g.dtype(floats...), append(g.dims(pick(g, []int{0, 0, 1, 2}), 3), n, n))
}

// cholesky makes most of its operands positive definite: A·Aᵀ + n·I.
func cholesky(g *generator) tensor.Value {
	a := g.squares()
	if g.chance(0.2) {
		return a.Cholesky()
	}
	return definite(a).Cholesky()
}

// choleskyVJP takes most of its factors from positive definite matrices.
func choleskyVJP(g *generator) tensor.Value {
	l := g.squares()
	ct := g.operand(l.DType(), l.Shape())
	if g.chance(0.8) {
		l = definite(l).Cholesky()
	}
	return l.CholeskyVJP(ct)
}

// definite returns A·Aᵀ + n·I, with ones for the large elements of A.
func definite(a tensor.Value) tensor.Value {
	n := a.Dim(-1)
	a = tensor.Select(a.IsFinite().And(a.Abs().Lt(1e3)), a, 1.0)
	lead := make([]int, a.Rank()-2)
	for i := range lead {
		lead[i] = i
	}
	c := []int{a.Rank() - 1}
	aat := tensor.DotGeneral(a, a, lead, c, lead, c)
	return aat.Add(tensor.Full(float64(n), n).Diag())
}

func triangularSolve(g *generator) tensor.Value {
	a := g.squares()
	s := slices.Clone(a.Shape())
	if s = s[:len(s)-1]; g.chance(0.7) {
		s = append(s, g.between(1, 6))
	}
	return a.TriangularSolve(g.operand(a.DType(), s), g.chance(0.5), g.chance(0.5))
}
