package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// rounds is the state of a rejection sampler over many elements: each keeps its first accepted proposal.
type rounds struct {
	Round tensor.Value // I32[], the leaf of the round's keys
	Done  tensor.Value // Bool, the shape of the draws
	X     tensor.Value
}

// reject proposes until every element of the given shape but those of skip, a Bool that broadcasts to it, has accepted.
// propose gets the round's number; its results broadcast to the shape. Skipped elements are 0. What is not accepted must
// have a chance in every round, or the loop does not end: a parameter that is NaN belongs in skip.
func reject(k rng.Key, shape []int, skip tensor.Value, propose func(round tensor.Value) (x, accept tensor.Value)) tensor.Value {
	init := rounds{
		Round: tensor.In(k.Seed, 0),
		Done:  tensor.In(k.Seed, skip.BroadcastTo(shape...)),
		X:     tensor.In(k.Seed, tensor.Full(0.0, shape...)),
	}
	out := tensor.While(init, func(s rounds) tensor.Value { return s.Done.All().Not() }, func(s rounds) rounds {
		x, accept := propose(s.Round)
		return rounds{
			Round: s.Round.Add(1),
			Done:  s.Done.Or(accept.BroadcastTo(shape...)),
			X:     tensor.Select(s.Done, s.X, x.BroadcastTo(shape...)),
		}
	})
	return out.X
}

// drawLogGamma returns logarithms of draws from Gamma(a, 1), of the given shape, by Marsaglia & Tsang (2000), "A simple
// method for generating gamma variables": d·v with d = a - 1/3, v = (1 + z/√(9d))³ is accepted where log u <
// z²/2 + d(1 - v + log v). For a < 1 a draw for a + 1 is multiplied by u^(1/a); the logarithm keeps small a from underflow.
// The draw is NaN unless a > 0.
func drawLogGamma(k rng.Key, a tensor.Value, shape []int) tensor.Value {
	valid := a.Gt(0.0).And(a.IsFinite())
	small := a.Lt(1.0)
	d := tensor.Select(valid, tensor.Select(small, a.Add(1.0), a), 1.0).Sub(1.0 / 3)
	c := d.Sqrt().Mul(3.0).Reciprocal()
	normals, uniforms := k.Fold(0), k.Fold(1)
	logv := reject(k, shape, valid.Not(), func(round tensor.Value) (x, accept tensor.Value) {
		z, u := normals.At(round).Normal(shape...), uniforms.At(round).Uniform(shape...)
		root := z.Mul(c).Add(1.0)
		positive := root.Gt(0.0)
		safe := tensor.Select(positive, root, 1.0)
		v, logv := safe.Mul(safe).Mul(safe), safe.Log().Mul(3.0)
		bound := z.Square().Mul(0.5).Add(d.Mul(logv.Sub(v).Add(1.0)))
		return logv, positive.And(u.Log().Lt(bound))
	})
	out := logv.Add(d.Log())
	if !allStatic(a, func(v float64) bool { return v >= 1 }) {
		boost := k.Fold(2).Uniform(shape...).Log().Div(tensor.Select(valid, a, 1.0))
		out = out.Add(tensor.Select(small, boost, 0.0))
	}
	return tensor.Select(valid, out, math.NaN())
}

// search is the state of an inversion by sequential search.
type search struct {
	K    tensor.Value // float[], the value reached
	P    tensor.Value // its probability
	Rest tensor.Value // the uniform less all probabilities so far
	X    tensor.Value // the draw
}

// searchLimit ends a sequential search whose probabilities, rounded, sum to less than the uniform: for means below
// searchBelow what lies beyond it has a probability under 1e-60.
const (
	searchLimit = 120
	searchBelow = 10
)

// invert returns draws, as floats, of a distribution on 0, 1, … of small mean, with P(0) = p0 and P(k) = next(P(k-1), k).
func invert(k rng.Key, shape []int, p0 tensor.Value, next func(p, k tensor.Value) tensor.Value) tensor.Value {
	p0 = p0.BroadcastTo(shape...)
	init := search{
		K:    tensor.In(k.Seed, 0.0),
		P:    tensor.In(k.Seed, p0),
		Rest: k.Uniform(shape...).Sub(p0),
		X:    tensor.In(k.Seed, tensor.Full(0.0, shape...)),
	}
	out := tensor.While(init,
		func(s search) tensor.Value { return s.Rest.Gt(0.0).Any().And(s.K.Lt(float64(searchLimit))) },
		func(s search) search {
			at := s.K.Add(1.0)
			p := next(s.P, at).BroadcastTo(shape...)
			more := s.Rest.Gt(0.0)
			return search{K: at, P: p, Rest: s.Rest.Sub(p), X: tensor.Select(more, at, s.X)}
		})
	return out.X
}
