package simplify

import "github.com/drey-sampler/drey/pkg/tensor"

// markLive marks what the results of the program need. Of an instruction with regions only the results that are used,
// the carries that they or the condition depend on, and their initial values are needed.
func (g *graph) markLive() {
	for _, p := range g.root.params {
		p.live = true
	}
	stack := append([]*node(nil), g.root.results...)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n.live {
			continue
		}
		n.live = true
		switch {
		case n.op == tensor.OpGet:
			c := n.in[0]
			stack = append(stack, c)
			stack = append(stack, c.feeds(n.attr.Index)...)
		case n.op == tensor.OpParam:
			c := n.home.owner
			stack = append(stack, c)
			if c.op == tensor.OpWhile || n.attr.Index < c.attr.Index {
				stack = append(stack, c.feeds(n.attr.Index)...)
			}
			stack = append(stack, c.in[n.attr.Index])
		case n.op == tensor.OpWhile:
			stack = append(stack, n.regions[0].results[0])
		case n.op == tensor.OpCond:
			stack = append(stack, n.in[0])
		case n.op == tensor.OpScan:
		default:
			stack = append(stack, n.in...)
		}
	}
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
