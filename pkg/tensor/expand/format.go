package expand

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// format is a float type as the functions here need it: its bit patterns, constants that do not fit it in several parts, the
// ranges beyond which results are constant, and polynomials fitted to its precision.
type format struct {
	float, signed, unsigned tensor.DType

	fraction int    // bits of the fraction field
	bias     uint64 // of exponents
	lowHalf  int    // bits of a significand to clear so that the rest has an exact square

	// ln 2 in two parts, the first short enough that its product with an exponent is exact (fdlibm, e_exp.c).
	ln2Hi, ln2Lo float64
	// √½'s pattern, and π, π/2 and 2/3 in two parts.
	sqrtHalf       uint64
	pi, halfPi     [2]float64
	twoThirds      [2]float64
	subnormalScale float64 // a power of two that makes subnormal numbers normal

	expLeast, expMost  float64 // beyond these e^x is 0 and infinite
	expm1Least         float64 // below it e^x - 1 is -1
	small              float64 // e^x - 1 is x where |x| is smaller
	tanhMost, erfcMost float64 // from these on tanh is 1, erfc 0
	powLeast, powMost  float64 // of the exponent y log x

	expQ, expNegQ, logR, log1pR, powP, atanQ, erfP, erfcxF []float64
}

var double = &format{
	float: tensor.F64, signed: tensor.I64, unsigned: tensor.U64, fraction: 52, bias: 1023, lowHalf: 27,
	ln2Hi: 0x1.62e42feep-1, ln2Lo: 0x1.a39ef35793c76p-33, // the first has 32 bits
	sqrtHalf: 0x3fe6a09e667f3bcd, pi: [2]float64{piHi, piLo}, halfPi: [2]float64{0x1.921fb54442d18p0, 0x1.1a62633145c07p-54},
	twoThirds: [2]float64{0x1.5555555555555p-1, 0x1.5555555555555p-55}, subnormalScale: 0x1p54,
	expLeast: -746, expMost: 710, expm1Least: -40, small: 0x1p-54, tanhMost: 22, erfcMost: 28, powLeast: -750, powMost: 720,
	expQ: expQ, expNegQ: opposite(expQ), logR: logR, log1pR: log1pR, powP: powP, atanQ: atanQ, erfP: erfP, erfcxF: erfcxF,
}

var single = &format{
	float: tensor.F32, signed: tensor.I32, unsigned: tensor.U32, fraction: 23, bias: 127, lowHalf: 12,
	ln2Hi: 0x1.62e4p-1, ln2Lo: 0x1.7f7d1cp-20, // the first has 15 bits
	sqrtHalf: 0x3f3504f3, pi: [2]float64{0x1.921fb6p1, -0x1.777a5cp-24}, halfPi: [2]float64{0x1.921fb6p0, -0x1.777a5cp-25},
	twoThirds: [2]float64{0x1.555556p-1, -0x1.555556p-26}, subnormalScale: 0x1p25,
	expLeast: -104, expMost: 89, expm1Least: -20, small: 0x1p-25, tanhMost: 10, erfcMost: 10.125, powLeast: -110, powMost: 95,
	expQ: expQ32, expNegQ: opposite(expQ32), logR: logR32, log1pR: log1pR32, powP: powP32, atanQ: atanQ32, erfP: erfP32, erfcxF: erfcxF32,
}

// roundMagic is 1.5·2^fraction: adding it to a |x| < 2^(fraction-1) leaves round-to-nearest(x) in the low bits of the sum's
// pattern, and subtracting it again gives that integer as a float. It stands for the float ↔ integer conversions that SIMD
// lacks.
func (o *format) roundMagic() float64 { return math.Ldexp(1.5, o.fraction) }

// constant returns the number c, for places where no typed operand gives a literal its dtype.
func (o *format) constant(c float64) tensor.Value {
	return tensor.Lift(tensor.ArrayOf(o.float, nil, []float64{c}))
}

// signedInt and unsignedInt return the integer literal of the format's width whose low bits are those of i.
func (o *format) signedInt(i int64) any {
	if o.signed == tensor.I32 {
		return int32(i)
	}
	return i
}

func (o *format) unsignedInt(i uint64) any {
	if o.unsigned == tensor.U32 {
		return uint32(i)
	}
	return i
}

func (o *format) bits(x tensor.Value) tensor.Value     { return x.Bitcast(o.signed) }
func (o *format) pattern(x tensor.Value) tensor.Value  { return x.Bitcast(o.unsigned) }
func (o *format) fromBits(b tensor.Value) tensor.Value { return b.Bitcast(o.float) }
func (o *format) exponent(e tensor.Value) tensor.Value { return o.fromBits(e.Shl(o.fraction)) }
