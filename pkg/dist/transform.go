package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Bijector is a smooth one-to-one map x = Forward(u) with its inverse and log Jacobian determinant. It works on the last
// axes of its operands; axes before them are batch axes. Operands broadcast with the bijector's own parameters.
type Bijector interface {
	Forward(u tensor.Value) tensor.Value
	Inverse(x tensor.Value) tensor.Value

	// LogAbsDetJacobian returns log |det dx/du| at u, where x = Forward(u), with the event axes summed over: its shape is
	// the batch shape.
	LogAbsDetJacobian(u, x tensor.Value) tensor.Value

	// DomainDim and CodomainDim are the numbers of event axes of u and x.
	DomainDim() int
	CodomainDim() int

	// ConstrainedShape returns the shape of Forward(u) for the shape of u, UnconstrainedShape that of Inverse(x) for the
	// shape of x, parameters left out of account.
	ConstrainedShape(u []int) []int
	UnconstrainedShape(x []int) []int

	// Image returns the set of Forward(u) for u in c.
	Image(c Constraint) Constraint
}

// elementwise is what bijectors of scalars share.
type elementwise struct{}

func (elementwise) DomainDim() int                   { return 0 }
func (elementwise) CodomainDim() int                 { return 0 }
func (elementwise) ConstrainedShape(u []int) []int   { return slices.Clone(u) }
func (elementwise) UnconstrainedShape(x []int) []int { return slices.Clone(x) }

// increasing returns the image of c under an increasing scalar map, whose values on all of R lie in all.
func increasing(c Constraint, f func(tensor.Value) tensor.Value, all bounded) Constraint {
	out, axes := all, c.EventDim()
	if i, ok := c.(independent); ok {
		c = i.base
	}
	if b, ok := c.(bounded); ok {
		out.name = ""
		if b.lo.IsValid() {
			out.lo, out.openLo = f(b.lo), b.openLo
		}
		if b.hi.IsValid() {
			out.hi, out.openHi = f(b.hi), b.openHi
		}
	}
	if !out.lo.IsValid() && !out.hi.IsValid() {
		return Independent(Real, axes)
	}
	return Independent(out, axes)
}

// Elementwise bijectors without parameters.
var (
	// IdentityTransform is x = u.
	IdentityTransform Bijector = identity{}
	// ExpTransform is x = exp u.
	ExpTransform Bijector = exponential{}
	// SigmoidTransform is x = 1/(1 + exp(-u)).
	SigmoidTransform Bijector = sigmoid{}
	// SoftplusTransform is x = log(1 + exp u).
	SoftplusTransform Bijector = softplus{}
)

type identity struct{ elementwise }

func (identity) Forward(u tensor.Value) tensor.Value              { return u }
func (identity) Inverse(x tensor.Value) tensor.Value              { return x }
func (identity) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value { return zeros(u.Shape()) }
func (identity) Image(c Constraint) Constraint                    { return c }

type exponential struct{ elementwise }

func (exponential) Forward(u tensor.Value) tensor.Value              { return u.Exp() }
func (exponential) Inverse(x tensor.Value) tensor.Value              { return x.Log() }
func (exponential) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value { return u }
func (exponential) Image(c Constraint) Constraint {
	return increasing(c, tensor.Value.Exp, Positive.(bounded))
}

type sigmoid struct{ elementwise }

func (sigmoid) Forward(u tensor.Value) tensor.Value              { return u.Sigmoid() }
func (sigmoid) Inverse(x tensor.Value) tensor.Value              { return logit(x) }
func (sigmoid) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value { return logSigmoidSlope(u) }
func (sigmoid) Image(c Constraint) Constraint {
	return increasing(c, tensor.Value.Sigmoid, UnitInterval.(bounded))
}

func logit(x tensor.Value) tensor.Value { return x.Log().Sub(x.Neg().Log1p()) }

// logSigmoidSlope returns log s(u)(1-s(u)) = -|u| - 2 log(1 + exp(-|u|)).
func logSigmoidSlope(u tensor.Value) tensor.Value {
	return u.Sub(u.Softplus().Mul(2.0))
}

type softplus struct{ elementwise }

func (softplus) Forward(u tensor.Value) tensor.Value { return u.Softplus() }

// Inverse is log(exp x - 1) = x + log(1 - exp(-x)), which does not overflow.
func (softplus) Inverse(x tensor.Value) tensor.Value {
	return x.Add(x.Neg().Expm1().Neg().Log())
}

func (softplus) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value { return u.Neg().Softplus().Neg() }
func (softplus) Image(c Constraint) Constraint {
	return increasing(c, tensor.Value.Softplus, Positive.(bounded))
}

