package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Expandable is a Distribution that can widen its batch shape itself, keeping its type.
type Expandable interface {
	Distribution
	// ExpandTo returns the distribution with a batch shape that the present one broadcasts to; it may keep the slice.
	// Callers use Expand, which checks the shape.
	ExpandTo(batch []int) Distribution
}

// Expand returns independent copies of d with the given batch shape, which d's own broadcasts to.
func Expand(d Distribution, batch ...int) Distribution {
	got, ok := tensor.BroadcastShapes(d.Batch(), batch)
	if !ok || !slices.Equal(got, batch) {
		tensor.Fail("expand", "batch shape %v of the distribution does not broadcast to %v", d.Batch(), batch)
	}
	if slices.Equal(d.Batch(), batch) {
		return d
	}
	if e, ok := d.(Expandable); ok {
		return e.ExpandTo(slices.Clone(batch))
	}
	return ExpandedDist{shape: shape{slices.Clone(batch), d.Event()}, Base: d}
}

// widened returns d expanded to its batch shape broadcast with another.
func widened(d Distribution, batch []int) Distribution {
	both, ok := tensor.BroadcastShapes(d.Batch(), batch)
	if !ok {
		tensor.Fail("distribution", "batch shapes %v and %v do not broadcast", d.Batch(), batch)
	}
	return Expand(d, both...)
}

// ExpandedDist is Expand of a Distribution that is not Expandable.
type ExpandedDist struct {
	shape
	Base Distribution
}

func (d ExpandedDist) Support() Constraint                 { return d.Base.Support() }
func (d ExpandedDist) ExpandTo(batch []int) Distribution   { d.batch = batch; return d }
func (d ExpandedDist) LogProb(x tensor.Value) tensor.Value { return d.full(d.Base.LogProb(x)) }

// Sample draws the base once for each new element, in sample axes, and moves these to their places.
func (d ExpandedDist) Sample(k rng.Key, sample ...int) tensor.Value {
	base := d.Base.Batch()
	lead := len(d.batch) - len(base)
	draw := slices.Concat(sample, d.batch[:lead])
	grown := []int{} // axes of base that grow from 1
	for i, n := range base {
		if d.batch[lead+i] != n {
			grown = append(grown, i)
			draw = append(draw, d.batch[lead+i])
		}
	}
	x := d.Base.Sample(k, draw...)
	first := len(sample) + lead // axes of x: sample, lead, grown, base, event
	axes := make([]int, 0, x.Rank())
	for i := range first {
		axes = append(axes, i)
	}
	for i := range base {
		if j := slices.Index(grown, i); j >= 0 {
			axes = append(axes, first+j)
		}
		axes = append(axes, first+len(grown)+i)
	}
	for i := range d.event {
		axes = append(axes, first+len(grown)+len(base)+i)
	}
	return x.Transpose(axes...).Reshape(d.whole(sample)...)
}
