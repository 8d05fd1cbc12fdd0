//go:build cgo && (linux || darwin)

package xla

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// loopKind is what instructions that one loop computes have in common.
type loopKind struct {
	sum   bool
	axis  int
	shape string       // of a sum's operand; of the axis and the lanes where rows are written
	rows  tensor.Value // where rows are written: the index
}

// joined are instructions of a region, none of which depends on another, that one loop computes.
type joined struct {
	nodes []*tensor.Node
	out   []tensor.Value // their results, once there is the loop
}

// joiner finds them in a Func that is nobody else's.
type joiner map[*tensor.Node]*joined

// region finds the loops of r and of the regions in it, and puts the instructions of each behind one another and behind all
// that they depend on.
func (j joiner) region(r *tensor.Region) {
	here := map[*tensor.Node]bool{}
	for _, n := range r.Nodes {
		here[n] = true
		for _, inner := range n.Regions {
			j.region(inner)
		}
	}
	last := map[loopKind]*joined{}
	for _, n := range r.Nodes {
		kind, ok := kindOf(n)
		if !ok {
			continue
		}
		g := last[kind]
		if g == nil || j.depends(n, g, here, map[*tensor.Node]bool{}) {
			g = &joined{}
			last[kind] = g
		}
		g.nodes = append(g.nodes, n)
		j[n] = g
	}
	order := make([]*tensor.Node, 0, len(r.Nodes))
	for _, n := range r.Nodes {
		order = j.place(n, here, order)
	}
	r.Nodes = order
}

// kindOf returns the kind of loop that computes an instruction, if one does.
func kindOf(n *tensor.Node) (loopKind, bool) {
	axis := n.Attr.Axis
	switch {
	case isLoopSum(n):
		return loopKind{sum: true, axis: axis, shape: fmt.Sprint(n.In[0].Shape())}, true
	case writesRow(n):
		return loopKind{axis: axis, shape: fmt.Sprint(n.Shape[axis], n.Shape[len(n.Shape)-1]), rows: n.In[1]}, true
	}
	return loopKind{}, false
}

// depends reports whether n depends on an instruction of g, or on one that is computed together with one that does.
func (j joiner) depends(n *tensor.Node, g *joined, here, seen map[*tensor.Node]bool) bool {
	if !here[n] || seen[n] {
		return false
	}
	seen[n] = true
	together := []*tensor.Node{n}
	if own := j[n]; own == g {
		return true
	} else if own != nil {
		together = own.nodes
	}
	return slices.ContainsFunc(together, func(m *tensor.Node) bool {
		return slices.ContainsFunc(inputs(m), func(in *tensor.Node) bool { return j.depends(in, g, here, seen) })
	})
}

// place appends n to order, after what it depends on and together with what it is joined to. What is placed leaves here.
func (j joiner) place(n *tensor.Node, here map[*tensor.Node]bool, order []*tensor.Node) []*tensor.Node {
	if !here[n] {
		return order
	}
	together := []*tensor.Node{n}
	if g := j[n]; g != nil {
		together = g.nodes
	}
	for _, m := range together {
		here[m] = false
	}
	for _, m := range together {
		for _, in := range inputs(m) {
			order = j.place(in, here, order)
		}
	}
	return append(order, together...)
}

// results returns what the loop of n makes of it: the first of its instructions to be copied makes the loop. env has the copies.
func (j joiner) results(n *tensor.Node, env tensor.Env) []tensor.Value {
	g := j[n]
	if g.out == nil {
		if isLoopSum(n) {
			g.out = sumRows(g.copies(env, 0), n.Attr.Axis)
		} else {
			g.out = writeRows(n, env[n.In[1]], g.copies(env, 0), g.copies(env, 2))
		}
	}
	return g.out[slices.Index(g.nodes, n):][:1]
}

// copies returns the copies of an operand of each instruction.
func (g *joined) copies(env tensor.Env, operand int) []tensor.Value {
	var out []tensor.Value
	for _, n := range g.nodes {
		out = append(out, env[n.In[operand]])
	}
	return out
}
