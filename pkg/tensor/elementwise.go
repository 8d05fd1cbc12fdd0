package tensor

// unary emits an elementwise operation with one operand.
func unary(op Op, x Value) Value {
	x.node(op.String())
	return emit(op, Attr{}, x)
}

// binary broadcasts its operands to their common shape and emits an elementwise operation.
func binary(op Op, x Value, y any) Value {
	x.node(op.String())
	a, b := broadcastPair(op, x, Lift(y))
	return emit(op, Attr{}, a, b)
}

func broadcastPair(op Op, a, b Value) (Value, Value) {
	if sameShape(a.n.Shape, b.n.Shape) {
		return a, b
	}
	shape, ok := BroadcastShapes(a.n.Shape, b.n.Shape)
	if !ok {
		fail(op, "shapes %s and %s do not broadcast", a, b)
	}
	return a.BroadcastTo(shape...), b.BroadcastTo(shape...)
}

// Add returns x + y.
func (x Value) Add(y any) Value { return binary(OpAdd, x, y) }

// Sub returns x - y.
func (x Value) Sub(y any) Value { return binary(OpSub, x, y) }

// Mul returns x·y, elementwise.
func (x Value) Mul(y any) Value { return binary(OpMul, x, y) }

// Div returns x/y; integers truncate toward zero and give 0 for y = 0.
func (x Value) Div(y any) Value { return binary(OpDiv, x, y) }

// Rem returns the remainder of x/y with the sign of x: for floats x - y·trunc(x/y), so near multiples of y it carries the
// rounding error of the quotient; integers give 0 for y = 0.
func (x Value) Rem(y any) Value { return binary(OpRem, x, y) }

// Pow returns x to the power y, floats only; NaN for negative x unless y is an integer.
func (x Value) Pow(y any) Value { return binary(OpPow, x, y) }

// Min returns the smaller of x and y elementwise, NaN if either is.
func (x Value) Min(y any) Value { return binary(OpMin, x, y) }

// Max returns the larger of x and y elementwise, NaN if either is.
func (x Value) Max(y any) Value { return binary(OpMax, x, y) }

// Atan2 returns the angle of the point (y = x, x = y) in (-π, π].
func (x Value) Atan2(y any) Value { return binary(OpAtan2, x, y) }

// LogAddExp returns log(exp x + exp y) without overflow.
func (x Value) LogAddExp(y any) Value { return binary(OpLogAddExp, x, y) }

// And returns the logical (Bool) or bitwise (integers) conjunction.
func (x Value) And(y any) Value { return binary(OpAnd, x, y) }

// Or returns the logical or bitwise disjunction.
func (x Value) Or(y any) Value { return binary(OpOr, x, y) }

// Xor returns the logical or bitwise exclusive or.
func (x Value) Xor(y any) Value { return binary(OpXor, x, y) }

// Shl returns x shifted left by y modulo the width.
func (x Value) Shl(y any) Value { return binary(OpShl, x, y) }

// Shr returns x shifted right by y modulo the width: arithmetic for signed types, logical for unsigned ones.
func (x Value) Shr(y any) Value { return binary(OpShr, x, y) }

// Eq returns x = y as Bool.
func (x Value) Eq(y any) Value { return binary(OpEq, x, y) }

// Ne returns x ≠ y as Bool.
func (x Value) Ne(y any) Value { return binary(OpNe, x, y) }

// Lt returns x < y as Bool.
func (x Value) Lt(y any) Value { return binary(OpLt, x, y) }

// Le returns x ≤ y as Bool.
func (x Value) Le(y any) Value { return binary(OpLe, x, y) }

// Gt returns x > y as Bool.
func (x Value) Gt(y any) Value { return binary(OpGt, x, y) }

// Ge returns x ≥ y as Bool.
func (x Value) Ge(y any) Value { return binary(OpGe, x, y) }

// Neg returns -x.
func (x Value) Neg() Value { return unary(OpNeg, x) }

// Abs returns |x|.
func (x Value) Abs() Value { return unary(OpAbs, x) }

// Sign returns -1, 0 or 1; NaN stays NaN and a zero keeps its sign.
func (x Value) Sign() Value { return unary(OpSign, x) }

// Sqrt returns √x, correctly rounded.
func (x Value) Sqrt() Value { return unary(OpSqrt, x) }

// Rsqrt returns 1/√x.
func (x Value) Rsqrt() Value { return unary(OpRsqrt, x) }

// Exp returns e^x.
func (x Value) Exp() Value { return unary(OpExp, x) }

// Expm1 returns e^x - 1, accurate near 0.
func (x Value) Expm1() Value { return unary(OpExpm1, x) }

