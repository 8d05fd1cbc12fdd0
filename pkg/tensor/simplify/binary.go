package simplify

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// rewriteFloat has the rules of floats; a constant operand of a commutative operation stands on the right.
func (g *graph) rewriteFloat(op tensor.Op, x, y *node) *node {
	if commutes(op) && isConstant(x) && !isConstant(y) {
		return g.binary(op, y, x)
	}
	switch op {
	case tensor.OpAdd:
		return g.rewriteAdd(x, y)
	case tensor.OpSub:
		return g.rewriteSub(x, y)
	case tensor.OpMul:
		return g.rewriteMul(x, y)
	case tensor.OpDiv:
		return g.rewriteDiv(x, y)
	case tensor.OpMin, tensor.OpMax:
		return g.rewriteMinMax(op, x, y)
	case tensor.OpPow:
		return g.rewritePow(x, y)
	}
	return nil
}

func (g *graph) rewritePow(x, y *node) *node {
	switch {
	case !g.loose(x.dtype):
		return nil
	case isNumber(y, 2):
		return g.better(g.binary(tensor.OpMul, x, x))
	case isNumber(y, 1):
		return g.better(x)
	case isNumber(y, 0):
		return g.better(g.number(x.dtype, 1, x.shape))
	case isNumber(y, -1):
		return g.better(g.binary(tensor.OpDiv, g.number(x.dtype, 1, x.shape), x))
	}
	return nil
}

func (g *graph) rewriteAdd(x, y *node) *node {
	switch {
	case isPlusZero(y) && g.loose(x.dtype):
		return g.better(x)
	case isNumber(y, 0) && !isPlusZero(y):
		return x
	case y.op == tensor.OpNeg:
		return g.binary(tensor.OpSub, x, y.in[0])
	case x.op == tensor.OpNeg:
		return g.binary(tensor.OpSub, y, x.in[0])
	}
	if g.exact {
		return nil
	}
	return g.better(g.addPieces(x, y))
}

func (g *graph) rewriteSub(x, y *node) *node {
	switch {
	case isPlusZero(y):
		return x
	case isNumber(y, 0) && g.loose(x.dtype):
		return g.better(x)
	case y.op == tensor.OpNeg:
		return g.binary(tensor.OpAdd, x, y.in[0])
	}
	if y.op == tensor.OpPad && !g.exact {
		if n := g.addPieces(x, g.unary(tensor.OpNeg, y)); n != nil {
			return g.better(n)
		}
	}
	if b, ok := splat(x); ok && math.Signbit(tensor.DecodeFloat(x.dtype, b)) && isNumber(x, 0) {
		return g.unary(tensor.OpNeg, y) // -0 - y; +0 - y differs where y is +0
	}
	return nil
}

func (g *graph) rewriteMul(x, y *node) *node {
	switch {
	case isNumber(y, 1):
		return x
	case isNumber(y, -1):
		return g.unary(tensor.OpNeg, x)
	case isNumber(y, 0) && isFinite(x) && g.loose(x.dtype):
		return g.better(g.number(x.dtype, 0, x.shape))
	case x.op == tensor.OpNeg && y.op == tensor.OpNeg:
		return g.binary(tensor.OpMul, x.in[0], y.in[0])
	case x.op == tensor.OpNeg && isConstant(y):
		return g.binary(tensor.OpMul, x.in[0], g.unary(tensor.OpNeg, y))
	}
	return nil
}

func (g *graph) rewriteDiv(x, y *node) *node {
	switch {
	case isNumber(y, 1):
		return x
	case isNumber(y, -1):
		return g.unary(tensor.OpNeg, x)
	case x.op == tensor.OpNeg && y.op == tensor.OpNeg:
		return g.binary(tensor.OpDiv, x.in[0], y.in[0])
	case x.op == tensor.OpNeg && isConstant(y):
		return g.binary(tensor.OpDiv, x.in[0], g.unary(tensor.OpNeg, y))
	}
	if inverse, ok := exactInverse(y); ok {
		return g.binary(tensor.OpMul, x, g.number(y.dtype, inverse, y.shape))
	}
	if !isNumber(x, 1) && g.loose(x.dtype) && outsideLoopOf(y, x) {
		return g.better(g.binary(tensor.OpMul, x, g.binary(tensor.OpDiv, g.number(y.dtype, 1, y.shape), y)))
	}
	return nil
}

// outsideLoopOf reports whether x changes in a loop that y comes from outside of.
func outsideLoopOf(y, x *node) bool {
	for r := x.home; r != nil && r.depth > y.home.depth; r = r.parent {
		if r.loop {
			return true
		}
	}
	return false
}

