package vmap

import (
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// indexRules: where lanes have indices of their own, reads are gathers and writes are scatters along the lanes.
var indexRules = map[tensor.Op]func(*site) lanes{
	tensor.OpTake:          func(s *site) lanes { return s.take(s.in[0], s.in[1], s.Attr.Axis) },
	tensor.OpDynamicSlice:  (*site).dynamicSlice,
	tensor.OpDynamicUpdate: (*site).dynamicUpdate,
	tensor.OpScatter:       (*site).scatter,
	tensor.OpScatterAdd:    (*site).scatterAdd,
}

// shortAxis is the longest axis of which an element is chosen by selects instead of a gather. Selects run over lanes side by
// side; on the wasm engine, 64 lanes, they take 0.6 of the time along 2 elements, as long along 4 and twice as long along
// 12. Writes are always scatters: for the 10 rows of NUTS' checkpoints a select takes a third longer over a whole tick.
const shortAxis = 4

// take returns x at indices of any shape along an axis.
func (s *site) take(x, idx lanes, axis int) lanes {
	switch {
	case !idx.batched():
		return lanes{x.v.Take(idx.v, x.at.axis(axis)), x.at}
	case !x.batched():
		at := lead
		if axis == x.rank()-1 {
			at = last
		}
		to := axis
		if at == last {
			to += idx.rank()
		}
		return moved(x.v.Take(s.as(idx, at), axis), to)
	}
	v, i := s.as(x, last), s.as(idx, last)
	shape := slices.Concat(x.shape()[:axis], idx.shape(), x.shape()[axis+1:])
	if n := x.shape()[axis]; n <= shortAxis {
		return lanes{s.takeShort(v, i, axis, n, last.with(shape, s.width)), last}
	}
	flat := i.Reshape(tensor.NumElements(idx.shape()), s.width)
	return lanes{v.TakeLanes(flat, axis).Reshape(last.with(shape, s.width)...), last}
}

// takeShort chooses among the n elements along an axis; the axes of the indices take its place in the result's shape.
func (s *site) takeShort(x, idx tensor.Value, axis, n int, shape []int) tensor.Value {
	var to, of []int // axes of the result that those of an element and of the indices become
	k := idx.Rank() - 1
	for a := range shape {
		if a < axis || a >= axis+k {
			to = append(to, a)
		}
		if a >= axis && a < axis+k || a == len(shape)-1 {
			of = append(of, a)
		}
	}
	var out tensor.Value
	for r := range n {
		v := x.Slice(axis, r, r+1).Squeeze(axis).BroadcastInDim(shape, to)
		if r > 0 {
			v = tensor.Select(idx.Ge(r).BroadcastInDim(shape, of), v, out)
		}
		out = v
	}
	return out
}

// block is a part of an array that starts at an element given for each axis.
type block struct {
	of, size []int
	starts   []lanes
}

// apart returns the axes along which lanes have blocks at different places.
func (b block) apart() []int {
	var out []int
	for a, s := range b.starts {
		if s.batched() && b.size[a] < b.of[a] {
			out = append(out, a)
		}
	}
	return out
}

// shared returns the starts with those that differ between lanes left out, for an array with an axis of lanes.
func (b block) shared(at layout) []any {
	var out []any
	for _, s := range b.starts {
		if s.batched() {
			out = append(out, 0)
			continue
		}
		out = append(out, s.v)
	}
	switch at {
	case lead:
		return append([]any{0}, out...)
	case last:
		return append(out, 0)
	}
	return out
}

// rows returns the indices [size, width] of the block along an axis.
func (s *site) rows(b block, axis int) tensor.Value {
	first := s.as(b.starts[axis], last).Clamp(0, b.of[axis]-b.size[axis])
	shape := []int{b.size[axis], s.width}
	return first.BroadcastInDim(shape, []int{1}).Add(tensor.Iota(tensor.I32, 0, shape...))
}

// dynamicSlice cuts along the axes where lanes agree, then takes along the others.
func (s *site) dynamicSlice() lanes {
	x := s.in[0]
	b := block{x.shape(), s.Shape, s.in[1:]}
	size := slices.Clone(s.Shape)
	for _, a := range b.apart() {
		size[a] = b.of[a]
	}
	switch {
	case slices.Equal(size, b.of):
	case x.batched():
		x.v = x.v.DynamicSlice(b.shared(x.at), x.at.with(size, s.width)...)
	default:
		x.v = x.v.DynamicSlice(b.shared(none), size...)
	}
	for _, a := range b.apart() {
		idx := lanes{s.rows(b, a), last}
		if b.size[a] == 1 {
			idx.v = idx.v.Reshape(s.width)
		}
		x = s.take(x, idx, a)
		if b.size[a] == 1 {
			x.v = x.v.ExpandDims(x.at.axis(a))
		}
	}
	return x
}

// dynamicUpdate writes into the active lanes.
func (s *site) dynamicUpdate() lanes {
	x, u := s.in[0], s.in[1]
	b := block{x.shape(), u.shape(), s.in[2:]}
	switch apart := b.apart(); {
	case len(apart) == 0:
		return s.updateTogether(x, u, b)
	case len(apart) == 1 && s.isRows(b, apart[0]):
		return s.writeRows(x, u, apart[0], s.rows(b, apart[0]))
	}
	// The positions of the block's elements in an array of one axis.
	shape := last.with(b.size, s.width)
	at := tensor.In(s.anchor, tensor.Full(0, shape...))
	for a, stride := range tensor.Strides(b.of) {
		at = at.Add(s.rows(b, a).BroadcastInDim(shape, []int{a, len(b.size)}).Mul(stride))
	}
	n := tensor.NumElements(b.size)
	flat := lanes{s.as(x, last).Reshape(tensor.NumElements(b.of), s.width), last}
	flat = s.writeRows(flat, lanes{s.as(u, last).Reshape(n, s.width), last}, 0, at.Reshape(n, s.width))
	out := flat.v.Reshape(last.with(s.Shape, s.width)...)
	s.changed(out, s.as(x, last))
	return lanes{out, last}
}

// isRows reports whether a block is as long as the array along every axis but one.
func (s *site) isRows(b block, axis int) bool {
	for a, n := range b.size {
		if a != axis && n < b.of[a] {
			return false
		}
	}
	return true
}

// updateTogether writes a block that lies at the same place in all lanes; lanes that are not active get what stands there.
func (s *site) updateTogether(x, u lanes, b block) lanes {
	at := x.at
	if at == none {
		at = last
	}
	v, w := s.as(x, at), s.as(u, at)
	starts := b.shared(at)
	if s.active != nil {
		w = tensor.Select(s.spread(s.active.v, b.size, at), w, v.DynamicSlice(starts, w.Shape()...))
	}
	out := v.DynamicUpdate(w, starts...)
	s.changed(out, v)
	return lanes{out, at}
}

// writeRows writes u in the places of rows of x along an axis, at indices [n, lanes…, width] of each lane.
func (s *site) writeRows(x, u lanes, axis int, idx tensor.Value) lanes {
	if s.active != nil { // a dropped index costs less than to write what stands there
		idx = tensor.Select(s.spread(s.active.v, idx.Shape()[:idx.Rank()-1], last), idx, -1)
	}
	v := s.as(x, last)
	out := v.Scatter(axis, idx, s.as(u, last))
	s.changed(out, v)
	return lanes{out, last}
}

func (s *site) scatter() lanes {
	x, idx, u := s.in[0], s.in[1], s.in[2]
	if idx.rank() == 1 && !idx.batched() && s.active == nil {
		at := common([]lanes{x, u})
		return lanes{s.as(x, at).Scatter(at.axis(s.Attr.Axis), idx.v, s.as(u, at)), at}
	}
	return s.writeRows(x, u, s.Attr.Axis, s.as(idx, last))
}

// scatterAdd adds to lanes that are not active the zero that changes nothing, -0, or drops it.
func (s *site) scatterAdd() lanes {
	x, idx, u, axis := s.in[0], s.in[1], s.in[2], s.Attr.Axis
	if idx.batched() {
		return s.addLanes(s.as(x, last), s.as(idx, last), s.as(u, last), axis)
	}
	at := common([]lanes{x, u})
	v, w := s.as(x, at), s.as(u, at)
	if s.active != nil {
		w = tensor.Select(s.spread(s.active.v, u.shape(), at), w, negativeZero(s.DType))
	}
	out := v.ScatterAdd(at.axis(axis), idx.v, w)
	s.changed(out, v)
	return lanes{out, at}
}

func negativeZero(d tensor.DType) tensor.Value {
	z := tensor.NewArray(d, nil)
	if d.IsFloat() {
		z.Bits[0] = 1 << (d.Bits() - 1)
	}
	return tensor.Lift(z)
}

// addLanes adds to elements of an array of one axis, in the order of each lane's indices.
func (s *site) addLanes(x, idx, u tensor.Value, axis int) lanes {
	if x.Size() > math.MaxInt32 {
		tensor.Fail("vmap", "scatter_add into %s, which has more elements than i32 positions reach", x)
	}
	count, n := s.Shape[axis], idx.Dim(0)
	row := tensor.NumElements(s.Shape[axis+1:])
	block := []int{tensor.NumElements(s.Shape[:axis]), n, row, s.width}
	valid := idx.Ge(0).And(idx.Lt(count))
	if s.active != nil {
		valid = valid.And(s.spread(s.active.v, []int{n}, last))
	}
	iota := func(axis int) tensor.Value { return tensor.Iota(tensor.I32, axis, block...) }
	spread := func(v tensor.Value) tensor.Value { return v.BroadcastInDim(block, []int{1, 3}) }
	at := iota(0).Mul(count).Add(spread(idx)).Mul(row).Add(iota(2)).Mul(s.width).Add(iota(3))
	at = tensor.Select(spread(valid), at, -1)
	out := x.Reshape(x.Size()).ScatterAdd(0, at.Reshape(at.Size()), u.Reshape(u.Size())).Reshape(x.Shape()...)
	s.changed(out, x)
	return lanes{out, last}
}
