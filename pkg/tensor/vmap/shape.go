package vmap

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

var shapeRules = map[tensor.Op]func(*site) lanes{
	tensor.OpReshape:   (*site).reshape,
	tensor.OpTranspose: (*site).transpose,
	tensor.OpBroadcast: (*site).broadcast,
	tensor.OpSlice:     (*site).slice,
	tensor.OpConcat:    (*site).concat,
	tensor.OpPad:       (*site).pad,
	tensor.OpReverse:   (*site).reverse,
}

func (s *site) reshape() lanes {
	x := s.in[0]
	return s.emit(x.at, tensor.Attr{Shape: x.at.with(s.Shape, s.width)}, x.v)
}

func (s *site) transpose() lanes {
	x := s.in[0]
	of := x.rank() // the axis of the lanes
	if x.at == lead {
		of = 0
	}
	return s.emit(x.at, tensor.Attr{Axes: x.at.with(x.at.axes(s.Attr.Axes), of)}, x.v)
}

func (s *site) broadcast() lanes {
	x := s.in[0]
	to := len(s.Shape)
	if x.at == lead {
		to = 0
	}
	return s.emit(x.at, tensor.Attr{Shape: x.at.with(s.Shape, s.width), Axes: x.at.with(x.at.axes(s.Attr.Axes), to)}, x.v)
}

func (s *site) slice() lanes {
	x, a := s.in[0], s.Attr
	return s.emit(x.at, tensor.Attr{Start: x.at.with(a.Start, 0), Limit: x.at.with(a.Limit, s.width), Step: x.at.with(a.Step, 1)}, x.v)
}

func (s *site) concat() lanes {
	at := common(s.in)
	return s.emit(at, tensor.Attr{Axis: at.axis(s.Attr.Axis)}, s.allAs(s.in, at)...)
}

// pad takes a value that differs between lanes by a select.
func (s *site) pad() lanes {
	x, value := s.in[0], s.in[1]
	if !value.batched() {
		return s.padWith(x, value.v)
	}
	zero := tensor.In(s.anchor, tensor.Zeros(s.DType))
	padded := s.padWith(lanes{s.as(x, last), last}, zero)
	inside := lanes{tensor.In(s.anchor, tensor.Full(true, x.shape()...)), none}
	isInside := tensor.Emit(tensor.OpPad, s.Attr, inside.v, tensor.In(s.anchor, false))
	return lanes{tensor.Select(s.as(lanes{isInside, none}, last), padded.v, s.spread(value.v, s.Shape, last)), last}
}

func (s *site) padWith(x lanes, value tensor.Value) lanes {
	return s.emit(x.at, tensor.Attr{Start: x.at.with(s.Attr.Start, 0), Limit: x.at.with(s.Attr.Limit, 0)}, x.v, value)
}

func (s *site) reverse() lanes {
	x := s.in[0]
	return s.emit(x.at, tensor.Attr{Axes: x.at.axes(s.Attr.Axes)}, x.v)
}

// moved returns a Value whose lanes are at an axis that neither layout has, or has, with the lanes in a layout.
func moved(v tensor.Value, axis int) lanes {
	r := v.Rank()
	switch axis {
	case r - 1:
		return lanes{v, last}
	case 0:
		return lanes{v, lead}
	}
	axes := make([]int, r)
	for i := range axes {
		axes[i] = i
	}
	axes = append(slices.Delete(axes, axis, axis+1), axis)
	return lanes{v.Transpose(axes...), last}
}
