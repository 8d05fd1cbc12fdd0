package tensor

import "slices"

// infer returns the dtype and shape of an instruction's result, or panics with *Error. It also fills in attributes that
// follow from the operands.
func infer(op Op, attr *Attr, in []Value) spec {
	switch {
	case op.IsUnary():
		return inferUnary(op, attr, in[0])
	case op.IsBinary():
		return inferBinary(op, in[0], in[1])
	case op.IsReduction():
		return inferReduction(op, attr, in[0])
	}
	switch op {
	case OpSelect:
		if in[0].n.DType != Bool {
			fail(op, "the condition is %s, want bool", in[0])
		}
		requireSame(op, in[1], in[2])
		if !sameShape(in[0].n.Shape, in[1].n.Shape) {
			fail(op, "shapes %s and %s differ", in[0], in[1])
		}
		return spec{common(in[1], in[2]), in[1].n.Shape}
	case OpConst:
		return spec{attr.Array.DType, attr.Array.Shape}
	case OpIota:
		return spec{attr.DType, attr.Shape}
	case OpCumsum, OpSort:
		attr.Axis = normAxis(op, attr.Axis, in[0].Rank())
		requireNumber(op, in[0])
		return spec{in[0].n.DType, in[0].n.Shape}
	case OpArgsort:
		attr.Axis = normAxis(op, attr.Axis, in[0].Rank())
		requireNumber(op, in[0])
		return spec{I32, in[0].n.Shape}
	case OpTake:
		return inferTake(attr, in[0], in[1])
	case OpScatterAdd, OpScatter:
		return inferScatter(op, attr, in[0], in[1], in[2])
	case OpDot:
		return inferDot(attr.Dot, in[0], in[1])
	case OpCholesky:
		requireSquare(op, in[0])
		return spec{in[0].n.DType, in[0].n.Shape}
	case OpCholeskyVJP:
		requireSquare(op, in[0])
		requireSame(op, in[0], in[1])
		return spec{in[0].n.DType, in[0].n.Shape}
	case OpTriangularSolve:
		return inferTriangularSolve(in[0], in[1])
	}
	return inferShapeOp(op, attr, in)
}

func inferUnary(op Op, attr *Attr, x Value) spec {
	d := x.n.DType
	switch op {
	case OpNeg, OpAbs, OpSign:
		requireNumber(op, x)
		if !d.IsSigned() {
			fail(op, "operand %s is unsigned", x)
		}
	case OpNot:
		if d != Bool && !d.IsInt() {
			fail(op, "operand is %s, want bool or an integer", x)
		}
	case OpPopcount:
		if !d.IsInt() {
			fail(op, "operand is %s, want an integer", x)
		}
	case OpStopGradient:
	case OpConvert:
		return spec{attr.DType, x.n.Shape}
	case OpBitcast:
		if d.isWeak() || d.Size() != attr.DType.Size() || d == Bool || attr.DType == Bool {
			fail(op, "from %s to %s: the sizes differ", x, attr.DType)
		}
		return spec{attr.DType, x.n.Shape}
	default:
		if d == weakInt { // a float function of an integer literal
			d = weakFloat
		}
		if !d.IsFloat() {
			fail(op, "operand is %s, want a float; convert it with Float()", x)
		}
		if op == OpIsFinite {
			d = Bool
		}
	}
	return spec{d, x.n.Shape}
}

func inferBinary(op Op, a, b Value) spec {
	requireSame(op, a, b)
	d := common(a, b)
	switch op {
	case OpAnd, OpOr, OpXor:
		if d != Bool && !d.IsInt() {
			fail(op, "operands are %s, want bool or integers", d)
		}
	case OpShl, OpShr:
		if !d.IsInt() {
			fail(op, "operands are %s, want integers", d)
		}
	case OpPow, OpAtan2, OpLogAddExp:
		if d == weakInt {
			d = weakFloat
		}
		if !d.IsFloat() {
			fail(op, "operands are %s, want floats; convert with Float()", d)
		}
	case OpEq, OpNe:
		d = Bool
	case OpLt, OpLe, OpGt, OpGe:
		if d == Bool {
			fail(op, "operands are bool")
		}
		d = Bool
	default:
		requireNumber(op, a)
	}
	return spec{d, a.n.Shape}
}

func inferReduction(op Op, attr *Attr, x Value) spec {
	if attr.Axis < 0 || attr.Axis2 <= attr.Axis || attr.Axis2 > x.Rank() {
		fail(op, "axes [%d,%d) are outside %s", attr.Axis, attr.Axis2, x)
	}
	d := x.n.DType
	switch op {
	case OpReduceAny, OpReduceAll:
		if d != Bool {
			fail(op, "operand is %s, want bool", x)
		}
	case OpArgMin, OpArgMax:
		requireNumber(op, x)
		if attr.Axis2 != attr.Axis+1 {
			fail(op, "wants one axis")
		}
		d = I32
	default:
		requireNumber(op, x)
	}
	if (op >= OpReduceMin && op <= OpReduceMax || op >= OpArgMin) && NumElements(x.n.Shape[attr.Axis:attr.Axis2]) == 0 {
		fail(op, "over no elements of %s", x)
	}
	shape := append(slices.Clone(x.n.Shape[:attr.Axis]), x.n.Shape[attr.Axis2:]...)
	return spec{d, shape}
}

