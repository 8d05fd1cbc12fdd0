package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// MixtureDist draws a component by Mixing and a value from it. The components are the last batch axis of Component.
type MixtureDist struct {
	shape
	Mixing    CategoricalDist
	Component Distribution // batch: the mixture's + [K]
}

// MixtureSameFamily returns the mixture of the K distributions along the last batch axis of component, with the K
// probabilities of mixing, which are normalised. Labels are summed out, so that values can be latent.
func MixtureSameFamily(mixing CategoricalDist, component Distribution) MixtureDist {
	n := mixing.categories()
	parts := component.Batch()
	if len(parts) == 0 || parts[len(parts)-1] != n {
		tensor.Fail("MixtureSameFamily", "mixing of %d components, but component has batch shape %v: its last axis counts them", n, parts)
	}
	batch, ok := tensor.BroadcastShapes(mixing.Batch(), parts[:len(parts)-1])
	if !ok {
		tensor.Fail("MixtureSameFamily", "batch shapes of mixing %v and component %v do not broadcast", mixing.Batch(), parts)
	}
	return MixtureDist{shape{batch, component.Event()}, mixing, component}
}

func (d MixtureDist) Support() Constraint               { return mixtureSupport(d.Component) }
func (d MixtureDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// mixtureSupport is the support of one component, which must not depend on the component.
func mixtureSupport(component Distribution) Constraint {
	c := component.Support()
	var bounds [2]tensor.Value
	switch s := c.(type) {
	case bounded:
		bounds = [2]tensor.Value{s.lo, s.hi}
	case integers:
		bounds = [2]tensor.Value{s.lo, s.hi}
	}
	for _, v := range bounds {
		if v.IsValid() && v.Rank() > 0 {
			tensor.Fail("MixtureSameFamily", "the supports of the components differ or depend on the batch: bound %s", v)
		}
	}
	return c
}

// parts returns the log density of x under each component plus its log probability, with the components last.
func (d MixtureDist) parts(x tensor.Value) tensor.Value {
	at := x.Rank() - len(d.event)
	logs := d.Mixing.LogProbs()
	if d.Mixing.probs.IsValid() {
		logs = logs.Sub(d.Mixing.probs.Sum(-1).Log().ExpandDims(-1))
	}
	return d.Component.LogProb(x.Reshape(slices.Insert(slices.Clone(x.Shape()), at, 1)...)).Add(logs)
}

func (d MixtureDist) LogProb(x tensor.Value) tensor.Value { return d.full(d.parts(x).LogSumExp(-1)) }

// Sample draws every component and keeps one.
func (d MixtureDist) Sample(k rng.Key, sample ...int) tensor.Value {
	n := d.Mixing.categories()
	label := Expand(d.Mixing, d.batch...).Sample(k.Fold(0), sample...)
	all := Expand(d.Component, append(slices.Clone(d.batch), n)...).Sample(k.Fold(1), sample...)
	axis := len(sample) + len(d.batch)
	index := make([]int, axis+1+len(d.event))
	for i := range index {
		index[i] = 1
	}
	index[axis] = n
	chosen := tensor.Iota(tensor.I32, axis, index...).Eq(label.Reshape(slices.Concat(label.Shape(), ones(1+len(d.event)))...))
	return tensor.Select(chosen, all, tensor.ZerosLike(all)).Sum(axis)
}

func ones(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// weighted returns the mean of v, with the components at the last batch axis, under the mixing probabilities.
func (d MixtureDist) weighted(v tensor.Value) tensor.Value {
	p := d.Mixing.Probs()
	p = p.Div(p.Sum(-1).ExpandDims(-1))
	p = p.Reshape(slices.Concat(p.Shape(), ones(len(d.event)))...)
	return v.Mul(p).Sum(-1 - len(d.event))
}

// Mean and Variance fail where the component's are not known.
func (d MixtureDist) Mean() tensor.Value {
	mean, _ := d.componentMoments()
	return d.filled(d.weighted(mean))
}

// Variance is the mean of the variances plus the variance of the means.
func (d MixtureDist) Variance() tensor.Value {
	mean, variance := d.componentMoments()
	centre := d.weighted(mean).ExpandDims(-1 - len(d.event))
	return d.filled(d.weighted(variance.Add(mean.Sub(centre).Square())))
}

func (d MixtureDist) componentMoments() (mean, variance tensor.Value) {
	mean, variance, ok := MomentsOf(d.Component)
	if !ok {
		tensor.Fail("MixtureSameFamily", "the moments of %s are not known", familyName(d.Component))
	}
	return mean, variance
}
