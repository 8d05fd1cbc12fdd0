package vmap

import (
	"maps"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// site is one instruction that differs between lanes, with its operands.
type site struct {
	*batcher
	*tensor.Node
	in []lanes
}

// rules holds the batched form of every operation with operands but control flow. At least one operand is batched.
var rules = func() map[tensor.Op]func(*site) lanes {
	all := map[tensor.Op]func(*site) lanes{tensor.OpSelect: (*site).elementwise}
	for op := tensor.OpNeg; op.IsUnary(); op++ {
		all[op] = (*site).elementwise
	}
	for op := tensor.OpAdd; op.IsBinary(); op++ {
		all[op] = (*site).elementwise
	}
	for op := tensor.OpReduceSum; op.IsReduction(); op++ {
		all[op] = (*site).alongAxes
	}
	for _, op := range []tensor.Op{tensor.OpCumsum, tensor.OpSort, tensor.OpArgsort} {
		all[op] = (*site).alongAxes
	}
	for _, group := range []map[tensor.Op]func(*site) lanes{shapeRules, indexRules, linalgRules} {
		maps.Copy(all, group)
	}
	return all
}()

// emit records the instruction with other attributes and operands.
func (s *site) emit(at layout, attr tensor.Attr, in ...tensor.Value) lanes {
	return lanes{tensor.Emit(s.Op, attr, in...), at}
}

func (s *site) elementwise() lanes {
	at := common(s.in)
	return s.emit(at, s.Attr, s.allAs(s.in, at)...)
}

// alongAxes is the rule of what runs along axes of one operand: in the order that the instruction carries.
func (s *site) alongAxes() lanes {
	x, attr := s.in[0], s.Attr
	attr.Axis, attr.Axis2 = x.at.axis(attr.Axis), x.at.axis(attr.Axis2)
	return s.emit(x.at, attr, x.v)
}
