package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

const (
	halfLog2Pi = 0.91893853320467274178 // log(2π)/2
	logPi      = 1.1447298858494001741
	log2       = 0.69314718055994530942
	eulerGamma = 0.57721566490153286061 // Euler's constant
)

var minusInf = math.Inf(-1)

// standardize returns (x - loc)/scale, multiplying by 1/scale where that saves divisions: of many elements by one scale, and
// by a number, whose reciprocal is folded.
func standardize(x, loc, scale tensor.Value) tensor.Value {
	d := x.Sub(loc)
	if _, known := tensor.Static(scale); known || scale.Size() < d.Size() {
		return d.Mul(scale.Reciprocal())
	}
	return d.Div(scale)
}

// times returns x·y where x = 0 beats an infinite y: 0·log 0 = 0. Where x is known and has no zero it is a product.
func times(x tensor.Value, y func(zero tensor.Value) tensor.Value) tensor.Value {
	if allStatic(x, func(v float64) bool { return v != 0 }) {
		return x.Mul(y(tensor.Value{}))
	}
	return x.Mul(y(x.Eq(0.0)))
}

// xlogy returns x·log y, 0 where x = 0.
func xlogy(x, y tensor.Value) tensor.Value {
	return times(x, func(zero tensor.Value) tensor.Value {
		if !zero.IsValid() || allStatic(y, func(v float64) bool { return v > 0 }) {
			return y.Log()
		}
		return tensor.Select(zero.And(y.Eq(0.0)), 1.0, y).Log()
	})
}

// xlog1py returns x·log(1 + y), 0 where x = 0.
func xlog1py(x, y tensor.Value) tensor.Value {
	return times(x, func(zero tensor.Value) tensor.Value {
		if !zero.IsValid() || allStatic(y, func(v float64) bool { return v > -1 }) {
			return y.Log1p()
		}
		return tensor.Select(zero.And(y.Eq(-1.0)), 0.0, y).Log1p()
	})
}

// log1mexp returns log(1 - exp(-a)) for a > 0, with Mächler's (2012) switch at log 2; its derivative is finite wherever a is
// not 0.
func log1mexp(a tensor.Value) tensor.Value {
	small := a.Le(log2)
	near := tensor.Select(small, a, 1.0).Neg().Expm1().Neg().Log()
	far := tensor.Select(small, 1.0, a).Neg().Exp().Neg().Log1p()
	return tensor.Select(small, near, far)
}

// logSubExp returns log(exp a - exp b) for a ≥ b.
func logSubExp(a, b tensor.Value) tensor.Value { return a.Add(log1mexp(a.Sub(b))) }

// within returns value where in holds, -Inf elsewhere.
func within(in, value tensor.Value) tensor.Value { return tensor.Select(in, value, minusInf) }
