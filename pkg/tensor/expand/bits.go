package expand

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// roundMagic is 1.5·2^52: adding it to |x| < 2^51 leaves round-to-nearest(x) in the low bits of the sum's pattern, and
// subtracting it again gives that integer as a float. It stands for the float ↔ integer conversions that SIMD lacks.
const (
	roundMagic = 0x1.8p52
	signBit    = -1 << 63
)

// number returns the F64 constant c, for places where no typed operand gives a literal its dtype: an F32 trace would make it F32.
func number(c float64) tensor.Value {
	return tensor.Lift(tensor.ArrayOf(tensor.F64, nil, []float64{c}))
}

func bits(x tensor.Value) tensor.Value     { return x.Bitcast(tensor.I64) }
func fromBits(b tensor.Value) tensor.Value { return b.Bitcast(tensor.F64) }

// copySign returns magnitude with the sign of x; magnitude must not be negative.
func copySign(magnitude, x tensor.Value) tensor.Value {
	return fromBits(bits(magnitude).Or(bits(x).And(int64(signBit))))
}

// centred returns c[0] + c[1] + c[2] x + c[3] x² + …, c[1] being the rounding error of c[0].
func centred(x tensor.Value, c []float64) tensor.Value { return estrin(x, c[1:]).Add(c[0]) }

// estrin returns c[0] + c[1] x + … by Estrin's scheme: a shorter chain of dependent operations than Horner's.
func estrin(x tensor.Value, c []float64) tensor.Value {
	terms := make([]tensor.Value, 0, (len(c)+1)/2)
	for i := 0; i+1 < len(c); i += 2 {
		terms = append(terms, x.Mul(c[i+1]).Add(c[i]))
	}
	if len(c)%2 == 1 {
		terms = append(terms, tensor.Lift(c[len(c)-1]))
	}
	p := x.Mul(x)
	for ; len(terms) > 3; p = p.Mul(p) {
		next := terms[:0]
		for i := 0; i+1 < len(terms); i += 2 {
			next = append(next, p.Mul(terms[i+1]).Add(terms[i]))
		}
		if len(terms)%2 == 1 {
			next = append(next, terms[len(terms)-1])
		}
		terms = next
	}
	for len(terms) > 1 { // Horner's for the last three, of which the highest is often ready first
		n := len(terms) - 1
		terms = append(terms[:n-1], p.Mul(terms[n]).Add(terms[n-1]))
	}
	return terms[0]
}

// opposite returns the coefficients of p(-x).
func opposite(c []float64) []float64 {
	out := slices.Clone(c)
	for i := 1; i < len(c); i += 2 {
		out[i] = -c[i]
	}
	return out
}
