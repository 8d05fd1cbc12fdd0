package dist

import (
	"math"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// params collects and checks the parameters of one distribution.
type params struct {
	dist   string
	names  []string
	values []tensor.Value
	events []int // ranks that do not belong to the batch
}

func newParams(dist string) *params { return &params{dist: dist} }

// real takes a float parameter of any finite value.
func (p *params) real(name string, x any) tensor.Value {
	return p.take(name, x, 0, "a finite number", isFinite)
}

// positive takes a parameter in (0, ∞).
func (p *params) positive(name string, x any) tensor.Value {
	return p.take(name, x, 0, "> 0", func(v float64) bool { return v > 0 && isFinite(v) })
}

// nonNegative takes a parameter in [0, ∞).
func (p *params) nonNegative(name string, x any) tensor.Value {
	return p.take(name, x, 0, "≥ 0", func(v float64) bool { return v >= 0 && isFinite(v) })
}

// unit takes a parameter in [0, 1].
func (p *params) unit(name string, x any) tensor.Value {
	return p.take(name, x, 0, "in [0, 1]", inUnit)
}

// count takes a non-negative integer, of an integer or float type, as a float.
func (p *params) count(name string, x any) tensor.Value {
	v := tensor.Lift(x)
	if v.DType().IsInt() {
		x = v.Float()
	}
	return p.take(name, x, 0, "an integer ≥ 0", func(v float64) bool { return v >= 0 && v == math.Trunc(v) && isFinite(v) })
}

// take takes a float parameter whose last eventRank axes are not the batch's.
func (p *params) take(name string, x any, eventRank int, want string, ok func(float64) bool) tensor.Value {
	v := floatLiteral(tensor.Lift(x))
	if !v.DType().IsFloat() {
		tensor.Fail(p.dist, "%s is %s, want a float; convert it with Float()", name, v)
	}
	if v.Rank() < eventRank {
		tensor.Fail(p.dist, "%s is %s, want at least %d axes", name, v, eventRank)
	}
	if elements, known := tensor.Static(v); known {
		for _, e := range elements {
			if !ok(e) {
				tensor.Fail(p.dist, "%s is %v, want %s", name, e, want)
			}
		}
	}
	p.names, p.values, p.events = append(p.names, name), append(p.values, v), append(p.events, eventRank)
	return v
}

// shape returns the common batch shape of the parameters, with an event shape.
func (p *params) shape(event ...int) shape {
	shapes := make([][]int, len(p.values))
	for i, v := range p.values {
		shapes[i] = v.Shape()[:v.Rank()-p.events[i]]
	}
	batch, ok := tensor.BroadcastShapes(shapes...)
	if !ok {
		list := make([]string, len(p.values))
		for i, v := range p.values {
			list[i] = p.names[i] + " " + v.String()
		}
		tensor.Fail(p.dist, "shapes do not broadcast: %s", strings.Join(list, ", "))
	}
	return shape{batch: batch, event: event}
}

// floatLiteral returns integer literals as float ones and other Values as they are: Normal(0, 5) has float parameters,
// an I32 Value stays what it is.
func floatLiteral(v tensor.Value) tensor.Value {
	if !v.DType().IsInt() || tensor.FloatType(v) != tensor.Invalid {
		return v
	}
	if x, ok := tensor.Static(v); ok && v.Rank() == 0 {
		return tensor.Lift(x[0])
	}
	return v.Float()
}

// number returns values of a discrete distribution as floats.
func number(x tensor.Value) tensor.Value {
	if x.DType().IsFloat() {
		return x
	}
	return x.Float()
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func inUnit(x float64) bool { return x >= 0 && x <= 1 }

// allStatic reports whether v is known while tracing and ok holds for all its elements.
func allStatic(v tensor.Value, ok func(float64) bool) bool {
	elements, known := tensor.Static(v)
	for _, e := range elements {
		known = known && ok(e)
	}
	return known
}
