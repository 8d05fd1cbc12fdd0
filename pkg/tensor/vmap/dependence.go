package vmap

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// dependence marks the Values of a program that may differ between lanes. Regions are marked with the program around them:
// every Value belongs to one instruction. What the pass makes differs at most where this says so; loops need to know
// before their bodies are made.
type dependence struct{ on, read map[tensor.Value]bool }

// reads marks the Values that an instruction or a region's end reads.
func reads(r *tensor.Region, read map[tensor.Value]bool) {
	mark := func(vs []tensor.Value) {
		for _, v := range vs {
			read[v] = true
		}
	}
	for _, n := range r.Nodes {
		if n.Op != tensor.OpGet {
			mark(n.In)
		}
		for _, inner := range n.Regions {
			reads(inner, read)
		}
	}
	mark(r.Results)
}

func (d dependence) any(vs []tensor.Value) bool {
	return slices.ContainsFunc(vs, func(v tensor.Value) bool { return d.on[v] })
}

// flow marks each of to whose counterpart in from is marked, and returns whether one is news.
func (d dependence) flow(from, to []tensor.Value) bool {
	news := false
	for i, v := range from {
		if d.on[v] && !d.on[to[i]] {
			d.on[to[i]], news = true, true
		}
	}
	return news
}

func (d dependence) region(r *tensor.Region) {
	for _, n := range r.Nodes {
		d.node(n)
	}
}

func (d dependence) node(n *tensor.Node) {
	results := n.Results()
	switch n.Op {
	case tensor.OpGet:
	case tensor.OpWhile:
		d.while(n)
	case tensor.OpScan:
		body, nc := n.Regions[0], n.Attr.Index
		d.flow(n.In, body.Params)
		for d.region(body); d.flow(body.Results[:nc], body.Params[:nc]); {
			d.region(body)
		}
		d.flow(body.Params[:nc], results)
		d.flow(body.Results, results)
	case tensor.OpCond:
		then, els := n.Regions[0], n.Regions[1]
		d.region(then)
		d.region(els)
		d.flow(then.Results, results)
		d.flow(els.Results, results)
		for i, v := range results {
			if d.on[n.In[0]] && then.Results[i] != els.Results[i] {
				d.on[v] = true
			}
		}
	case tensor.OpCall:
		body := n.Regions[0]
		d.flow(n.In, body.Params)
		d.region(body)
		for _, v := range results { // all, since its derivative may mix them
			d.on[v] = d.on[v] || d.any(n.In)
		}
	default:
		if d.any(n.In) {
			d.on[results[0]] = true
		}
	}
}

func (d dependence) while(n *tensor.Node) {
	cond, body, results := n.Regions[0], n.Regions[1], n.Results()
	d.flow(n.In, body.Params)
	for again := true; again; {
		d.flow(body.Params, cond.Params)
		d.region(cond)
		d.region(body)
		again = d.flow(body.Results, body.Params)
		if !d.on[cond.Results[0]] {
			continue
		}
		for i, p := range body.Params { // lanes stop at different turns, which matters where the last value counts
			if !d.on[p] && body.Results[i] != p && d.read[results[i]] {
				d.on[p], again = true, true
			}
		}
	}
	d.flow(body.Params, results)
}