// Log returns the natural logarithm.
func (x Value) Log() Value { return unary(OpLog, x) }

// Log1p returns log(1 + x), accurate near 0.
func (x Value) Log1p() Value { return unary(OpLog1p, x) }

// Sin returns sin x, accurate for |x| ≤ 2^30.
func (x Value) Sin() Value { return unary(OpSin, x) }

// Cos returns cos x, accurate for |x| ≤ 2^30.
func (x Value) Cos() Value { return unary(OpCos, x) }

// Tan returns tan x, accurate for |x| ≤ 2^30.
func (x Value) Tan() Value { return unary(OpTan, x) }

// Tanh returns the hyperbolic tangent.
func (x Value) Tanh() Value { return unary(OpTanh, x) }

// Erf returns the error function.
func (x Value) Erf() Value { return unary(OpErf, x) }

// Erfc returns 1 - erf x, accurate in the upper tail.
func (x Value) Erfc() Value { return unary(OpErfc, x) }

// ErfInv returns y with erf y = x, for x in [-1, 1].
func (x Value) ErfInv() Value { return unary(OpErfInv, x) }

// Lgamma returns log|Γ(x)|.
func (x Value) Lgamma() Value { return unary(OpLgamma, x) }

// Digamma returns the derivative of log Γ(x).
func (x Value) Digamma() Value { return unary(OpDigamma, x) }

// Trigamma returns the second derivative of log Γ(x).
func (x Value) Trigamma() Value { return unary(OpTrigamma, x) }

// Sigmoid returns 1/(1 + e^-x).
func (x Value) Sigmoid() Value { return unary(OpSigmoid, x) }

// Softplus returns log(1 + e^x) without overflow.
func (x Value) Softplus() Value { return unary(OpSoftplus, x) }

// Floor returns the largest integer not above x.
func (x Value) Floor() Value { return unary(OpFloor, x) }

// Ceil returns the smallest integer not below x.
func (x Value) Ceil() Value { return unary(OpCeil, x) }

// Round returns the nearest integer, ties to even.
func (x Value) Round() Value { return unary(OpRound, x) }

// Trunc returns x without its fraction.
func (x Value) Trunc() Value { return unary(OpTrunc, x) }

// IsFinite reports, as Bool, that x is neither infinite nor NaN.
func (x Value) IsFinite() Value { return unary(OpIsFinite, x) }

// IsNaN reports, as Bool, that x is NaN.
func (x Value) IsNaN() Value { return x.Ne(x) }

// Not returns the logical or bitwise complement.
func (x Value) Not() Value { return unary(OpNot, x) }

// Popcount returns the number of set bits of an integer, in its own dtype.
func (x Value) Popcount() Value { return unary(OpPopcount, x) }

// StopGradient returns x with a derivative of zero.
func (x Value) StopGradient() Value { return unary(OpStopGradient, x) }

// Convert returns x as dtype d: floats to integers truncate and saturate (NaN gives 0), integers wrap, Bool is 0 or 1.
func (x Value) Convert(d DType) Value {
	if x.node("convert").DType == d {
		return x
	}
	return emit(OpConvert, Attr{DType: d}, x)
}

// Float returns x in the trace's float type.
func (x Value) Float() Value {
	n := x.node("convert")
	if n.owner == nil {
		if n.DType.IsFloat() {
			return x
		}
		return emit(OpConvert, Attr{DType: weakFloat}, x)
	}
	return x.Convert(n.owner.float)
}

// Bitcast returns the bits of x as dtype d, which has the same size. The sign and payload of a NaN are unspecified.
func (x Value) Bitcast(d DType) Value {
	x.node("bitcast")
	return emit(OpBitcast, Attr{DType: d}, x)
}

// Square returns x·x.
func (x Value) Square() Value { return x.Mul(x) }

// Reciprocal returns 1/x.
func (x Value) Reciprocal() Value { return Lift(1.0).Div(x) }

// Clamp returns x limited to [lo, hi].
func (x Value) Clamp(lo, hi any) Value { return x.Max(lo).Min(hi) }

// Select returns a where cond is true, else b; the three broadcast.
func Select(cond, a, b any) Value {
	c, x, y := Lift(cond), Lift(a), Lift(b)
	shape, ok := BroadcastShapes(c.n.Shape, x.n.Shape, y.n.Shape)
	if !ok {
		fail(OpSelect, "shapes %s, %s and %s do not broadcast", c, x, y)
	}
	return emit(OpSelect, Attr{}, c.BroadcastTo(shape...), x.BroadcastTo(shape...), y.BroadcastTo(shape...))
}
