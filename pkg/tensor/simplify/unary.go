package simplify

import "github.com/drey-sampler/drey/pkg/tensor"

func (g *graph) rewriteUnary(op tensor.Op, d tensor.DType, x *node) *node {
	switch op {
	case tensor.OpStopGradient:
		return x
	case tensor.OpNeg:
		return g.rewriteNeg(x)
	case tensor.OpAbs:
		switch x.op {
		case tensor.OpAbs:
			return x
		case tensor.OpNeg:
			return g.unary(op, x.in[0])
		}
	case tensor.OpSign:
		if x.op == op {
			return x
		}
	case tensor.OpFloor, tensor.OpCeil, tensor.OpRound, tensor.OpTrunc:
		switch x.op {
		case tensor.OpFloor, tensor.OpCeil, tensor.OpRound, tensor.OpTrunc:
			return x
		}
	case tensor.OpLog:
		if x.op == tensor.OpExp && g.loose(d) {
			return g.better(x.in[0])
		}
	case tensor.OpLog1p:
		if x.op == tensor.OpExpm1 && g.loose(d) {
			return g.better(x.in[0])
		}
	case tensor.OpNot:
		return g.rewriteNot(x)
	case tensor.OpConvert:
		return g.rewriteConvert(d, x)
	case tensor.OpBitcast:
		return g.rewriteBitcast(d, x)
	}
	return nil
}

// rewriteNeg moves a sign into a constant factor, or away.
func (g *graph) rewriteNeg(x *node) *node {
	switch {
	case x.op == tensor.OpNeg:
		return x.in[0]
	case !x.dtype.IsFloat():
		return nil
	case x.op == tensor.OpMul && isConstant(x.in[1]):
		return g.binary(tensor.OpMul, x.in[0], g.unary(tensor.OpNeg, x.in[1]))
	case x.op == tensor.OpDiv && isConstant(x.in[0]):
		return g.binary(tensor.OpDiv, g.unary(tensor.OpNeg, x.in[0]), x.in[1])
	case x.op == tensor.OpPad && isNumber(x.in[1], 0) && g.loose(x.dtype): // pieces stay pieces, see addPieces
		return g.better(g.pad(g.unary(tensor.OpNeg, x.in[0]), x.in[1], x.attr.Start, x.attr.Limit))
	}
	return nil
}

var opposite = map[tensor.Op]tensor.Op{
	tensor.OpEq: tensor.OpNe, tensor.OpNe: tensor.OpEq,
	tensor.OpLt: tensor.OpGe, tensor.OpGe: tensor.OpLt, tensor.OpGt: tensor.OpLe, tensor.OpLe: tensor.OpGt,
}

func (g *graph) rewriteNot(x *node) *node {
	if x.op == tensor.OpNot {
		return x.in[0]
	}
	// With NaN both a < b and a ≥ b are false.
	if x.op.IsCompare() && (x.op == tensor.OpEq || x.op == tensor.OpNe || !x.in[0].dtype.IsFloat()) {
		return g.binary(opposite[x.op], x.in[0], x.in[1])
	}
	return nil
}

func (g *graph) rewriteConvert(d tensor.DType, x *node) *node {
	if x.dtype == d {
		return x
	}
	if x.op != tensor.OpConvert {
		return nil
	}
	from, mid := x.in[0].dtype, x.dtype
	switch {
	case from == d && (holds(mid, from) || from.IsInt() && mid.IsInt() && mid.Size() >= from.Size()):
		return x.in[0]
	case !holds(mid, from):
		return nil
	case from == tensor.Bool, mid.IsInt(), d.IsFloat(), from.IsFloat(): // but an integer wraps where a float saturates
		return g.convert(x.in[0], d)
	}
	return nil
}

// holds reports whether wide has every value of narrow.
func holds(wide, narrow tensor.DType) bool {
	switch narrow {
	case tensor.Bool:
		return true
	case tensor.I32:
		return wide == tensor.I64 || wide == tensor.F64
	case tensor.U32:
		return wide == tensor.I64 || wide == tensor.U64 || wide == tensor.F64
	case tensor.F32:
		return wide == tensor.F64
	}
	return false
}

// rewriteBitcast skips an intermediate type; a float in between would make NaN canonical and stays.
func (g *graph) rewriteBitcast(d tensor.DType, x *node) *node {
	if x.dtype == d {
		return x
	}
	if x.op == tensor.OpBitcast && (!x.dtype.IsFloat() || x.in[0].dtype.IsFloat()) {
		return g.make(tensor.OpBitcast, &tensor.Attr{DType: d}, d, x.shape, x.in[0])
	}
	return nil
}

// rewriteSelect also turns selections of truth values into logic.
func (g *graph) rewriteSelect(c, x, y *node) *node {
	b, known := splat(c)
	switch {
	case known && b != 0, x == y:
		return x
	case known:
		return y
	case c.op == tensor.OpNot:
		return g.choose(c.in[0], y, x)
	case x.op == tensor.OpSelect && x.in[0] == c:
		return g.choose(c, x.in[1], y)
	case y.op == tensor.OpSelect && y.in[0] == c:
		return g.choose(c, x, y.in[2])
	case x.dtype != tensor.Bool:
		return nil
	}
	bx, knownX := splat(x)
	by, knownY := splat(y)
	switch {
	case knownX && bx == 1:
		return g.binary(tensor.OpOr, c, y)
	case knownY && by == 0:
		return g.binary(tensor.OpAnd, c, x)
	case knownX:
		return g.binary(tensor.OpAnd, g.unary(tensor.OpNot, c), y)
	case knownY:
		return g.binary(tensor.OpOr, g.unary(tensor.OpNot, c), x)
	}
	return nil
}
