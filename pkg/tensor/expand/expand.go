// Package expand writes special functions as programs of IEEE operations, so that every engine gives the same bits.
//
// Each function is straight-line elementwise code: add, subtract, multiply, divide, square root, min, max, round, compare,
// select, and integer operations on bit patterns. There are no tables, loops, branches or conversions between integers
// and floats, so fusion and SIMD apply, and no fused multiply-add, so amd64 and arm64 agree to the bit. Subnormals, signed
// zeros, infinities and NaN are as in C99, Annex F.
//
// Largest errors in F64, in units of the last place, over some 100,000 arguments each against 200-bit arithmetic (the whole
// range, ranges where the method changes, edges, subnormals, neighbourhoods of zeros; the tests use 3,000 to 10,000):
//
//	rsqrt     1.47    log    0.85    tanh      1.31    erfinv     3.42
//	exp       1.01    log1p  1.38    sigmoid   1.88    lgamma     2.95 (x > -½)
//	expm1     1.21    sin    0.76    softplus  1.78    digamma    3.41 (x > -0.4)
//	pow       0.73    cos    0.76    erf       1.01    trigamma   2.40
//	atan2     1.33    tan    1.32    erfc      1.22
//
// Sine, cosine and tangent hold this for |x| ≤ 2^30, the numbers nearest to multiples of π/2 included; beyond, they are some
// number of their range. pow holds it for |y log x| ≤ 700. lgamma and digamma of other negative arguments, which have
// zeros, are within 4 ulp of the largest term of the reflection. logaddexp is within 2 ulp and one ulp of the larger
// argument.
//
// F32 operands have the same forms with constants and polynomials of their own, without a number of 64 bits. Largest errors in
// F32, over arguments of every exponent:
//
//	rsqrt     1.50    log    0.79    tanh      1.33    pow    0.76
//	exp       0.98    log1p  1.43    sigmoid   1.74    atan2  1.46
//	expm1     1.06    erf    1.05    softplus  1.79    erfc   1.43
//
// Sine, cosine, tangent, erfinv, lgamma, digamma and trigamma of F32 operands are computed in F64 and rounded once: within
// 0.501 ulp of what F64 gives.
package expand

//go:generate go run ./internal/remez -o coefficients.go

import "github.com/drey-sampler/drey/pkg/tensor"

// unary and binary hold the expansions in the operands' format; widened those that are always computed in F64: angles up
// to 2^30 and the zeros of the gamma functions need more bits than an F32 has.
var unary = map[tensor.Op]func(o *format, x tensor.Value) tensor.Value{
	tensor.OpRsqrt:    (*format).rsqrt,
	tensor.OpExp:      (*format).exp,
	tensor.OpExpm1:    (*format).expm1,
	tensor.OpLog:      (*format).log,
	tensor.OpLog1p:    (*format).log1p,
	tensor.OpTanh:     (*format).tanh,
	tensor.OpErf:      (*format).erf,
	tensor.OpErfc:     (*format).erfc,
	tensor.OpSigmoid:  (*format).sigmoid,
	tensor.OpSoftplus: (*format).softplus,
}

var widened = map[tensor.Op]func(x tensor.Value) tensor.Value{
	tensor.OpSin:      sin,
	tensor.OpCos:      cos,
	tensor.OpTan:      tan,
	tensor.OpErfInv:   erfInv,
	tensor.OpLgamma:   lgamma,
	tensor.OpDigamma:  digamma,
	tensor.OpTrigamma: trigamma,
}

var binary = map[tensor.Op]func(o *format, x, y tensor.Value) tensor.Value{
	tensor.OpPow:       (*format).pow,
	tensor.OpAtan2:     (*format).atan2,
	tensor.OpLogAddExp: (*format).logAddExp,
}

// IsExpanded reports whether op is one that Unary or Binary writes in primitive operations.
func IsExpanded(op tensor.Op) bool {
	return unary[op] != nil || widened[op] != nil || binary[op] != nil
}

// Unary returns op(x) in primitive operations. x is a float Value of a trace, of any shape. It panics if op is not an
// expanded operation with one operand.
func Unary(op tensor.Op, x tensor.Value) tensor.Value {
	if f := unary[op]; f != nil {
		return f(formatOf(x), x)
	}
	f := widened[op]
	if f == nil {
		panic("expand: no expansion of " + op.String())
	}
	if x.DType() == tensor.F32 {
		return f(x.Convert(tensor.F64)).Convert(tensor.F32)
	}
	return f(x)
}

// Binary returns op(x, y) in primitive operations, for x and y of one float dtype and shape. It panics if op is not an
// expanded operation with two operands.
func Binary(op tensor.Op, x, y tensor.Value) tensor.Value {
	f := binary[op]
	if f == nil {
		panic("expand: no expansion of " + op.String())
	}
	return f(formatOf(x), x, y)
}

func formatOf(x tensor.Value) *format {
	if x.DType() == tensor.F32 {
		return single
	}
	return double
}

// Rule is the tensor.Rule that replaces expanded operations, for passes that copy a program for another reason too.
func Rule(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	switch {
	case unary[n.Op] != nil, widened[n.Op] != nil:
		return []tensor.Value{Unary(n.Op, in[0])}, true
	case binary[n.Op] != nil:
		return []tensor.Value{Binary(n.Op, in[0], in[1])}, true
	}
	return nil, false
}

// Run returns f with every expanded operation, in its regions too, written in primitive ones. It panics if f is not a
// well-formed Func. Operands are expanded apart; a pass that shares common subexpressions should follow.
func Run(f *tensor.Func) *tensor.Func {
	g, err := tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value { return f.ApplyWith(Rule, args...) })
	if err != nil {
		panic("expand: " + err.Error())
	}
	return g
}

// rsqrt returns 1/√x: two correctly rounded operations, within 1 ulp.
func (o *format) rsqrt(x tensor.Value) tensor.Value { return tensor.Lift(1.0).Div(x.Sqrt()) }
