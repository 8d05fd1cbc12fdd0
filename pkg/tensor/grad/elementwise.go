package grad

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// unaryRules are multiplications by f'(x), which are their own transposes: one function serves both modes. They reuse
// the result y wherever that is cheaper than a function of x.
func unaryRules() map[tensor.Op]rule {
	out := map[tensor.Op]rule{}
	for op, f := range map[tensor.Op]func(d lin, x, y tensor.Value) lin{
		tensor.OpNeg:   func(d lin, x, y tensor.Value) lin { return d.neg() },
		tensor.OpAbs:   func(d lin, x, y tensor.Value) lin { return d.mul(x.Sign()) },
		tensor.OpSqrt:  func(d lin, x, y tensor.Value) lin { return d.scaled(0.5).div(y) },
		tensor.OpRsqrt: func(d lin, x, y tensor.Value) lin { return d.scaled(-0.5).mul(y.Mul(y).Mul(y)) },
		tensor.OpExp:   func(d lin, x, y tensor.Value) lin { return d.mul(y) },
		tensor.OpExpm1: func(d lin, x, y tensor.Value) lin { return d.mul(y.Add(1)) },
		tensor.OpLog:   func(d lin, x, y tensor.Value) lin { return d.div(x) },
		tensor.OpLog1p: func(d lin, x, y tensor.Value) lin { return d.div(x.Add(1)) },
		tensor.OpSin:   func(d lin, x, y tensor.Value) lin { return d.mul(x.Cos()) },
		tensor.OpCos:   func(d lin, x, y tensor.Value) lin { return d.mul(x.Sin()).neg() },
		tensor.OpTan:   func(d lin, x, y tensor.Value) lin { return d.mul(y.Mul(y).Add(1)) },
		tensor.OpTanh:  func(d lin, x, y tensor.Value) lin { return d.mul(one(y).Sub(y.Mul(y))) },
		tensor.OpErf: func(d lin, x, y tensor.Value) lin {
			return d.scaled(2 / math.Sqrt(math.Pi)).mul(x.Mul(x).Neg().Exp())
		},
		tensor.OpErfc: func(d lin, x, y tensor.Value) lin {
			return d.scaled(-2 / math.Sqrt(math.Pi)).mul(x.Mul(x).Neg().Exp())
		},
		tensor.OpErfInv: func(d lin, x, y tensor.Value) lin {
			return d.scaled(math.Sqrt(math.Pi) / 2).mul(y.Mul(y).Exp())
		},
		tensor.OpLgamma:   func(d lin, x, y tensor.Value) lin { return d.mul(x.Digamma()) },
		tensor.OpDigamma:  func(d lin, x, y tensor.Value) lin { return d.mul(x.Trigamma()) },
		tensor.OpTrigamma: func(d lin, x, y tensor.Value) lin { return d.mul(tetragamma(x)) },
		tensor.OpSigmoid:  func(d lin, x, y tensor.Value) lin { return d.mul(y.Mul(one(y).Sub(y))) },
		tensor.OpSoftplus: func(d lin, x, y tensor.Value) lin { return d.mul(x.Sigmoid()) },
	} {
		out[op] = rule{
			vjp: func(s *site, ct lin) { s.push(0, f(ct, s.x[0], s.y)) },
			jvp: func(s *site) lin { return f(s.t[0], s.x[0], s.y) },
		}
	}
	out[tensor.OpConvert] = rule{
		vjp: func(s *site, ct lin) {
			s.push(0, ct.elementwise(func(v tensor.Value) tensor.Value { return v.Convert(s.x[0].DType()) }))
		},
		jvp: func(s *site) lin {
			return s.t[0].elementwise(func(v tensor.Value) tensor.Value { return v.Convert(s.DType) })
		},
	}
	return out
}

// one returns ones like x.
func one(x tensor.Value) tensor.Value {
	return number(x.DType(), 1).BroadcastTo(x.Shape()...)
}

// diagonal makes the rule of an operation from the products of d with its partial derivatives, which f prepares once;
// an entry is called only where its operand counts.
func diagonal(f func(a, b, y tensor.Value) [2]func(d lin) lin) rule {
	return rule{
		vjp: func(s *site, ct lin) {
			for i, by := range f(s.x[0], s.x[1], s.y) {
				s.to(i, func() lin { return by(ct) })
			}
		},
		jvp: func(s *site) lin {
			sum := zeroLike(s.y)
			for i, by := range f(s.x[0], s.x[1], s.y) {
				if !s.t[i].zero {
					sum = sum.plus(by(s.t[i]))
				}
			}
			return sum
		},
	}
}

