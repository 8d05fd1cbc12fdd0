package adapt

import "github.com/drey-sampler/drey/pkg/tensor"

// maxTrials bounds the search; all but the first double or halve.
const maxTrials = 100

// searching is the carry of the search.
type searching struct {
	StepSize, Trial, Up, Found tensor.Value
}

// Search doubles or halves the step size until the acceptance probability of one leapfrog step crosses the target, and starts
// dual averaging anew from there. fall returns the fall of the energy f[], never NaN, over a leapfrog step of size f[] with a
// momentum of its own for each trial, i32[]. An improper density may leave the step size beyond 1e7, where Stan gives up, and one
// that is not continuous near 0. Source: Stan, base_hmc.hpp, init_stepsize; Hoffman & Gelman (2014), algorithm 4.
func (a Adaptation) Search(s State, fall func(trial, stepSize tensor.Value) tensor.Value) State {
	threshold := tensor.In(s.StepSize, a.Step.TargetAcceptanceRate).Log()
	no := tensor.In(s.StepSize, false)
	end := tensor.While(searching{s.StepSize, tensor.In(s.StepSize, 0), no, no},
		func(q searching) tensor.Value { return q.Found.Not().And(q.Trial.Lt(maxTrials)) },
		func(q searching) searching {
			first := q.Trial.Eq(0)
			accepts := fall(q.Trial, q.StepSize).Gt(threshold)
			up := first.And(accepts).Or(first.Not().And(q.Up))
			found := accepts.Ne(up) // never at the first
			factor := tensor.Select(first.Or(found), 1.0, tensor.Select(up, 2.0, 0.5))
			return searching{q.StepSize.Mul(factor), q.Trial.Add(1), up, found}
		})
	s.StepSize = end.StepSize
	s.Step = a.Step.Init(end.StepSize)
	return s
}
