package expand_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
	"github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// apply evaluates op on columns of arguments, in the given dtype, through its expansion.
func apply(t testing.TB, op tensor.Op, d tensor.DType, args ...[]float64) []float64 {
	t.Helper()
	n := []int{len(args[0])}
	var in []tensor.Param
	var arrays []*tensor.Array
	for range args {
		in = append(in, tensor.Param{Name: "x", DType: d, Shape: n})
	}
	for _, a := range args {
		arrays = append(arrays, tensor.ArrayOf(d, n, a))
	}
	f, err := tensor.Trace("f", d, in, func(a []tensor.Value) []tensor.Value { return []tensor.Value{tensor.Emit(op, tensor.Attr{}, a...)} })
	if err != nil {
		t.Fatal(err)
	}
	out, err := eval.Run(expand.Run(f), arrays)
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float64s()
}

// format describes a float type: bits of precision and the exponent of its least normal number's leading bit.
type format struct {
	precision, minExponent int
	largest                float64
}

var (
	double = format{53, -1022, math.MaxFloat64}
	single = format{24, -126, math.MaxFloat32}
)

// ulps returns |got - want| in units of the last place of want. Infinite got is right where want rounds beyond the largest
// number; NaN is infinitely wrong.
func (f format) ulps(got float64, want *big.Float) float64 {
	e := f.minExponent
	if want.Sign() != 0 {
		e = max(e, want.MantExp(nil)-1)
	}
	if math.IsNaN(got) {
		return math.Inf(1)
	}
	if math.IsInf(got, 0) {
		if math.Signbit(got) != want.Signbit() {
			return math.Inf(1)
		}
		got = math.Copysign(f.largest, got)
		last := bigmath.Ldexp(bigmath.New(1), e+1-f.precision)
		if bigmath.Abs(want).Cmp(bigmath.New(f.largest)) >= 0 {
			return 0
		}
		want = bigmath.Sub(want, last) // infinity is taken as the number after the largest
	}
	diff := bigmath.Sub(bigmath.New(got), want)
	u, _ := bigmath.Ldexp(bigmath.Abs(diff), f.precision-1-e).Float64()
	return u
}

// span is a set of test arguments: n numbers between lo and hi, uniform, or uniform in the logarithm of the distance to lo
// where log is set (then hi - lo gives the largest distance, least the smallest).
type span struct {
	n      int
	lo, hi float64
	least  float64
}

func (s span) points(r *rand.Rand) []float64 {
	n := s.n
	if testing.Short() {
		n /= 10
	}
	out := make([]float64, 0, n)
	for range n {
		if s.least == 0 {
			out = append(out, s.lo+(s.hi-s.lo)*r.Float64())
			continue
		}
		a, b := math.Log2(s.least), math.Log2(math.Abs(s.hi-s.lo))
		d := math.Exp2(a+(b-a)*r.Float64()) * (1 + 0x1p-20*r.Float64())
		out = append(out, s.lo+math.Copysign(d, s.hi-s.lo))
	}
	return out
}

// worst returns the largest error over the points and where it is.
func worst(f format, points []float64, got []float64, want func(x *big.Float) *big.Float) (ulps, at float64) {
	for i, x := range points {
		if u := f.ulps(got[i], want(bigmath.New(x))); u > ulps {
			ulps, at = u, x
		}
	}
	return ulps, at
}
