package vmap

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// layout says where the axis of the lanes is.
type layout uint8

const (
	none layout = iota // the same in all lanes
	last
	lead
)

// lanes is what stands for a Value of the program.
type lanes struct {
	v  tensor.Value
	at layout
}

func (l lanes) batched() bool { return l.at != none }

// shape returns the shape of one lane.
func (l lanes) shape() []int {
	s := l.v.Shape()
	switch l.at {
	case last:
		return s[:len(s)-1]
	case lead:
		return s[1:]
	}
	return s
}

func (l lanes) rank() int { return len(l.shape()) }

// with returns a list of one entry per axis with one more for the lanes.
func (at layout) with(list []int, lanes int) []int {
	if at == lead {
		return append([]int{lanes}, list...)
	}
	return append(slices.Clone(list), lanes)
}

// axis returns where an axis of one lane is.
func (at layout) axis(a int) int {
	if at == lead {
		return a + 1
	}
	return a
}

// axes returns where axes of one lane are.
func (at layout) axes(list []int) []int {
	out := make([]int, len(list))
	for i, a := range list {
		out[i] = at.axis(a)
	}
	return out
}

// common returns the layout for operands that must have one: the lanes come first only where they do in all that have a
// choice, since scalars have none.
func common(in []lanes) layout {
	at := last
	for _, l := range in {
		switch {
		case !l.batched() || l.rank() == 0:
		case l.at == last:
			return last
		default:
			at = lead
		}
	}
	return at
}

// scope remembers what has been made of Values in a region of the new program and those around it.
type scope struct {
	outer *scope
	made  map[string]tensor.Value
}

func newScope(outer *scope) *scope { return &scope{outer, map[string]tensor.Value{}} }

// once returns what f made under a key before, where it is visible, or f().
func (s *scope) once(key string, f func() tensor.Value) tensor.Value {
	for t := s; t != nil; t = t.outer {
		if v, ok := t.made[key]; ok {
			return v
		}
	}
	v := f()
	s.made[key] = v
	return v
}

// as returns l with the lanes at a place.
func (b *batcher) as(l lanes, at layout) tensor.Value {
	if l.at == at || l.rank() == 0 && l.batched() {
		return l.v
	}
	axes := make([]int, l.rank())
	for i := range axes {
		axes[i] = i
	}
	v := b.scope.once(fmt.Sprintf("%p %d %d", l.v.Node(), l.at, at), func() tensor.Value {
		switch {
		case l.at == none:
			return l.v.BroadcastInDim(at.with(l.shape(), b.width), at.axes(axes))
		case at == lead:
			return l.v.Transpose(lead.with(axes, len(axes))...)
		}
		return l.v.Transpose(last.with(lead.axes(axes), 0)...)
	})
	return b.current(v)
}

func (b *batcher) allAs(in []lanes, at layout) []tensor.Value {
	out := make([]tensor.Value, len(in))
	for i, l := range in {
		out[i] = b.as(l, at)
	}
	return out
}

// spread returns a value of one element per lane, [width], repeated to a shape of one lane.
func (b *batcher) spread(v tensor.Value, shape []int, at layout) tensor.Value {
	if len(shape) == 0 {
		return v
	}
	to := 0
	if at == last {
		to = len(shape)
	}
	return b.scope.once(fmt.Sprintf("%p %d %v", v.Node(), at, shape), func() tensor.Value {
		return v.BroadcastInDim(at.with(shape, b.width), []int{to})
	})
}

// choose returns x in the lanes of mask [width] and y in the others.
func (b *batcher) choose(mask tensor.Value, x, y lanes) lanes {
	at := common([]lanes{x, y})
	return lanes{tensor.Select(b.spread(mask, x.shape(), at), b.as(x, at), b.as(y, at)), at}
}
