package dist

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Constraint is a set of values: the support of a distribution or the domain of a parameter.
type Constraint interface {
	// Check reports, as Bool over the batch axes of x, that x is in the set.
	Check(x tensor.Value) tensor.Value

	// EventDim returns the number of axes of one element of the set: 0 for scalars.
	EventDim() int

	// Discrete reports that the elements are integers.
	Discrete() bool

	// String describes the set for messages: "positive", "in [0, 10]".
	String() string
}

// Sets of scalars.
var (
	Real         Constraint = realSet{}
	Positive     Constraint = bounded{lo: tensor.Lift(0.0), openLo: true, name: "positive"}
	NonNegative  Constraint = bounded{lo: tensor.Lift(0.0), name: "non-negative"}
	UnitInterval Constraint = bounded{lo: tensor.Lift(0.0), hi: tensor.Lift(1.0), name: "in [0, 1]"}
)

// RealVector is the set of vectors, RealMatrix that of matrices.
var (
	RealVector Constraint = realSet{dim: 1}
	RealMatrix Constraint = realSet{dim: 2}
)

// Interval returns the numbers in [lo, hi]; bounds may be Values.
func Interval(lo, hi any) Constraint {
	return bounded{lo: bound(lo), hi: bound(hi)}.ordered()
}

// GreaterThan returns the numbers above lo.
func GreaterThan(lo any) Constraint { return bounded{lo: bound(lo), openLo: true} }

// GreaterThanEq returns the numbers from lo on.
func GreaterThanEq(lo any) Constraint { return bounded{lo: bound(lo)} }

// LessThan returns the numbers below hi.
func LessThan(hi any) Constraint { return bounded{hi: bound(hi), openHi: true} }

// LessThanEq returns the numbers up to hi.
func LessThanEq(hi any) Constraint { return bounded{hi: bound(hi)} }

func bound(x any) tensor.Value { return floatLiteral(tensor.Lift(x)) }

// realSet is all of R, or the vectors or matrices over it.
type realSet struct{ dim int }

func (c realSet) Check(x tensor.Value) tensor.Value { return allOver(x.IsFinite(), c.dim) }
func (c realSet) EventDim() int                     { return c.dim }
func (c realSet) Discrete() bool                    { return false }
func (c realSet) String() string {
	return [...]string{"real", "a real vector", "a real matrix"}[c.dim]
}

// bounded is an interval of the real line; an absent bound does not limit.
type bounded struct {
	lo, hi         tensor.Value
	openLo, openHi bool
	name           string
}

func (c bounded) ordered() bounded {
	lo, okLo := tensor.Static(c.lo)
	hi, okHi := tensor.Static(c.hi)
	if okLo && okHi && len(lo) == 1 && len(hi) == 1 && !(lo[0] < hi[0]) {
		tensor.Fail("interval", "[%v, %v] is empty", lo[0], hi[0])
	}
	return c
}

func (c bounded) Check(x tensor.Value) tensor.Value {
	var above, below tensor.Value
	if c.lo.IsValid() {
		above = x.Ge(c.lo)
		if c.openLo {
			above = x.Gt(c.lo)
		}
	}
	if c.hi.IsValid() {
		below = x.Le(c.hi)
		if c.openHi {
			below = x.Lt(c.hi)
		}
	}
	switch {
	case !above.IsValid():
		return below
	case !below.IsValid():
		return above
	}
	return above.And(below)
}

func (c bounded) EventDim() int  { return 0 }
func (c bounded) Discrete() bool { return false }

func (c bounded) String() string {
	switch {
	case c.name != "":
		return c.name
	case !c.hi.IsValid():
		return pick(c.openLo, "above ", "at least ") + boundText(c.lo)
	case !c.lo.IsValid():
		return pick(c.openHi, "below ", "at most ") + boundText(c.hi)
	}
	return "in " + pick(c.openLo, "(", "[") + boundText(c.lo) + ", " + boundText(c.hi) + pick(c.openHi, ")", "]")
}

func pick(cond bool, a, b string) string {
	if cond {
		return a
	}
	return b
}

func boundText(v tensor.Value) string {
	if x, ok := tensor.Static(v); ok && len(x) == 1 {
		return fmt.Sprint(x[0])
	}
	return "a bound " + v.String()
}

// allOver reduces Bools over the last n axes.
func allOver(v tensor.Value, n int) tensor.Value {
	if n == 0 {
		return v
	}
	return v.All(lastAxes(n)...)
}

// sumOver sums over the last n axes.
func sumOver(v tensor.Value, n int) tensor.Value {
	if n == 0 {
		return v
	}
	return v.Sum(lastAxes(n)...)
}

func lastAxes(n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = i - n
	}
	return axes
}

// Independent returns the arrays whose last n axes hold elements of c, as one element.
func Independent(c Constraint, n int) Constraint {
	if n < 0 {
		tensor.Fail("independent", "%d axes", n)
	}
	if n == 0 {
		return c
	}
	if i, ok := c.(independent); ok {
		return independent{i.base, i.n + n}
	}
	return independent{c, n}
}

type independent struct {
	base Constraint
	n    int
}

func (c independent) Check(x tensor.Value) tensor.Value { return allOver(c.base.Check(x), c.n) }
func (c independent) EventDim() int                     { return c.base.EventDim() + c.n }
func (c independent) Discrete() bool                    { return c.base.Discrete() }
func (c independent) String() string                    { return "entries " + c.base.String() }
