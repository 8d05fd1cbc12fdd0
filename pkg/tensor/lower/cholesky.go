package lower

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Blocks of a matrix that is factorised or solved with on a CPU: within one a loop goes from row to row, between them there are
// products. A matrix has no more than mostBlocks along a side, so that the program stays short.
const (
	leastBlock = 32
	mostBlocks = 16
)

// blocksOf returns where the blocks along a side of length n begin, with n last.
func blocksOf(n int) []int {
	step := max(leastBlock, (n+mostBlocks-1)/mostBlocks)
	var out []int
	for at := 0; at < n; at += step {
		out = append(out, at)
	}
	return append(out, n)
}

// part returns rows r0 … r1-1 and columns c0 … c1-1 of matrices, which the last two axes are.
func part(x tensor.Value, r0, r1, c0, c1 int) tensor.Value {
	return x.Slice(-2, r0, r1).Slice(-1, c0, c1)
}

// transposed returns matrices with their last two axes swapped.
func transposed(x tensor.Value) tensor.Value { return x.SwapAxes(x.Rank()-2, x.Rank()-1) }

// cholesky returns the lower Cholesky factor of a, of which it reads the lower triangle, by columns of blocks from the left: what stands
// to the right is made smaller by the product of what was found (Golub and Van Loan, Matrix Computations, 4th ed., algorithm 4.2.10).
func cholesky(a tensor.Value) tensor.Value {
	cuts := blocksOf(a.Dim(-1))
	n := a.Dim(-1)
	var columns []tensor.Value
	for k, left := range cuts[:len(cuts)-1] {
		w, size := cuts[k+1]-left, n-left
		column := leftColumn(a, w)
		columns = append(columns, padded(column, left, 0, n, w))
		if w < size {
			below := column.Slice(-2, w, size)
			a = part(a, w, size, w, size).Sub(below.MatMul(transposed(below)))
		}
	}
	return joined(-1, columns...)
}

// leftColumn returns the first w columns of the lower Cholesky factor of a. Row after row of their transpose is that of a, less the rows
// above it times their elements in its own column, divided by the root of what is then its diagonal element.
func leftColumn(a tensor.Value, w int) tensor.Value {
	corner := part(a, 0, w, 0, w)
	base := corner.Tril(0).Add(transposed(corner.Tril(-1)))
	if n := a.Dim(-1); n > w {
		base = joined(-1, base, transposed(part(a, w, n, 0, w)))
	}
	return transposed(rowByRow(base, func(j, rows, row tensor.Value) tensor.Value {
		row = row.Sub(rows.Mul(at(rows, -1, j)).Sum(-2).ExpandDims(-2))
		row = row.Div(at(row, -1, j).Sqrt())
		return tensor.Select(tensor.In(row, tensor.Iota(tensor.I32, row.Rank()-1, row.Shape()...)).Ge(j), row, 0.0)
	}))
}

// joined returns x concatenated along an axis counted from behind.
func joined(axis int, x ...tensor.Value) tensor.Value {
	parts := make([]any, len(x))
	for i, v := range x {
		parts[i] = v
	}
	return tensor.Concat(x[0].Rank()+axis, parts...)
}

// padded returns matrices with x from a row and a column on and zeros elsewhere, of so many rows and columns.
func padded(x tensor.Value, row, column, rows, columns int) tensor.Value {
	k := x.Rank() - 2
	low, high := make([]int, k+2), make([]int, k+2)
	low[k], low[k+1] = row, column
	high[k], high[k+1] = rows-row-x.Dim(-2), columns-column-x.Dim(-1)
	return x.Pad(0.0, low, high)
}

// inverted returns the inverses of small lower triangular matrices, whose upper triangles are zero.
func inverted(l tensor.Value) tensor.Value {
	return rowByRow(identity(l), func(j, rows, row tensor.Value) tensor.Value {
		own := at(l, -2, j)
		return row.Sub(rows.Mul(transposed(own)).Sum(-2).ExpandDims(-2)).Div(at(own, -1, j))
	})
}

// rowByRow returns matrices whose row j, of shape […, 1, columns], is next(j, matrices of the rows before it and zeros, row j of base).
func rowByRow(base tensor.Value, next func(j, rows, row tensor.Value) tensor.Value) tensor.Value {
	init := []tensor.Value{tensor.In(base, 0).Convert(tensor.I32), tensor.ZerosLike(base)}
	out := tensor.WhileN(init, func(c []tensor.Value) tensor.Value { return c[0].Lt(base.Dim(-2)) }, func(c []tensor.Value) []tensor.Value {
		row := next(c[0], c[1], at(base, -2, c[0]))
		return []tensor.Value{c[0].Add(1), c[1].DynamicUpdate(row, starts(base, -2, c[0])...)}
	})
	return out[1]
}

// at returns x at index i of an axis, which has length 1 then.
func at(x tensor.Value, axis int, i tensor.Value) tensor.Value {
	sizes := slices.Clone(x.Shape())
	sizes[x.Rank()+axis] = 1
	return x.DynamicSlice(starts(x, axis, i), sizes...)
}