func inferShapeOp(op Op, attr *Attr, in []Value) spec {
	x := in[0]
	shape := x.n.Shape
	switch op {
	case OpReshape:
		if NumElements(attr.Shape) != NumElements(shape) {
			fail(op, "%s does not have the elements of shape %v", x, attr.Shape)
		}
		return spec{x.n.DType, attr.Shape}
	case OpTranspose:
		return spec{x.n.DType, permuted(op, shape, attr.Axes)}
	case OpBroadcast:
		if len(attr.Axes) != len(shape) {
			fail(op, "%d axes given for %s", len(attr.Axes), x)
		}
		for i, a := range attr.Axes {
			if a < 0 || a >= len(attr.Shape) || i > 0 && a <= attr.Axes[i-1] || shape[i] != 1 && shape[i] != attr.Shape[a] {
				fail(op, "%s does not broadcast to shape %v", x, attr.Shape)
			}
		}
		return spec{x.n.DType, attr.Shape}
	case OpReverse:
		for i, a := range attr.Axes {
			attr.Axes[i] = normAxis(op, a, len(shape))
		}
		return spec{x.n.DType, shape}
	case OpSlice:
		return inferSlice(attr, x)
	case OpDynamicSlice, OpDynamicUpdate:
		return inferDynamic(op, attr, in)
	case OpConcat:
		return inferConcat(attr, in)
	case OpPad:
		return inferPad(attr, in)
	}
	fail(op, "is not an operation that can be emitted here")
	return spec{}
}

func permuted(op Op, shape, perm []int) []int {
	if len(perm) != len(shape) {
		fail(op, "a permutation of %d axes for rank %d", len(perm), len(shape))
	}
	seen := make([]bool, len(perm))
	out := make([]int, len(perm))
	for i, a := range perm {
		if a < 0 || a >= len(perm) || seen[a] {
			fail(op, "%v is not a permutation of the axes", perm)
		}
		seen[a] = true
		out[i] = shape[a]
	}
	return out
}

func inferSlice(attr *Attr, x Value) spec {
	shape := x.n.Shape
	if len(attr.Start) != len(shape) || len(attr.Limit) != len(shape) || len(attr.Step) != len(shape) {
		fail(OpSlice, "bounds do not have the rank of %s", x)
	}
	out := make([]int, len(shape))
	for i := range shape {
		lo, hi, st := attr.Start[i], attr.Limit[i], attr.Step[i]
		if lo < 0 || hi < lo || hi > shape[i] || st < 1 {
			fail(OpSlice, "[%d:%d:%d] of axis %d is outside %s", lo, hi, st, i, x)
		}
		out[i] = (hi - lo + st - 1) / st
	}
	return spec{x.n.DType, out}
}

func inferDynamic(op Op, attr *Attr, in []Value) spec {
	x, starts := in[0], in[1:]
	size := attr.Shape
	out := size
	if op == OpDynamicUpdate {
		requireDType(op, in[0], in[1])
		size, starts, out = in[1].n.Shape, in[2:], x.n.Shape
	}
	if len(size) != x.Rank() || len(starts) != x.Rank() {
		fail(op, "of %s with sizes %v and %d starts", x, size, len(starts))
	}
	for i, n := range size {
		if n > x.n.Shape[i] {
			fail(op, "size %d of axis %d exceeds %s", n, i, x)
		}
		if s := starts[i]; s.Rank() != 0 || s.n.DType != I32 && s.n.DType != weakInt {
			fail(op, "start %d is %s, want i32[]", i, s)
		}
	}
	return spec{x.n.DType, out}
}

func inferConcat(attr *Attr, in []Value) spec {
	x := in[0]
	attr.Axis = normAxis(OpConcat, attr.Axis, x.Rank())
	shape := slices.Clone(x.n.Shape)
	d := x.n.DType
	for _, v := range in[1:] {
		requireDType(OpConcat, x, v)
		d = common(x, v)
		ok := v.Rank() == len(shape)
		for i := range shape {
			ok = ok && (i == attr.Axis || v.n.Shape[i] == shape[i])
		}
		if !ok {
			fail(OpConcat, "%s and %s do not join along axis %d", x, v, attr.Axis)
		}
		shape[attr.Axis] += v.n.Shape[attr.Axis]
	}
	return spec{d, shape}
}

func inferPad(attr *Attr, in []Value) spec {
	x := in[0]
	requireDType(OpPad, x, in[1])
	if in[1].Rank() != 0 || len(attr.Start) != x.Rank() || len(attr.Limit) != x.Rank() {
		fail(OpPad, "of %s with value %s and %d widths", x, in[1], len(attr.Start))
	}
	shape := slices.Clone(x.n.Shape)
	for i := range shape {
		if attr.Start[i] < 0 || attr.Limit[i] < 0 {
			fail(OpPad, "negative padding; use Slice")
		}
		shape[i] += attr.Start[i] + attr.Limit[i]
	}
	return spec{common(x, in[1]), shape}
}

