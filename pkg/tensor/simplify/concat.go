package simplify

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// concat joins parts, at least one, along an axis.
func (g *graph) concat(axis int, parts []*node) *node {
	shape := slices.Clone(parts[0].shape)
	for _, p := range parts[1:] {
		shape[axis] += p.shape[axis]
	}
	return g.make(tensor.OpConcat, &tensor.Attr{Axis: axis}, parts[0].dtype, shape, parts...)
}

func (g *graph) pad(x, value *node, low, high []int) *node {
	shape := slices.Clone(x.shape)
	for i := range shape {
		shape[i] += low[i] + high[i]
	}
	return g.make(tensor.OpPad, &tensor.Attr{Start: low, Limit: high}, x.dtype, shape, x, value)
}

// rewriteConcat flattens nested concatenations, joins neighbours that are slices of one value or equal constants, and
// drops empty parts.
func (g *graph) rewriteConcat(axis int, shape []int, in []*node) *node {
	var parts []*node
	for _, p := range in {
		inner := []*node{p}
		if p.op == tensor.OpConcat && p.attr.Axis == axis {
			inner = p.in
		}
		for _, q := range inner {
			if q.shape[axis] == 0 {
				continue
			}
			if last := len(parts) - 1; last >= 0 {
				if j := g.join(axis, parts[last], q); j != nil {
					parts[last] = j
					continue
				}
			}
			parts = append(parts, q)
		}
	}
	switch {
	case len(parts) == 0:
		return in[0]
	case len(parts) == 1:
		return parts[0]
	}
	if n := g.concatAsPad(axis, parts); n != nil {
		return n
	}
	if slices.Equal(parts, in) {
		return nil
	}
	return g.concat(axis, parts)
}

// join returns one node for two neighbours, or nil.
func (g *graph) join(axis int, a, b *node) *node {
	x, okA := splat(a)
	y, okB := splat(b)
	if okA && okB && x == y {
		shape := slices.Clone(a.shape)
		shape[axis] += b.shape[axis]
		return g.splat(a.dtype, x, shape)
	}
	if a.op != tensor.OpSlice || b.op != tensor.OpSlice || a.in[0] != b.in[0] {
		return nil
	}
	p, q := a.attr, b.attr
	for i := range p.Start {
		if p.Step[i] != 1 || q.Step[i] != 1 {
			return nil
		}
		if i == axis && p.Limit[i] != q.Start[i] || i != axis && (p.Start[i] != q.Start[i] || p.Limit[i] != q.Limit[i]) {
			return nil
		}
	}
	limit := slices.Clone(p.Limit)
	limit[axis] = q.Limit[axis]
	return g.slice(a.in[0], p.Start, limit, p.Step)
}

// concatAsPad writes one part between zeros as padding, which is how addPieces finds it too.
func (g *graph) concatAsPad(axis int, parts []*node) *node {
	var only *node
	low, high := make([]int, len(parts[0].shape)), make([]int, len(parts[0].shape))
	for _, p := range parts {
		switch {
		case isPlusZero(p) && only == nil:
			low[axis] += p.shape[axis]
		case isPlusZero(p):
			high[axis] += p.shape[axis]
		case only != nil:
			return nil
		default:
			only = p
		}
	}
	return g.pad(only, g.number(only.dtype, 0, nil), low, high)
}

func isPlusZero(n *node) bool {
	b, ok := splat(n)
	return ok && b == 0
}

func (g *graph) rewritePad(attr *tensor.Attr, shape []int, x, value *node) *node {
	if slices.Equal(shape, x.shape) {
		return x
	}
	if tensor.NumElements(x.shape) == 0 {
		return g.broadcast(value, shape, nil)
	}
	if b, ok := splat(x); ok {
		if v, ok := splat(value); ok && v == b {
			return g.splat(x.dtype, b, shape)
		}
	}
	if x.op == tensor.OpPad && x.in[1] == value {
		low, high := slices.Clone(attr.Start), slices.Clone(attr.Limit)
		for i := range low {
			low[i] += x.attr.Start[i]
			high[i] += x.attr.Limit[i]
		}
		return g.pad(x.in[0], value, low, high)
	}
	return nil
}

// piece is a stretch of a value along an axis; the value is zero between its pieces.
type piece struct {
	lo, hi int
	v      *node
}

// pieces reads padding with zeros along one axis, or a concatenation that has zeros, as pieces in order.
func pieces(n *node) (axis int, out []piece) {
	switch {
	case n.op == tensor.OpPad && isNumber(n.in[1], 0):
		axis = -1
		for i, lo := range n.attr.Start {
			if lo == 0 && n.attr.Limit[i] == 0 {
				continue
			}
			if axis >= 0 {
				return 0, nil
			}
			axis = i
		}
		lo := n.attr.Start[axis]
		return axis, []piece{{lo, lo + n.in[0].shape[axis], n.in[0]}}
	case n.op == tensor.OpConcat && slices.ContainsFunc(n.in, isPlusZero):
		axis = n.attr.Axis
		at := 0
		for _, p := range n.in {
			if !isPlusZero(p) {
				out = append(out, piece{at, at + p.shape[axis], p})
			}
			at += p.shape[axis]
		}
	}
	return axis, out
}

// addPieces adds values that are zero but for pieces, as the derivatives of slices are, by putting the pieces side by
// side; pieces at the same place are added. A sum with such a value takes another one in. It returns nil where pieces
// overlap otherwise.
func (g *graph) addPieces(x, y *node) *node {
	if n := g.mergePieces(x, y); n != nil {
		return n
	}
	for _, s := range [2][2]*node{{x, y}, {y, x}} {
		sum, other := s[0], s[1]
		if sum.op != tensor.OpAdd {
			continue
		}
		for i, part := range sum.in {
			if n := g.mergePieces(part, other); n != nil {
				return g.binary(tensor.OpAdd, sum.in[1-i], n)
			}
		}
	}
	return nil
}

func (g *graph) mergePieces(x, y *node) *node {
	axis, px := pieces(x)
	if px == nil {
		return nil
	}
	other, py := pieces(y)
	if py == nil || axis != other {
		return nil
	}
	all := append(px, py...)
	slices.SortStableFunc(all, func(a, b piece) int { return a.lo - b.lo })
	var parts []*node
	at := 0
	for i := 0; i < len(all); i++ {
		p := all[i]
		if i+1 < len(all) && all[i+1].lo == p.lo && all[i+1].hi == p.hi {
			i++
			p.v = g.binary(tensor.OpAdd, p.v, all[i].v)
		}
		if p.lo < at {
			return nil
		}
		parts = append(g.gap(parts, x, axis, at, p.lo), p.v)
		at = p.hi
	}
	return g.concat(axis, g.gap(parts, x, axis, at, x.shape[axis]))
}

// gap appends zeros for lo … hi along an axis of a value like x.
func (g *graph) gap(parts []*node, x *node, axis, lo, hi int) []*node {
	if lo == hi {
		return parts
	}
	shape := slices.Clone(x.shape)
	shape[axis] = hi - lo
	return append(parts, g.number(x.dtype, 0, shape))
}
