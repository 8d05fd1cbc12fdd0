package vmap

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

var linalgRules = map[tensor.Op]func(*site) lanes{
	tensor.OpDot:             (*site).dot,
	tensor.OpCholesky:        (*site).matrices,
	tensor.OpCholeskyVJP:     (*site).matrices,
	tensor.OpTriangularSolve: (*site).triangularSolve,
}

// matrices is the rule of operations on the last two axes.
func (s *site) matrices() lanes { return s.emit(lead, s.Attr, s.allAs(s.in, lead)...) }

// triangularSolve takes the lanes as more columns where they share the matrix.
func (s *site) triangularSolve() lanes {
	if s.in[0].batched() {
		return s.matrices()
	}
	shape := slices.Clone(s.Shape)
	k := len(shape) - 1
	shape[k] *= s.width
	columns := tensor.Emit(s.Op, s.Attr, s.in[0].v, s.as(s.in[1], last).Reshape(shape...))
	return lanes{columns.Reshape(last.with(s.Shape, s.width)...), last}
}

// product is a dot whose operands may change places: a·b = b·a bit for bit.
type product struct {
	a, b                                 lanes
	batchA, batchB, contractA, contractB []int
}

func (p product) swapped() product {
	return product{p.b, p.a, p.batchB, p.batchA, p.contractB, p.contractA}
}

// The numbers of axes of the operands that are neither batch axes nor contracted.
func (p product) freeA() int { return p.a.rank() - len(p.batchA) - len(p.contractA) }
func (p product) freeB() int { return p.b.rank() - len(p.batchB) - len(p.contractB) }

// dot makes the lanes a batch axis where both operands have them and else a free axis of the one that has them, as far back
// in the result as it goes. A sum in lane order needs its axis last in both operands.
func (s *site) dot() lanes {
	d := s.Attr.Dot
	p := product{s.in[0], s.in[1], d.BatchA, d.BatchB, d.ContractA, d.ContractB}
	if p.a.batched() && p.b.batched() {
		batch := func(axes []int) []int { return append([]int{0}, lead.axes(axes)...) }
		v := p.emit(s.as(p.a, lead), s.as(p.b, lead), tensor.DotDims{
			BatchA: batch(p.batchA), BatchB: batch(p.batchB), ContractA: lead.axes(p.contractA), ContractB: lead.axes(p.contractB), Order: d.Order,
		})
		return lanes{v, lead}
	}
	if p.a.batched() && p.freeA() == 0 {
		p = p.swapped()
	}
	at := last
	if d.Order == tensor.SumLanes || p.a.batched() && p.freeB() > 0 {
		at = lead
	}
	dims := tensor.DotDims{BatchA: p.batchA, BatchB: p.batchB, ContractA: p.contractA, ContractB: p.contractB, Order: d.Order}
	if p.a.batched() {
		dims.BatchA, dims.ContractA = at.axes(p.batchA), at.axes(p.contractA)
		v := p.emit(s.as(p.a, at), p.b.v, dims)
		if at == lead {
			return moved(v, len(p.batchA))
		}
		return lanes{v, last}
	}
	dims.BatchB, dims.ContractB = at.axes(p.batchB), at.axes(p.contractB)
	v := p.emit(p.a.v, s.as(p.b, at), dims)
	if at == lead {
		return moved(v, len(p.batchA)+p.freeA())
	}
	return lanes{v, last}
}

func (p product) emit(a, b tensor.Value, d tensor.DotDims) tensor.Value {
	return tensor.Emit(tensor.OpDot, tensor.Attr{Dot: &d}, a, b)
}
