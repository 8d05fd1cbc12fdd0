package tensor

import (
	"slices"
	"strings"
)

// DotGeneral contracts and batches axes of a and b: the result has the batch axes, then the free axes of a, then those of b.
func DotGeneral(a, b any, batchA, contractA, batchB, contractB []int) Value {
	x, y := Lift(a), Lift(b)
	norm := func(axes []int, v Value) []int {
		out := make([]int, len(axes))
		for i, ax := range axes {
			out[i] = normAxis(OpDot, ax, v.Rank())
		}
		return out
	}
	d := &DotDims{BatchA: norm(batchA, x), ContractA: norm(contractA, x), BatchB: norm(batchB, y), ContractB: norm(contractB, y), Order: SumIndex}
	if len(d.ContractA) == 1 && len(d.ContractB) == 1 && d.ContractA[0] == x.Rank()-1 && d.ContractB[0] == y.Rank()-1 {
		d.Order = SumLanes
	}
	return emit(OpDot, Attr{Dot: d}, x, y)
}

// Dot returns the inner product of two vectors.
func (x Value) Dot(y any) Value { return DotGeneral(x, y, nil, []int{-1}, nil, []int{-1}) }

// MatMul returns the matrix product by NumPy's rules: vectors are rows on the left and columns on the right; leading
// axes are batch axes and broadcast.
func (x Value) MatMul(other any) Value {
	y := Lift(other)
	rx, ry := x.Rank(), y.Rank()
	if rx == 0 || ry == 0 {
		fail(OpDot, "matrix product of %s and %s", x, y)
	}
	cy := max(ry-2, 0)
	if rx <= 2 && ry <= 2 {
		return DotGeneral(x, y, nil, []int{rx - 1}, nil, []int{cy})
	}
	if ry <= 2 { // leading axes of x are free axes
		return DotGeneral(x, y, nil, []int{rx - 1}, nil, []int{cy})
	}
	ba := x.Shape()[:max(rx-2, 0)]
	bb := y.Shape()[:ry-2]
	lead, ok := BroadcastShapes(ba, bb)
	if !ok {
		fail(OpDot, "batch axes of %s and %s do not broadcast", x, y)
	}
	x = x.BroadcastTo(slices.Concat(lead, x.Shape()[max(rx-2, 0):])...)
	y = y.BroadcastTo(slices.Concat(lead, y.Shape()[ry-2:])...)
	batch := make([]int, len(lead))
	for i := range batch {
		batch[i] = i
	}
	return DotGeneral(x, y, batch, []int{x.Rank() - 1}, batch, []int{y.Rank() - 2})
}

// Outer returns the outer product of two vectors.
func (x Value) Outer(y any) Value { return x.ExpandDims(1).Mul(Lift(y).ExpandDims(0)) }

// Einsum contracts one or two operands by Einstein's convention, e.g. Einsum("bij,bj->bi", a, x). A letter may stand
// once per operand; letters that are missing in the result are summed.
func Einsum(spec string, operands ...any) Value {
	in, out, ok := strings.Cut(strings.ReplaceAll(spec, " ", ""), "->")
	terms := strings.Split(in, ",")
	if !ok || len(terms) != len(operands) || len(operands) < 1 || len(operands) > 2 {
		fail(OpDot, "einsum %q with %d operands: want one or two terms and a result after ->", spec, len(operands))
	}
	vals := make([]Value, len(operands))
	for i, o := range operands {
		vals[i] = Lift(o)
		if len(terms[i]) != vals[i].Rank() || hasRepeat(terms[i]) {
			fail(OpDot, "einsum %q: term %q does not fit %s", spec, terms[i], vals[i])
		}
	}
	if hasRepeat(out) || strings.Trim(out, strings.Join(terms, "")) != "" {
		fail(OpDot, "einsum %q: a letter of the result repeats or is in no term", spec)
	}
	x, tx := vals[0], terms[0]
	if len(vals) == 1 {
		x, tx = sumLetters(x, tx, out)
		return permuteLetters(x, tx, out)
	}
	y, ty := vals[1], terms[1]
	x, tx = sumLetters(x, tx, out+ty)
	y, ty = sumLetters(y, ty, out+tx)
	return contract(x, y, tx, ty, out)
}