// exactInverse returns 1/c for a constant c that is a power of two whose inverse is one too: dividing by c and
// multiplying by 1/c round the same number.
func exactInverse(n *node) (float64, bool) {
	b, ok := splat(n)
	if !ok {
		return 0, false
	}
	c := tensor.DecodeFloat(n.dtype, b)
	inverse := 1 / c
	if frac, _ := math.Frexp(math.Abs(c)); frac != 0.5 || math.IsInf(inverse, 0) {
		return 0, false
	}
	return inverse, tensor.DecodeFloat(n.dtype, tensor.EncodeFloat(n.dtype, inverse)) == inverse
}

func (g *graph) rewriteMinMax(op tensor.Op, x, y *node) *node {
	switch {
	case x == y:
		return x
	case x.op == op && isConstant(y) && isConstant(x.in[1]):
		return g.binary(op, x.in[0], g.binary(op, x.in[1], y))
	}
	return nil
}

func (g *graph) rewriteInteger(op tensor.Op, x, y *node) *node {
	if commutes(op) && isConstant(x) && !isConstant(y) {
		return g.binary(op, y, x)
	}
	zero := isNumber(y, 0)
	switch op {
	case tensor.OpAdd, tensor.OpXor, tensor.OpOr, tensor.OpSub, tensor.OpShl, tensor.OpShr:
		if zero {
			return x
		}
		if x == y && (op == tensor.OpSub || op == tensor.OpXor) {
			return g.number(x.dtype, 0, x.shape)
		}
	case tensor.OpMul, tensor.OpAnd:
		if zero {
			return y
		}
	}
	switch op {
	case tensor.OpMul, tensor.OpDiv:
		if isNumber(y, 1) {
			return x
		}
	case tensor.OpMin, tensor.OpMax, tensor.OpAnd, tensor.OpOr:
		if x == y {
			return x
		}
	}
	if associates(op) && x.op == op && isConstant(x.in[1]) && isConstant(y) {
		return g.binary(op, x.in[0], g.binary(op, x.in[1], y))
	}
	if op == tensor.OpAdd {
		return g.addPieces(x, y)
	}
	return nil
}

// associates reports whether (x op a) op b is x op (a op b), to the bit, for integers.
func associates(op tensor.Op) bool {
	switch op {
	case tensor.OpAdd, tensor.OpMul, tensor.OpMin, tensor.OpMax, tensor.OpAnd, tensor.OpOr, tensor.OpXor:
		return true
	}
	return false
}

func (g *graph) rewriteLogic(op tensor.Op, x, y *node) *node {
	if isConstant(x) && !isConstant(y) {
		return g.binary(op, y, x)
	}
	b, known := splat(y)
	switch op {
	case tensor.OpAnd:
		switch {
		case x == y, known && b == 1:
			return x
		case known:
			return y
		}
	case tensor.OpOr:
		switch {
		case x == y, known && b == 0:
			return x
		case known:
			return y
		}
	case tensor.OpXor:
		switch {
		case x == y:
			return g.splat(tensor.Bool, 0, x.shape)
		case known && b == 0:
			return x
		case known:
			return g.unary(tensor.OpNot, x)
		}
	}
	return nil
}

var mirrored = map[tensor.Op]tensor.Op{
	tensor.OpEq: tensor.OpEq, tensor.OpNe: tensor.OpNe,
	tensor.OpLt: tensor.OpGt, tensor.OpGt: tensor.OpLt, tensor.OpLe: tensor.OpGe, tensor.OpGe: tensor.OpLe,
}

func (g *graph) rewriteCompare(op tensor.Op, x, y *node) *node {
	if isConstant(x) && !isConstant(y) {
		return g.binary(mirrored[op], y, x)
	}
	if x == y {
		switch op {
		case tensor.OpLt, tensor.OpGt:
			return g.splat(tensor.Bool, 0, x.shape)
		case tensor.OpEq, tensor.OpLe, tensor.OpGe:
			if !x.dtype.IsFloat() {
				return g.splat(tensor.Bool, 1, x.shape)
			}
		case tensor.OpNe: // of floats: the test for NaN
			if !x.dtype.IsFloat() {
				return g.splat(tensor.Bool, 0, x.shape)
			}
		}
	}
	if b, known := splat(y); known && x.dtype == tensor.Bool {
		if (op == tensor.OpEq) == (b == 1) {
			return x
		}
		return g.unary(tensor.OpNot, x)
	}
	return nil
}
