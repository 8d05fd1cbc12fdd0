package simplify

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// markLive marks what the results of the program need. Of an instruction with regions only the results that are used,
// the carries that they or the condition depend on, and their initial values are needed.
func (g *graph) markLive() {
	for _, p := range g.root.params {
		p.live = true
	}
	mark(g.root.results)
	for i := len(g.nodes) - 1; i >= 0; i-- {
		// A Scan whose body needs none of its operands, but has control flow that stays inside, keeps one to run over.
		if n := g.nodes[i]; n.live && n.op == tensor.OpScan && len(n.liveInputs()) == 0 {
			mark(n.regions[0].params[:1])
		}
	}
}

// mark marks nodes and all that they need.
func mark(stack []*node) {
	stack = slices.Clone(stack)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !n.live {
			n.live = true
			stack = append(stack, n.needs()...)
		}
	}
}

// needs returns what n needs to be computed.
func (n *node) needs() []*node {
	switch n.op {
	case tensor.OpGet:
		return append(n.in[0].feeds(n.attr.Index), n.in[0])
	case tensor.OpParam:
		c, i := n.home.owner, n.attr.Index
		if c.op == tensor.OpWhile || i < c.attr.Index {
			return append(c.feeds(i), c)
		}
		return []*node{c, c.in[i]}
	case tensor.OpWhile:
		return n.regions[0].results[:1]
	case tensor.OpScan:
		return nil
	}
	return n.in
}

// feeds returns what result i of n needs: the values that regions return for it and, of a carry, the initial value.
func (n *node) feeds(i int) []*node {
	switch n.op {
	case tensor.OpWhile:
		return []*node{n.regions[1].results[i], n.in[i]}
	case tensor.OpCond:
		return []*node{n.regions[0].results[i], n.regions[1].results[i]}
	}
	if i < n.attr.Index {
		return []*node{n.regions[0].results[i], n.in[i]}
	}
	return []*node{n.regions[0].results[i]}
}

// liveResults returns which results of n remain. A carry also does where only the body reads it.
func (n *node) liveResults() []int {
	var out []int
	for i, r := range n.results {
		carry := n.op == tensor.OpWhile || n.op == tensor.OpScan && i < n.attr.Index
		if r.live || carry && n.carryRead(i) {
			out = append(out, i)
		}
	}
	return out
}

// carryRead reports whether a region of the loop n reads carry i.
func (n *node) carryRead(i int) bool {
	for _, r := range n.regions {
		if r.params[i].live {
			return true
		}
	}
	return false
}

// liveInputs returns which operands of n remain.
func (n *node) liveInputs() []int {
	var out []int
	switch n.op {
	case tensor.OpWhile:
		return n.liveResults()
	case tensor.OpScan:
		for _, i := range n.liveResults() {
			if i < n.attr.Index {
				out = append(out, i)
			}
		}
		for i := n.attr.Index; i < len(n.in); i++ {
			if n.carryRead(i) {
				out = append(out, i)
			}
		}
		return out
	}
	for i := range n.in {
		out = append(out, i)
	}
	return out
}