// AffineTransform is x = loc + scale·u. The scale may be negative, not zero.
func AffineTransform(loc, scale any) Bijector {
	p := newParams("AffineTransform")
	t := affine{loc: p.real("loc", loc)}
	t.scale = p.take("scale", scale, 0, "a finite number other than 0", func(v float64) bool { return v != 0 && isFinite(v) })
	p.shape()
	return t
}

type affine struct {
	elementwise
	loc, scale tensor.Value
}

func (t affine) Forward(u tensor.Value) tensor.Value { return u.Mul(t.scale).Add(t.loc) }
func (t affine) Inverse(x tensor.Value) tensor.Value { return standardize(x, t.loc, t.scale) }
func (t affine) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value {
	return broadcastWith(t.scale.Abs().Log(), u.Shape())
}

// Image maps intervals to intervals; half-lines only where the sign of the scale is known while tracing.
func (t affine) Image(c Constraint) Constraint {
	if i, ok := c.(independent); ok {
		return Independent(t.Image(i.base), i.n)
	}
	b, ok := c.(bounded)
	if !ok {
		return c
	}
	switch {
	case allStatic(t.scale, func(v float64) bool { return v > 0 }):
		return increasing(b, t.Forward, bounded{})
	case allStatic(t.scale, func(v float64) bool { return v < 0 }):
		return increasing(bounded{lo: b.hi, hi: b.lo, openLo: b.openHi, openHi: b.openLo}, t.Forward, bounded{})
	case b.lo.IsValid() && b.hi.IsValid():
		lo, hi := t.Forward(b.lo), t.Forward(b.hi)
		return bounded{lo: lo.Min(hi), hi: lo.Max(hi)}
	}
	tensor.Fail("AffineTransform", "the image of values %s depends on the sign of the scale, which is not known while tracing", c)
	return nil
}

// PowerTransform is x = u^exponent on the positive numbers; the exponent is not zero.
func PowerTransform(exponent any) Bijector {
	p := newParams("PowerTransform")
	return power{exponent: p.take("exponent", exponent, 0, "a finite number other than 0", func(v float64) bool { return v != 0 && isFinite(v) })}
}

type power struct {
	elementwise
	exponent tensor.Value
}

func (t power) Forward(u tensor.Value) tensor.Value { return u.Pow(t.exponent) }
func (t power) Inverse(x tensor.Value) tensor.Value { return x.Pow(t.exponent.Reciprocal()) }
func (t power) LogAbsDetJacobian(u, x tensor.Value) tensor.Value {
	return t.exponent.Abs().Log().Add(t.exponent.Sub(1.0).Mul(u.Log()))
}
func (t power) Image(Constraint) Constraint { return Positive }

// Compose returns the bijector that applies the parts one after another, the first one first.
func Compose(parts ...Bijector) Bijector {
	if len(parts) == 1 {
		return parts[0]
	}
	return composed{parts: slices.Clone(parts)}
}

type composed struct{ parts []Bijector }

func (t composed) Forward(u tensor.Value) tensor.Value {
	for _, p := range t.parts {
		u = p.Forward(u)
	}
	return u
}

func (t composed) Inverse(x tensor.Value) tensor.Value {
	for _, p := range slices.Backward(t.parts) {
		x = p.Inverse(x)
	}
	return x
}

func (t composed) LogAbsDetJacobian(u, x tensor.Value) tensor.Value {
	if len(t.parts) == 0 {
		return zeros(u.Shape())
	}
	dim := t.DomainDim()
	var sum tensor.Value
	for i, p := range t.parts {
		next := x
		if i < len(t.parts)-1 {
			next = p.Forward(u)
		}
		j := sumOver(p.LogAbsDetJacobian(u, next), dim-p.DomainDim())
		if sum.IsValid() {
			j = sum.Add(j)
		}
		sum, u = j, next
		dim += p.CodomainDim() - p.DomainDim()
	}
	return sum
}

// DomainDim is the smallest number of event axes that every part can work within.
func (t composed) DomainDim() int {
	need := 0
	for _, p := range slices.Backward(t.parts) {
		need = p.DomainDim() + max(0, need-p.CodomainDim())
	}
	return need
}

func (t composed) CodomainDim() int {
	dim := t.DomainDim()
	for _, p := range t.parts {
		dim += p.CodomainDim() - p.DomainDim()
	}
	return dim
}

func (t composed) ConstrainedShape(u []int) []int {
	for _, p := range t.parts {
		u = p.ConstrainedShape(u)
	}
	return u
}

func (t composed) UnconstrainedShape(x []int) []int {
	for _, p := range slices.Backward(t.parts) {
		x = p.UnconstrainedShape(x)
	}
	return x
}

func (t composed) Image(c Constraint) Constraint {
	for _, p := range t.parts {
		c = p.Image(c)
	}
	return c
}
