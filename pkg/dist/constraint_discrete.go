package dist

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Sets of integers. Check accepts values of any integer or float type.
var (
	Boolean            Constraint = integers{lo: tensor.Lift(0), hi: tensor.Lift(1), name: "0 or 1"}
	NonNegativeInteger Constraint = integers{lo: tensor.Lift(0), name: "a non-negative integer"}
	PositiveInteger    Constraint = integers{lo: tensor.Lift(1), name: "a positive integer"}
)

// IntegerInterval returns the integers in [lo, hi]; bounds may be Values.
func IntegerInterval(lo, hi any) Constraint {
	return integers{lo: tensor.Lift(lo), hi: tensor.Lift(hi)}
}

// IntegerGreaterThan returns the integers above lo.
func IntegerGreaterThan(lo any) Constraint {
	l := tensor.Lift(lo)
	return integers{lo: l.Add(1), name: "an integer above " + boundText(l)}
}

type integers struct {
	lo, hi tensor.Value // hi may be absent
	name   string
}

func (c integers) Check(x tensor.Value) tensor.Value {
	if !x.DType().IsFloat() && !x.DType().IsInt() { // Bool
		x = x.Convert(tensor.I32)
	}
	float := x.DType().IsFloat()
	lo, hi := c.lo, c.hi
	if float || lo.DType().IsFloat() || hi.IsValid() && hi.DType().IsFloat() {
		x, lo = number(x), number(lo)
		if hi.IsValid() {
			hi = number(hi)
		}
	}
	in := x.Ge(lo)
	if hi.IsValid() {
		in = in.And(x.Le(hi))
	}
	if float {
		in = in.And(x.Floor().Eq(x)).And(x.IsFinite())
	}
	return in
}

func (c integers) EventDim() int  { return 0 }
func (c integers) Discrete() bool { return true }

func (c integers) String() string {
	if c.name != "" {
		return c.name
	}
	if !c.hi.IsValid() {
		return "an integer from " + boundText(c.lo) + " on"
	}
	return fmt.Sprintf("an integer in [%s, %s]", boundText(c.lo), boundText(c.hi))
}

// singleton is the one value v.
type singleton struct {
	v        tensor.Value
	eventDim int
}

func (c singleton) Check(x tensor.Value) tensor.Value { return allOver(x.Eq(c.v), c.eventDim) }
func (c singleton) EventDim() int                     { return c.eventDim }
func (c singleton) Discrete() bool                    { return c.v.DType().IsInt() }
func (c singleton) String() string                    { return "equal to " + boundText(c.v) }
