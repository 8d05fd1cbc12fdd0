package stablehlo

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Functions of one element that are combinations of ours, within some units of the last place.

func readCbrt(_ *reader, o *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	y := x.Abs().Pow(1.0 / 3)
	// One step of Newton's method: 1/3 is no float, and the power of a large number shows it.
	y = tensor.Select(y.IsFinite().And(y.Gt(0.0)), y.Sub(y.Sub(x.Abs().Div(y.Mul(y))).Div(3.0)), y)
	return tensor.Select(x.Eq(0.0), x, x.Sign().Mul(y))
}

func readRoundAway(_ *reader, o *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	t := truncatedOp(x)
	return tensor.Select(x.Sub(t).Abs().Ge(0.5), t.Add(x.Sign()), t)
}

func truncatedOp(x tensor.Value) tensor.Value { return tensor.Emit(tensor.OpTrunc, tensor.Attr{}, x) }

// readLeadingZeros sets all bits below the highest one and counts the rest.
func readLeadingZeros(_ *reader, o *operation, in []tensor.Value) tensor.Value {
	d := in[0].DType()
	if !d.IsInt() {
		o.fail("of %s", in[0])
	}
	u := bitsAs(in[0], unsignedOf(d))
	for k := 1; k < d.Bits(); k *= 2 {
		u = u.Or(u.Shr(k))
	}
	return bitsAs(tensor.Emit(tensor.OpPopcount, tensor.Attr{}, u.Not()), d)
}

// readReducePrecision is the identity for the operand's own format.
func readReducePrecision(_ *reader, o *operation, in []tensor.Value) tensor.Value {
	own := map[tensor.DType]word{tensor.F64: "e11m52", tensor.F32: "e8m23"}[in[0].DType()]
	exponent, _ := o.attrs["exponent_bits"].(number)
	mantissa, _ := o.attrs["mantissa_bits"].(number)
	if f := o.attrs["format"]; own == "" || f != own && word("e"+exponent+"m"+mantissa) != own {
		o.fail("to a format that is not that of %s", in[0])
	}
	return in[0]
}

// readPolygamma knows the orders zero and one.
func readPolygamma(_ *reader, o *operation, in []tensor.Value) tensor.Value {
	order, ok := splatOf(in[0])
	switch d := in[0].DType(); {
	case ok && d.IsFloat() && tensor.DecodeFloat(d, order) == 0:
		return in[1].Digamma()
	case ok && d.IsFloat() && tensor.DecodeFloat(d, order) == 1:
		return in[1].Trigamma()
	}
	o.fail("of an order that is not a constant 0 or 1")
	return tensor.Value{}
}

// readSinh is (e + e/(e+1))/2 with e = expm1|x|, halved before it overflows.
func readSinh(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	a := x.Abs()
	e := a.Expm1()
	small := e.Add(e.Div(e.Add(1.0))).Mul(0.5)
	h := a.Mul(0.5).Exp()
	return x.Sign().Mul(tensor.Select(a.Lt(20.0), small, h.Mul(0.5).Mul(h)))
}

func readCosh(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
	h := in[0].Abs().Mul(0.5).Exp() // e^|x| as h·h does not overflow before cosh does
	return h.Mul(0.5).Mul(h).Add(tensor.Lift(0.5).Div(h).Div(h))
}

func readAsin(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	return x.Atan2(tensor.Lift(1.0).Sub(x).Mul(x.Add(1.0)).Sqrt())
}

func readAcos(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	return tensor.Lift(1.0).Sub(x).Mul(x.Add(1.0)).Sqrt().Atan2(x)
}

func readAtan(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
	return in[0].Atan2(tensor.ZerosLike(in[0]).Add(1.0))
}

// readAsinh is log1p(a + a²/(1 + √(a²+1))), and log a + log 2 where a² overflows.
func readAsinh(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	a := x.Abs()
	sq := a.Mul(a)
	y := a.Add(sq.Div(sq.Add(1.0).Sqrt().Add(1.0))).Log1p()
	y = tensor.Select(a.Lt(1e15), y, a.Log().Add(math.Ln2))
	return tensor.Select(x.Eq(0.0), x, x.Sign().Mul(y))
}

// readAcosh is log1p(t + √(t(t+2))) with t = x - 1.
func readAcosh(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	t := x.Sub(1.0)
	y := t.Add(t.Sqrt().Mul(t.Add(2.0).Sqrt())).Log1p()
	return tensor.Select(x.Lt(1e15), y, x.Log().Add(math.Ln2))
}

func readAtanh(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	a := x.Abs()
	y := a.Add(a).Div(tensor.Lift(1.0).Sub(a)).Log1p().Mul(0.5)
	return tensor.Select(x.Eq(0.0), x, x.Sign().Mul(y))
}
