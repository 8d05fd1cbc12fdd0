package adapt

import (
	"errors"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Adaptation is the warmup of one chain as Stan does it: dual averaging of the step size inside windows; at the end of each slow
// window a new metric from the draws of that window, a search for the step size that suits it, and dual averaging anew. In the
// last window dual averaging has a smaller gain than Stan's (DualAveraging.FinalGamma).
type Adaptation struct {
	Step   DualAveraging
	Metric MetricKind
}

// DefaultAdaptation returns Stan's step size adaptation and the diagonal metric from draws.
func DefaultAdaptation() Adaptation {
	return Adaptation{Step: DefaultDualAveraging(), Metric: MetricDraws}
}

// Validate returns an error that joins all problems.
func (a Adaptation) Validate() error { return errors.Join(a.Step.Validate(), a.Metric.Validate()) }

// State is the state of adaptation in a chain.
type State struct {
	StepSize tensor.Value // f[], of the next step
	Factor   tensor.Value // f[D] or f[D, D]: F·Fᵀ = inverse mass matrix
	Step     StepState
	Draws    Welford // of the window; absent for MetricUnit
	Gradient Welford // of the window; MetricGradients only
}

// Inputs describes the inputs of Init for positions of length dim: the first step size f[] and the factor of the first inverse
// mass matrix, f[D], or f[D, D] for MetricDense and where dense is true.
func (a Adaptation) Inputs(float tensor.DType, dim int, dense bool) []tensor.Param {
	shape := []int{dim}
	if dense || a.Metric == MetricDense {
		shape = []int{dim, dim}
	}
	return []tensor.Param{{Name: "step_size", DType: float}, {Name: "factor", DType: float, Shape: shape}}
}

// Init returns the state at the start of warmup at a position f[D], from the values of Inputs.
func (a Adaptation) Init(position tensor.Value, in []tensor.Value) State {
	s := State{StepSize: in[0], Factor: in[1], Step: a.Step.Init(in[0])}
	if a.Metric != MetricUnit {
		s.Draws = newWelford(position, a.Metric == MetricDense)
	}
	if a.Metric == MetricGradients {
		s.Gradient = newWelford(position, false)
	}
	return s
}

// moments are the Values that a slow window gathers.
type moments struct{ Draws, Gradient Welford }

// Update returns the state after a warmup step in a window of the given kind, i32[] as WindowKind, with its acceptance rate f[]
// in [0, 1] and the position and gradient f[D] where it ended.
func (a Adaptation) Update(s State, kind, acceptanceRate, position, gradient tensor.Value) State {
	s.Step, s.StepSize = a.Step.Update(s.Step, kind.Eq(int(WindowFinal)), acceptanceRate)
	if a.Metric == MetricUnit {
		return s
	}
	old := moments{s.Draws, s.Gradient}
	m := tensor.Cond(kind.Eq(int(WindowSlow)),
		func() moments {
			m := moments{Draws: old.Draws.Update(position)}
			if a.Metric == MetricGradients {
				m.Gradient = old.Gradient.Update(gradient)
			}
			return m
		},
		func() moments { return old })
	s.Draws, s.Gradient = m.Draws, m.Gradient
	return s
}

// EndWindow returns the state after a slow window: the metric from its draws, and moments of nothing. Search should follow.
func (a Adaptation) EndWindow(s State) State {
	if a.Metric == MetricUnit {
		return s
	}
	s.Factor = Factor(a.Metric.inverseMass(s.Draws, s.Gradient))
	s.Draws = s.Draws.Reset()
	if a.Metric == MetricGradients {
		s.Gradient = s.Gradient.Reset()
	}
	return s
}

// Final returns the state for sampling: the averaged step size; the same one without warmup.
func (a Adaptation) Final(s State) State {
	s.StepSize = a.Step.Final(s.Step, s.StepSize)
	return s
}