func inferTake(attr *Attr, x, idx Value) spec {
	attr.Axis = normAxis(OpTake, attr.Axis, x.Rank())
	if d := idx.n.DType; d != I32 && d != weakInt {
		fail(OpTake, "indices are %s, want i32", idx)
	}
	if x.n.Shape[attr.Axis] == 0 {
		fail(OpTake, "axis %d of %s is empty", attr.Axis, x)
	}
	shape := slices.Concat(x.n.Shape[:attr.Axis], idx.n.Shape, x.n.Shape[attr.Axis+1:])
	return spec{x.n.DType, shape}
}

func inferScatter(op Op, attr *Attr, x, idx, upd Value) spec {
	attr.Axis = normAxis(op, attr.Axis, x.Rank())
	requireDType(op, x, upd)
	if d := idx.n.DType; d != I32 && d != weakInt || idx.Rank() == 0 || op == OpScatterAdd && idx.Rank() > 1 {
		fail(op, "indices are %s, want i32 of rank 1", idx)
	}
	first := x.Rank() - (idx.Rank() - 1) // of the lanes' axes
	if first <= attr.Axis || !sameShape(idx.n.Shape[1:], x.n.Shape[first:]) {
		fail(op, "indices are %s, whose axes after the first are not the last ones of %s after axis %d", idx, x, attr.Axis)
	}
	want := slices.Clone(x.n.Shape)
	want[attr.Axis] = idx.n.Shape[0]
	if !sameShape(want, upd.n.Shape) {
		fail(op, "updates are %s, want shape %v", upd, want)
	}
	return spec{x.n.DType, x.n.Shape}
}

func inferDot(d *DotDims, a, b Value) spec {
	requireDType(OpDot, a, b)
	requireNumber(OpDot, a)
	if len(d.BatchA) != len(d.BatchB) || len(d.ContractA) != len(d.ContractB) {
		fail(OpDot, "axes %v,%v and %v,%v do not pair", d.BatchA, d.ContractA, d.BatchB, d.ContractB)
	}
	var shape []int
	for i, ax := range d.BatchA {
		if a.n.Shape[ax] != b.n.Shape[d.BatchB[i]] {
			fail(OpDot, "batch axes of %s and %s differ", a, b)
		}
		shape = append(shape, a.n.Shape[ax])
	}
	for i, ax := range d.ContractA {
		if a.n.Shape[ax] != b.n.Shape[d.ContractB[i]] {
			fail(OpDot, "contracted axes of %s and %s differ", a, b)
		}
	}
	for i, n := range a.n.Shape {
		if !slices.Contains(d.BatchA, i) && !slices.Contains(d.ContractA, i) {
			shape = append(shape, n)
		}
	}
	for i, n := range b.n.Shape {
		if !slices.Contains(d.BatchB, i) && !slices.Contains(d.ContractB, i) {
			shape = append(shape, n)
		}
	}
	return spec{common(a, b), shape}
}

func requireSquare(op Op, x Value) {
	if r := x.Rank(); r < 2 || x.n.Shape[r-1] != x.n.Shape[r-2] || !x.n.DType.IsFloat() {
		fail(op, "operand is %s, want square float matrices", x)
	}
}

func inferTriangularSolve(a, b Value) spec {
	requireSquare(OpTriangularSolve, a)
	requireDType(OpTriangularSolve, a, b)
	r := a.Rank()
	if b.Rank() != r || !sameShape(a.n.Shape[:r-2], b.n.Shape[:r-2]) || a.n.Shape[r-1] != b.n.Shape[r-2] {
		fail(OpTriangularSolve, "operands %s and %s do not match", a, b)
	}
	return spec{common(a, b), b.n.Shape}
}

// requireDType panics unless the dtypes agree; weak literals agree with what they can become.
func requireDType(op Op, a, b Value) {
	x, y := a.n.DType, b.n.DType
	switch {
	case x == y, x == weakInt && y != Bool, y == weakInt && x != Bool, x == weakFloat && y.IsFloat(), y == weakFloat && x.IsFloat():
		return
	}
	fail(op, "operands have dtypes %s and %s; convert one of them", x, y)
}

func requireSame(op Op, a, b Value) {
	requireDType(op, a, b)
	if !sameShape(a.n.Shape, b.n.Shape) {
		fail(op, "shapes %s and %s differ", a, b)
	}
}

func requireNumber(op Op, x Value) {
	if x.n.DType == Bool {
		fail(op, "operand is %s, want numbers", x)
	}
}

// common returns the dtype two agreeing operands share: the strong one, else float before int.
func common(a, b Value) DType {
	x, y := a.n.DType, b.n.DType
	if x == y || !x.isWeak() {
		return x
	}
	if !y.isWeak() {
		return y
	}
	return weakFloat
}