func contract(x, y Value, tx, ty, out string) Value {
	var ba, bb, ca, cb []int
	batch, freeX, freeY := "", "", ""
	for i, c := range tx {
		j := strings.IndexRune(ty, c)
		switch {
		case j < 0:
			freeX += string(c)
		case strings.ContainsRune(out, c):
			ba, bb = append(ba, i), append(bb, j)
			batch += string(c)
		default:
			ca, cb = append(ca, i), append(cb, j)
		}
	}
	for _, c := range ty {
		if !strings.ContainsRune(tx, c) {
			freeY += string(c)
		}
	}
	return permuteLetters(DotGeneral(x, y, ba, ca, bb, cb), batch+freeX+freeY, out)
}

func hasRepeat(s string) bool {
	for i := range s {
		if strings.IndexByte(s, s[i]) < i {
			return true
		}
	}
	return false
}

func sumLetters(x Value, term, keep string) (Value, string) {
	var axes []int
	rest := ""
	for i, c := range term {
		if strings.ContainsRune(keep, c) {
			rest += string(c)
		} else {
			axes = append(axes, i)
		}
	}
	if len(axes) > 0 {
		x = x.Sum(axes...)
	}
	return x, rest
}

func permuteLetters(x Value, have, want string) Value {
	axes := make([]int, len(want))
	for i, c := range want {
		axes[i] = strings.IndexRune(have, c)
	}
	if len(axes) == 0 {
		return x
	}
	return x.Transpose(axes...)
}

// Cholesky returns the lower factor L with L·Lᵀ = x over the last two axes. It reads the lower triangle of x; where x
// is not positive definite the factor has NaN.
func (x Value) Cholesky() Value {
	x.node("cholesky")
	return emit(OpCholesky, Attr{Lower: true}, x)
}

// CholeskyVJP returns the cotangent of the lower triangle of A where x = L is its Cholesky factor and ct that of L: an
// element below the diagonal stands for both places of the symmetric A. It reads the lower triangles of x and ct; the
// upper triangle of the result is zero. The algorithm is the unblocked one of Murray (2016), arXiv 1602.07527.
func (x Value) CholeskyVJP(ct any) Value {
	x.node("cholesky_vjp")
	return emit(OpCholeskyVJP, Attr{}, x, Lift(ct))
}

// TriangularSolve returns X with A·X = b (or Aᵀ·X = b where transpose is set), A = x triangular over the last two axes:
// lower if lower is set, else upper. The other triangle is not read. b has the batch axes of x and rank at least two, or
// is one vector per matrix.
func (x Value) TriangularSolve(b any, lower, transpose bool) Value {
	y := Lift(b)
	vector := y.Rank() == x.Rank()-1
	if vector {
		y = y.ExpandDims(-1)
	}
	out := emit(OpTriangularSolve, Attr{Lower: lower, Transpose: transpose}, x, y)
	if vector {
		return out.Squeeze(-1)
	}
	return out
}

// Diagonal returns the diagonal of the last two axes.
func (x Value) Diagonal() Value {
	r := x.Rank()
	if r < 2 {
		Fail("diagonal", "of %s: want a matrix", x)
	}
	n, m := x.Shape()[r-2], x.Shape()[r-1]
	k := min(n, m)
	flat := x.Reshape(append(slices.Clone(x.Shape()[:r-2]), n*m)...)
	start, limit, step := make([]int, r-1), slices.Clone(flat.Shape()), make([]int, r-1)
	for i := range step {
		step[i] = 1
	}
	step[r-2] = m + 1
	limit[r-2] = min((k-1)*(m+1)+1, n*m)
	if k == 0 {
		limit[r-2] = 0
	}
	return flat.SliceStep(start, limit, step)
}

// Tril returns x with the elements above the given diagonal of the last two axes set to zero (0 keeps the main diagonal).
func (x Value) Tril(diagonal int) Value {
	r := x.Rank()
	if r < 2 {
		Fail("tril", "of %s: want a matrix", x)
	}
	n, m := x.Shape()[r-2], x.Shape()[r-1]
	keep := Iota(I32, 1, n, m).Le(Iota(I32, 0, n, m).Add(diagonal))
	return Select(keep, x, ZerosLike(x))
}

// Diag returns matrices with the last axis of x on the diagonal, zero elsewhere: rows of one element and n zeros, one
// after the other, are the matrix and a row of zeros. The way back reads n elements, not n².
func (x Value) Diag() Value {
	n, lead := x.Dim(-1), x.Shape()[:x.Rank()-1]
	shape := func(last ...int) []int { return append(slices.Clone(lead), last...) }
	high := make([]int, len(lead)+2)
	high[len(lead)+1] = n
	rows := x.ExpandDims(-1).Pad(zeroLike(x), make([]int, len(high)), high)
	return rows.Reshape(shape(n*(n+1))...).Slice(-1, 0, n*n).Reshape(shape(n, n)...)
}
