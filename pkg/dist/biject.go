package dist

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// BijectTo returns the map from unconstrained space to a set, NumPyro's biject_to: exp for half-lines, a scaled sigmoid
// for intervals, stick breaking for simplexes. Discrete sets, single values and sets that this package does not know have
// none, which gives an error.
func BijectTo(c Constraint) (Bijector, error) {
	switch c := c.(type) {
	case realSet:
		return IdentityTransform, nil
	case bounded:
		return bijectBounded(c), nil
	case independent:
		base, err := BijectTo(c.base)
		if err != nil {
			return nil, err
		}
		return reinterpreted{base, c.n}, nil
	case structured:
		return structuredBijectors[c.kind], nil
	case Bijectable:
		return c.Bijector(), nil
	}
	if c.Discrete() {
		return nil, fmt.Errorf("dist: no smooth map from unconstrained space to discrete values (%s)", c)
	}
	return nil, fmt.Errorf("dist: no map from unconstrained space to values %s", c)
}

// Bijectable is a Constraint that brings its own map from unconstrained space.
type Bijectable interface {
	Constraint
	Bijector() Bijector
}

var structuredBijectors = map[setKind]Bijector{
	simplexSet:          StickBreakingTransform,
	orderedSet:          OrderedTransform,
	positiveOrderedSet:  PositiveOrderedTransform,
	corrCholeskySet:     CorrCholeskyTransform,
	lowerCholeskySet:    LowerCholeskyTransform,
	positiveDefiniteSet: PositiveDefiniteTransform,
	corrMatrixSet:       CorrMatrixTransform,
}

func bijectBounded(c bounded) Bijector {
	isNumber := func(v tensor.Value, x float64) bool {
		return v.IsValid() && v.Rank() == 0 && allStatic(v, func(e float64) bool { return e == x })
	}
	switch {
	case !c.hi.IsValid() && isNumber(c.lo, 0):
		return ExpTransform
	case !c.hi.IsValid():
		return shiftedExp{edge: c.lo, sign: 1}
	case !c.lo.IsValid():
		return shiftedExp{edge: c.hi, sign: -1}
	case isNumber(c.lo, 0) && isNumber(c.hi, 1):
		return SigmoidTransform
	}
	return affineSigmoid{lo: c.lo, hi: c.hi}
}

// shiftedExp is x = edge + sign·exp u.
type shiftedExp struct {
	elementwise
	edge tensor.Value
	sign float64
}

func (t shiftedExp) Forward(u tensor.Value) tensor.Value {
	if t.sign < 0 {
		return t.edge.Sub(u.Exp())
	}
	return u.Exp().Add(t.edge)
}

func (t shiftedExp) Inverse(x tensor.Value) tensor.Value {
	if t.sign < 0 {
		return t.edge.Sub(x).Log()
	}
	return x.Sub(t.edge).Log()
}

func (t shiftedExp) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value {
	return broadcastWith(u, t.edge.Shape())
}

func (t shiftedExp) Image(Constraint) Constraint {
	if t.sign < 0 {
		return bounded{hi: t.edge, openHi: true}
	}
	return bounded{lo: t.edge, openLo: true}
}

// affineSigmoid is x = lo + (hi - lo)·sigmoid(u).
type affineSigmoid struct {
	elementwise
	lo, hi tensor.Value
}

func (t affineSigmoid) Forward(u tensor.Value) tensor.Value {
	return u.Sigmoid().Mul(t.hi.Sub(t.lo)).Add(t.lo)
}

// Inverse is the logit of (x - lo)/(hi - lo), written without 1 - that, which would lose the distance to hi.
func (t affineSigmoid) Inverse(x tensor.Value) tensor.Value {
	return x.Sub(t.lo).Log().Sub(t.hi.Sub(x).Log())
}

func (t affineSigmoid) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value {
	return logSigmoidSlope(u).Add(t.hi.Sub(t.lo).Log())
}

func (t affineSigmoid) Image(Constraint) Constraint { return bounded{lo: t.lo, hi: t.hi} }

// reinterpreted counts the last n batch axes of a bijector as event axes.
type reinterpreted struct {
	Bijector
	n int
}

func (t reinterpreted) LogAbsDetJacobian(u, x tensor.Value) tensor.Value {
	return sumOver(t.Bijector.LogAbsDetJacobian(u, x), t.n)
}
func (t reinterpreted) DomainDim() int                { return t.Bijector.DomainDim() + t.n }
func (t reinterpreted) CodomainDim() int              { return t.Bijector.CodomainDim() + t.n }
func (t reinterpreted) Image(c Constraint) Constraint { return Independent(t.Bijector.Image(c), t.n) }
