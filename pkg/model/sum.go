package model

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// summation adds up log densities with few operations inside a sampler's loop. A sum over elements is linear: what is the
// same for all elements is added once, constant factors move out of the loop, and all terms that do not depend on the
// position form one sum, which an engine computes once and not at each step.
type summation struct {
	position tensor.Value // absent: only literals are known not to depend on it
	moves    map[*tensor.Node]bool
	fixed    tensor.Value // the terms that do not depend on the position
	moving   tensor.Value
}

func newSummation(position tensor.Value) *summation {
	return &summation{position: position, moves: map[*tensor.Node]bool{}}
}

// add adds factor times the sum of the elements of v.
func (a *summation) add(v tensor.Value, factor float64) { a.addWithin(v, factor, false) }

// addWithin is add for a log density; inside says that its argument is in the support by construction, so that it needs
// no guard.
func (a *summation) addWithin(v tensor.Value, factor float64, inside bool) {
	v = a.unguard(v, factor, inside)
	for {
		inner, f, ok := a.peel(v, factor)
		if !ok {
			break
		}
		v, factor = inner, f
	}
	if c, ok := constant(v); ok && c == 0 {
		return
	}
	if v.Rank() > 0 {
		v = v.Sum()
	}
	to := &a.moving
	if a.isFixed(v) {
		to = &a.fixed
	}
	*to = plus(*to, v, factor)
}

// peel takes one operation off v, adding what does not stay in the sum over elements.
func (a *summation) peel(v tensor.Value, factor float64) (inner tensor.Value, f float64, ok bool) {
	n := v.Node()
	switch n.Op {
	case tensor.OpNeg:
		return n.In[0], -factor, true
	case tensor.OpBroadcast:
		if n.In[0].Size() == 1 {
			return n.In[0].Reshape(), float64(factor * float64(v.Size())), true
		}
	case tensor.OpMul:
		for i := range 2 {
			if c, ok := constant(n.In[i]); ok {
				return n.In[1-i], float64(factor * c), true
			}
		}
	case tensor.OpAdd, tensor.OpSub:
		sign := 1.0
		if n.Op == tensor.OpSub {
			sign = -1
		}
		if a.separate(n.In[1]) {
			a.add(n.In[1], sign*factor)
			return n.In[0], factor, true
		}
		if a.separate(n.In[0]) {
			a.add(n.In[0], factor)
			return n.In[1], sign * factor, true
		}
	}
	return v, factor, false
}

// unguard takes the guard off a log density of the form "where in the support: v, else -Inf". A guard that data alone
// decide is added apart: 0 or -Inf.
func (a *summation) unguard(v tensor.Value, factor float64, inside bool) tensor.Value {
	n := v.Node()
	if n.Op != tensor.OpSelect {
		return v
	}
	if c, ok := constant(n.In[2]); !ok || !math.IsInf(c, -1) || !inside && !a.isFixed(n.In[0]) {
		return v
	}
	if !inside {
		outside := tensor.Select(n.In[0], 0.0, math.Inf(-1))
		a.fixed = plus(a.fixed, outside.Sum(), factor)
	}
	return n.In[1]
}

// separate reports whether the sum of v is cheaper to add apart: one number for all elements, or fixed.
func (a *summation) separate(v tensor.Value) bool {
	n := v.Node()
	return n.Op == tensor.OpBroadcast && n.In[0].Size() == 1 || a.isFixed(v)
}

// isFixed reports whether v is known not to depend on the position.
func (a *summation) isFixed(v tensor.Value) bool {
	if !a.position.IsValid() {
		_, ok := tensor.Static(v)
		return ok
	}
	return !dependsOn(v, a.position, a.moves)
}

// total returns the sum of all that was added, a scalar.
func (a *summation) total() tensor.Value {
	switch {
	case !a.moving.IsValid() && !a.fixed.IsValid():
		return tensor.Lift(0.0)
	case !a.moving.IsValid():
		return a.fixed
	case !a.fixed.IsValid():
		return a.moving
	}
	return a.moving.Add(a.fixed)
}

// plus returns total + factor·v; an absent total is 0.
func plus(total, v tensor.Value, factor float64) tensor.Value {
	if factor == -1 && total.IsValid() {
		return total.Sub(v)
	}
	if factor != 1 {
		v = v.Mul(factor)
	}
	if !total.IsValid() {
		return v
	}
	return total.Add(v)
}

// constant returns the number that all elements of v are, if v is such a constant.
func constant(v tensor.Value) (float64, bool) {
	n := v.Node()
	if n.Op == tensor.OpBroadcast {
		v = n.In[0]
	}
	x, ok := tensor.Static(v)
	if !ok || len(x) != 1 {
		return 0, false
	}
	return x[0], true
}

// dependsOn reports whether v is computed from p. known remembers the answers for instructions, for the same p.
func dependsOn(v, p tensor.Value, known map[*tensor.Node]bool) bool {
	n := v.Node()
	if n == p.Node() {
		return true
	}
	if d, ok := known[n]; ok {
		return d
	}
	d := false
	for _, in := range n.In {
		d = d || dependsOn(in, p, known)
	}
	for _, r := range n.Regions {
		for _, out := range r.Results {
			d = d || dependsOn(out, p, known)
		}
	}
	known[n] = d
	return d
}