func binaryRules() map[tensor.Op]rule {
	same := func(d lin) lin { return d }
	return map[tensor.Op]rule{
		tensor.OpAdd: diagonal(func(a, b, y tensor.Value) [2]func(lin) lin { return [2]func(lin) lin{same, same} }),
		tensor.OpSub: diagonal(func(a, b, y tensor.Value) [2]func(lin) lin { return [2]func(lin) lin{same, lin.neg} }),
		tensor.OpMul: {vjp: mulVJP, jvp: func(s *site) lin {
			if s.In[0] == s.In[1] {
				return s.t[0].scaled(2).mul(s.x[0])
			}
			return sumTangents(s.y, s.t[0].mul(s.x[1]), s.t[1].mul(s.x[0]))
		}},
		tensor.OpDiv: {vjp: divVJP, jvp: func(s *site) lin {
			return sumTangents(s.y, s.t[0], s.t[1].mul(s.y).neg()).div(s.x[1])
		}},
		tensor.OpRem: diagonal(func(a, b, y tensor.Value) [2]func(lin) lin {
			return [2]func(lin) lin{same, func(d lin) lin { return d.mul(a.Div(b).Trunc()).neg() }}
		}),
		tensor.OpPow: diagonal(powPartials),
		tensor.OpMin: diagonal(func(a, b, y tensor.Value) [2]func(lin) lin { return chosen(a, b, a.Lt(b), a.Gt(b)) }),
		tensor.OpMax: diagonal(func(a, b, y tensor.Value) [2]func(lin) lin { return chosen(a, b, a.Gt(b), a.Lt(b)) }),
		tensor.OpAtan2: diagonal(func(a, b, y tensor.Value) [2]func(lin) lin {
			r2 := a.Mul(a).Add(b.Mul(b))
			return [2]func(lin) lin{
				func(d lin) lin { return d.mul(b.Div(r2)) },
				func(d lin) lin { return d.mul(a.Div(r2)).neg() },
			}
		}),
		tensor.OpLogAddExp: diagonal(logAddExpPartials),
		tensor.OpSelect:    {vjp: selectVJP, jvp: selectJVP},
	}
}

func mulVJP(s *site, ct lin) {
	if s.In[0] == s.In[1] {
		s.push(0, ct.scaled(2).mul(s.x[0]))
		return
	}
	s.to(0, func() lin { return ct.mul(s.x[1]) })
	s.to(1, func() lin { return ct.mul(s.x[0]) })
}

// divVJP: with y = a/b the cotangents are q = ct/b and -q·y. A reciprocal reuses y and divides no more.
func divVJP(s *site, ct lin) {
	a, b := s.x[0], s.x[1]
	if c, ok := constant(a); ok && c != 0 && !s.want[0] {
		s.to(1, func() lin { return ct.scaled(-1 / c).mul(s.y).mul(s.y) })
		return
	}
	q := ct.div(b)
	s.to(0, func() lin { return q })
	s.to(1, func() lin { return q.mul(s.y).neg() })
}

// chosen are the partial derivatives of min and max: one for the operand that won, a half each for equals.
func chosen(a, b, first, second tensor.Value) [2]func(lin) lin {
	zero := number(a.DType(), 0).BroadcastTo(a.Shape()...)
	share := func(wins, loses tensor.Value) func(lin) lin {
		return func(d lin) lin {
			tie := d.scaled(0.5)
			return fullLin(tensor.Select(wins, d.value(), tensor.Select(loses, zero, tie.value())))
		}
	}
	return [2]func(lin) lin{share(first, second), share(second, first)}
}

// powPartials of y = a^b. The derivative by a is b·y/a but at a = 0, where the limit is written out; that by b is
// y·log a, taken as 0 at a = 0.
func powPartials(a, b, y tensor.Value) [2]func(lin) lin {
	atZero := func() tensor.Value { return a.Eq(0.0) }
	byBase := func(d lin) lin {
		p, static := constant(b)
		switch {
		case static && p == 2:
			return d.scaled(2).mul(a)
		case static && p == 3:
			return d.scaled(3).mul(a.Mul(a))
		case static && (p == 1 || p == 0):
			return d.scaled(p)
		case static && p == 0.5:
			return d.scaled(0.5).div(y)
		case static && p == -1:
			return d.mul(y.Mul(y)).neg()
		case static:
			return d.scaled(p).mul(tensor.Select(atZero(), slopeAtZero(p), y.Div(nonZero(a))))
		}
		limit := tensor.Select(b.Gt(1.0), 0.0, tensor.Select(b.Eq(1.0), 1.0, tensor.Select(b.Eq(0.0), 0.0, b.Mul(math.Inf(1)))))
		return d.mul(tensor.Select(atZero(), limit, b.Mul(y).Div(nonZero(a))))
	}
	byExponent := func(d lin) lin { return d.mul(y.Mul(nonZero(a).Log())) }
	return [2]func(lin) lin{byBase, byExponent}
}

// slopeAtZero returns the limit of x^(p-1) at 0.
func slopeAtZero(p float64) float64 {
	if p > 1 {
		return 0
	}
	return math.Inf(1)
}

// nonZero returns a with 1 in the place of zeros.
func nonZero(a tensor.Value) tensor.Value { return tensor.Select(a.Eq(0.0), 1.0, a) }

// logAddExpPartials are the weights s = e^a/(e^a+e^b) and 1-s. Where a = b, both -Inf included, they are one half.
func logAddExpPartials(a, b, y tensor.Value) [2]func(lin) lin {
	weight := tensor.Select(a.Eq(b), 0.0, a.Sub(b)).Sigmoid()
	return [2]func(lin) lin{
		func(d lin) lin { return d.mul(weight) },
		func(d lin) lin { return d.mul(one(weight).Sub(weight)) },
	}
}

func selectVJP(s *site, ct lin) {
	zero := number(s.DType, 0).BroadcastTo(s.Shape...)
	s.to(1, func() lin { return fullLin(tensor.Select(s.x[0], ct.value(), zero)) })
	s.to(2, func() lin { return fullLin(tensor.Select(s.x[0], zero, ct.value())) })
}

func selectJVP(s *site) lin {
	if s.t[1].zero && s.t[2].zero {
		return zeroLike(s.y)
	}
	return fullLin(tensor.Select(s.x[0], s.t[1].value(), s.t[2].value()))
}
