package bigmath

import "math/big"

const (
	stirlingFrom  = 48 // arguments are shifted up to here
	stirlingTerms = 40 // the last term is about 2^-270 there
)

// bernoulli[n] is the Bernoulli number B_2n.
var bernoulli = bernoulliNumbers(stirlingTerms)

func bernoulliNumbers(n int) []Float {
	all := []*big.Rat{big.NewRat(1, 1)}
	for m := 1; m <= 2*n; m++ { // Σ_{j≤m} binom(m+1, j) B_j = 0
		sum := new(big.Rat)
		for j := range m {
			c := new(big.Int).Binomial(int64(m+1), int64(j))
			sum.Add(sum, new(big.Rat).Mul(new(big.Rat).SetInt(c), all[j]))
		}
		all = append(all, sum.Quo(sum.Neg(sum), big.NewRat(int64(m+1), 1)))
	}
	out := make([]Float, n+1)
	for k := range out {
		out[k] = blank().SetRat(all[2*k])
	}
	return out
}

// bernoulliSum returns Σ_{n≥1} B_2n / (divisor(n) x^(2n)) for large x.
func bernoulliSum(x Float, divisor func(n int) int) Float {
	w := Quo(New(1), Mul(x, x))
	sum, power := New(0), New(1)
	for n := 1; n <= stirlingTerms; n++ {
		power = Mul(power, w)
		sum = Add(sum, Quo(Mul(bernoulli[n], power), New(float64(divisor(n)))))
	}
	return sum
}

// shiftUp calls f for x, x+1, … below stirlingFrom and returns the first value at or above it.
func shiftUp(x Float, f func(Float)) Float {
	for limit := New(stirlingFrom); x.Cmp(limit) < 0; x = Add(x, New(1)) {
		f(x)
	}
	return x
}

// Lgamma returns log|Γ(x)| (DLMF 5.11.1, shifted), by reflection for negative x (5.5.3), which must not be an integer.
func Lgamma(x Float) Float {
	if x.Sign() < 0 {
		s, _ := SinCos(Mul(Pi, x))
		return Sub(Log(Abs(Quo(Pi, Mul(x, s)))), Lgamma(Neg(x)))
	}
	product := New(1)
	z := shiftUp(x, func(v Float) { product = Mul(product, v) })
	tail := Mul(z, bernoulliSum(z, func(n int) int { return 2 * n * (2*n - 1) }))
	main := Add(Sub(Mul(Sub(z, New(0.5)), Log(z)), z), LogSqrt2π)
	return Sub(Add(main, tail), Log(product))
}

// Digamma returns the derivative of log Γ (DLMF 5.11.2, shifted), by reflection for negative x (5.5.4).
func Digamma(x Float) Float {
	if x.Sign() < 0 {
		s, c := SinCos(Mul(Pi, x))
		return Sub(Digamma(Sub(New(1), x)), Quo(Mul(Pi, c), s))
	}
	shift := New(0)
	z := shiftUp(x, func(v Float) { shift = Add(shift, Quo(New(1), v)) })
	tail := Add(Quo(New(0.5), z), bernoulliSum(z, func(n int) int { return 2 * n }))
	return Sub(Sub(Log(z), tail), shift)
}

// Trigamma returns the second derivative of log Γ (DLMF 5.15.8, shifted), by reflection for negative x (5.15.6).
func Trigamma(x Float) Float {
	if x.Sign() < 0 {
		s, _ := SinCos(Mul(Pi, x))
		q := Quo(Pi, s)
		return Sub(Mul(q, q), Trigamma(Sub(New(1), x)))
	}
	shift := New(0)
	z := shiftUp(x, func(v Float) { shift = Add(shift, Quo(New(1), Mul(v, v))) })
	one := Quo(New(1), z)
	tail := Mul(one, bernoulliSum(z, func(int) int { return 1 }))
	return Add(Add(Add(one, Ldexp(Mul(one, one), -1)), tail), shift)
}

// DigammaZero is the positive zero of Digamma, 1.4616…, by Newton's method.
var DigammaZero = digammaZero()

func digammaZero() Float {
	x := New(1.4616321449683623)
	for range 5 {
		x = Sub(x, Quo(Digamma(x), Trigamma(x)))
	}
	return x
}
