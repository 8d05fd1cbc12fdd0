package grad

import "github.com/drey-sampler/drey/pkg/tensor"

// activity marks the Values that depend on the differentiated parameters by a path that has a derivative. Regions are
// marked with the program around them: every Value belongs to one instruction.
type activity map[tensor.Value]bool

// mark marks v if it is a float and returns whether that is news.
func (a activity) mark(v tensor.Value) bool {
	if a[v] || !v.DType().IsFloat() {
		return false
	}
	a[v] = true
	return true
}

func (a activity) any(vs []tensor.Value) bool {
	for _, v := range vs {
		if a[v] {
			return true
		}
	}
	return false
}

func (a activity) region(r *tensor.Region) {
	for _, n := range r.Nodes {
		a.node(n)
	}
}

func (a activity) node(n *tensor.Node) {
	switch n.Op {
	case tensor.OpGet:
	case tensor.OpWhile:
		a.loop(n.Regions[1], n.In, len(n.In), n.Results())
	case tensor.OpScan:
		a.loop(n.Regions[0], n.In, n.Attr.Index, n.Results())
	case tensor.OpCond:
		for _, r := range n.Regions {
			a.region(r)
			a.flow(r.Results, n.Results())
		}
	case tensor.OpCall:
		if custom(n) {
			if a.any(n.In) {
				for _, v := range n.Results() {
					a.mark(v)
				}
			}
			return
		}
		a.flow(n.In, n.Regions[0].Params)
		a.region(n.Regions[0])
		a.flow(n.Regions[0].Results, n.Results())
	default:
		if !stopped[n.Op] && a.any(n.In) {
			a.mark(n.Results()[0])
		}
	}
}

// loop marks a loop body with nc carries until the marks are stable.
func (a activity) loop(body *tensor.Region, in []tensor.Value, nc int, results []tensor.Value) {
	a.flow(in, body.Params)
	for again := true; again; {
		a.region(body)
		again = a.flow(body.Results[:nc], body.Params[:nc])
	}
	a.flow(body.Params[:nc], results[:nc])
	a.flow(body.Results[nc:], results[nc:])
}

// flow marks to[i] where from[i] is marked and returns whether a mark is new.
func (a activity) flow(from, to []tensor.Value) bool {
	news := false
	for i, v := range from {
		if a[v] && a.mark(to[i]) {
			news = true
		}
	}
	return news
}

// reaching returns the active Values of r, or around it, through which the wanted Values of r may depend on others. An
// instruction with regions counts as depending on all it uses.
func (a activity) reaching(r *tensor.Region, wanted []tensor.Value) map[tensor.Value]bool {
	reach := map[tensor.Value]bool{}
	for _, v := range wanted {
		reach[v] = true
	}
	for i := len(r.Nodes) - 1; i >= 0; i-- {
		n := r.Nodes[i]
		if n.Op == tensor.OpGet {
			continue
		}
		used := false
		for _, v := range n.Results() {
			used = used || reach[v]
		}
		if !used {
			continue
		}
		for _, v := range append(a.captured(n), n.In...) {
			if a[v] {
				reach[v] = true
			}
		}
	}
	return reach
}

// captured returns the active Values from around n that its regions use, in order of first use.
func (a activity) captured(n *tensor.Node) []tensor.Value {
	seen := map[tensor.Value]bool{}
	var out []tensor.Value
	for _, r := range n.Regions {
		for _, v := range r.Captures() {
			if a[v] && !seen[v] {
				seen[v] = true
				out = append(out, v)
			}
		}
	}
	return out
}
