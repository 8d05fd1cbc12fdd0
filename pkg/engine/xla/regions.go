//go:build cgo && (linux || darwin)

package xla

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// isOrdered reports whether the order in which a program's loops read and write what they share follows from what they compute. Only
// then XLA's region analysis is used: it is wrong about a loop within another one that reads what the outer one carries, where the
// next value of that does not depend on the inner loop. It lets that value be written over the old one first (TestNestedLoops).
func isOrdered(r *tensor.Region) bool {
	uses := usesOf(r)
	for _, n := range r.Nodes {
		if !isLoop(n) {
			for _, inner := range n.Regions {
				if !isOrdered(inner) {
					return false
				}
			}
			continue
		}
		if !isUpdateLast(n, uses) {
			return false
		}
		for _, body := range n.Regions {
			if !isOrdered(body) || !isReadFirst(body) {
				return false
			}
		}
	}
	return true
}

func isLoop(n *tensor.Node) bool { return n.Op == tensor.OpWhile || n.Op == tensor.OpScan }

// isUpdateLast reports whether a loop, which makes its first values those that it carries, comes after all others that use them.
func isUpdateLast(loop *tensor.Node, uses map[*tensor.Node][]*tensor.Node) bool {
	var before map[*tensor.Node]bool
	for _, v := range loop.In {
		for _, user := range uses[viewed(v.Node())] {
			if user == loop {
				continue
			}
			if before == nil {
				before = beforeOf(loop)
			}
			if !before[user] {
				return false
			}
		}
	}
	return true
}

// isReadFirst reports whether whatever the loops in a body read of what the outer loop carries stays until they have.
func isReadFirst(body *tensor.Region) bool {
	for _, n := range body.Nodes {
		if !containsLoop(n) {
			continue
		}
		var after map[*tensor.Node]bool
		for _, v := range inputs(n) {
			i := slices.IndexFunc(body.Params, func(p tensor.Value) bool { return p.Node() == viewed(v) })
			if i < 0 || i >= len(body.Results) || viewed(body.Results[i].Node()) == viewed(v) {
				continue
			}
			if after == nil {
				after = afterOf(n, body)
			}
			if !after[body.Results[i].Node()] {
				return false
			}
		}
	}
	return true
}

func containsLoop(n *tensor.Node) bool {
	if isLoop(n) {
		return true
	}
	for _, r := range n.Regions {
		if slices.ContainsFunc(r.Nodes, containsLoop) {
			return true
		}
	}
	return false
}

// viewed returns the instruction whose memory the result of n may share, n itself if it has its own.
func viewed(n *tensor.Node) *tensor.Node {
	for n.Op == tensor.OpReshape || n.Op == tensor.OpBroadcast || n.Op == tensor.OpTranspose {
		n = n.In[0].Node()
	}
	return n
}

// inputs returns the instructions whose results n takes, and that its regions take from around them.
func inputs(n *tensor.Node) []*tensor.Node {
	var out []*tensor.Node
	for _, v := range n.In {
		out = append(out, v.Node())
	}
	for _, r := range n.Regions {
		for _, v := range r.Captures() {
			out = append(out, v.Node())
		}
	}
	return out
}

// usesOf returns which instructions of a region use the memory of each; the region's results are none of them.
func usesOf(r *tensor.Region) map[*tensor.Node][]*tensor.Node {
	out := map[*tensor.Node][]*tensor.Node{}
	for _, n := range r.Nodes {
		if n == viewed(n) {
			for _, in := range inputs(n) {
				out[viewed(in)] = append(out[viewed(in)], n)
			}
		}
	}
	return out
}

// beforeOf returns the instructions that n takes results of, directly or not.
func beforeOf(n *tensor.Node) map[*tensor.Node]bool {
	out := map[*tensor.Node]bool{}
	var take func(n *tensor.Node)
	take = func(n *tensor.Node) {
		for _, in := range inputs(n) {
			if !out[in] {
				out[in] = true
				take(in)
			}
		}
	}
	take(n)
	return out
}

// afterOf returns n and the instructions of its region that take its results, directly or not.
func afterOf(n *tensor.Node, r *tensor.Region) map[*tensor.Node]bool {
	out := map[*tensor.Node]bool{n: true}
	for _, x := range r.Nodes {
		if slices.ContainsFunc(inputs(x), func(in *tensor.Node) bool { return out[in] }) {
			out[x] = true
		}
	}
	return out
}