// starts are those of a slice from index i of an axis on.
func starts(x tensor.Value, axis int, i tensor.Value) []any {
	out := make([]any, x.Rank())
	for k := range out {
		out[k] = 0
	}
	out[x.Rank()+axis] = i
	return out
}

// identity returns unit matrices of the shape of x.
func identity(x tensor.Value) tensor.Value {
	shape := x.Shape()
	row, column := tensor.Iota(tensor.I32, len(shape)-2, shape...), tensor.Iota(tensor.I32, len(shape)-1, shape...)
	return tensor.In(x, row.Eq(column)).Convert(x.DType())
}

// triangle is lower triangular matrices that systems are solved with, with the inverses of the blocks of their diagonal.
type triangle struct {
	l        tensor.Value
	cuts     []int
	inverses []tensor.Value
}

// triangleOf reads the lower triangle of l.
func triangleOf(l tensor.Value) triangle {
	t := triangle{l: l, cuts: blocksOf(l.Dim(-1))}
	w := t.cuts[1]
	k := l.Rank() - 2
	var diagonal []tensor.Value
	for i, from := range t.cuts[:len(t.cuts)-1] {
		block := part(l, from, t.cuts[i+1], from, t.cuts[i+1]).Tril(0)
		if size := t.cuts[i+1] - from; size < w { // the last one, with ones on the rest of the diagonal
			block = padded(block, 0, 0, w, w)
			beyond := tensor.In(block, tensor.Iota(tensor.I32, k, block.Shape()...)).Ge(size)
			block = tensor.Select(beyond, identity(block), block)
		}
		diagonal = append(diagonal, block.ExpandDims(k))
	}
	all := inverted(joined(-3, diagonal...))
	for i, from := range t.cuts[:len(t.cuts)-1] {
		size := t.cuts[i+1] - from
		t.inverses = append(t.inverses, part(all.Slice(k, i, i+1).Squeeze(k), 0, size, 0, size))
	}
	return t
}

// solve returns X with L·X = b, or Lᵀ·X = b where transpose is set: block after block of rows, from the first or from the last.
func (t triangle) solve(b tensor.Value, transpose bool) tensor.Value {
	blocks := len(t.inverses)
	out := make([]tensor.Value, blocks)
	for i := range blocks {
		k, inverse := i, func(k int) tensor.Value { return t.inverses[k] }
		if transpose {
			k, inverse = blocks-1-i, func(k int) tensor.Value { return transposed(t.inverses[k]) }
		}
		rest := b.Slice(-2, t.cuts[k], t.cuts[k+1])
		switch {
		case i == 0:
		case transpose: // column k of blocks of L below the diagonal, and the rows there
			rest = rest.Sub(transposed(part(t.l, t.cuts[k+1], t.cuts[blocks], t.cuts[k], t.cuts[k+1])).MatMul(joined(-2, out[k+1:]...)))
		default:
			rest = rest.Sub(part(t.l, t.cuts[k], t.cuts[k+1], 0, t.cuts[k]).MatMul(joined(-2, out[:k]...)))
		}
		out[k] = inverse(k).MatMul(rest)
	}
	return joined(-2, out...)
}

// triangularSolve returns X with A·X = b or Aᵀ·X = b.
func triangularSolve(a, b tensor.Value, lower, transpose bool) tensor.Value {
	if !lower {
		a, transpose = transposed(a), !transpose
	}
	return triangleOf(a).solve(b, transpose)
}

// CholeskyVJP is the adjoint of a Cholesky factor l, with ct its cotangent, as tensor.Value.CholeskyVJP has it, where solve returns X with
// lᵀ·X = b. With Φ the lower triangle whose diagonal is halved it is S = L⁻ᵀ Φ(Lᵀ C) L⁻¹ and then S + Sᵀ with the diagonal of S (Murray
// 2016, arXiv 1602.07527, equation 9).
func CholeskyVJP(l, ct tensor.Value, solve func(b tensor.Value) tensor.Value) tensor.Value {
	half := func(x tensor.Value) tensor.Value { return x.Tril(0).Add(x.Tril(-1)).Mul(0.5) }
	s := solve(half(transposed(l.Tril(0)).MatMul(ct.Tril(0))))
	s = transposed(solve(transposed(s)))
	return half(s.Add(transposed(s)))
}

// factorised is the form of an instruction of linear algebra on a CPU.
func factorised(n *tensor.Node, in []tensor.Value) tensor.Value {
	switch n.Op {
	case tensor.OpCholesky:
		return cholesky(in[0])
	case tensor.OpCholeskyVJP:
		t := triangleOf(in[0])
		return CholeskyVJP(in[0], in[1], func(b tensor.Value) tensor.Value { return t.solve(b, true) })
	}
	return triangularSolve(in[0], in[1], n.Attr.Lower, n.Attr.Transpose)
}
