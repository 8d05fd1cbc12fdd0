package expand

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// copySign returns magnitude with the sign of x; magnitude must not be negative.
func (o *format) copySign(magnitude, x tensor.Value) tensor.Value {
	return o.fromBits(o.bits(magnitude).Or(o.bits(x).And(o.signedInt(-1 << (o.float.Size()*8 - 1)))))
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
