package adapt

import (
	"errors"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Adaptation is the warmup of one chain: dual averaging of the step size, and the metric, in the windows of Windows. A diagonal
// metric moves with each draw, as in nutpie, and dual averaging goes on from the second window to the last. A dense one is as
// Stan has it: at the end of each slow window the covariance matrix of its draws, a search for the step size that suits it,
// and dual averaging anew, in the last window with a smaller gain than Stan's (DualAveraging.FinalGamma).
//
// Pooled warmup has windows of its own (Adaptation.PooledSchedule): the chains of a run wait for each other at the end of each, and go on
// with one metric and one step size (Pooling.Decide).
type Adaptation struct {
	Step   DualAveraging
	Metric MetricKind
	Pooled bool // the chains of a run adapt together: UpdatePooled in the place of Update, no EndWindow, no Final
}

// DefaultAdaptation returns Stan's step size adaptation and the diagonal metric from draws; docs/metric.md has the reason.
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
	Moments  Moving   // absent for MetricUnit and in pooled warmup
	Window   Observed // absent but in pooled warmup
}

// Moving are moments of the draws and of the gradients there. For a diagonal metric Draws and Gradients are of this window and
// the one before, Next of this window alone; for MetricDense there are only Draws, of the window.
type Moving struct{ Draws, Gradients, NextDraws, NextGradients Welford }

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
	none := newWelford(position, a.Metric == MetricDense)
	switch {
	case a.Pooled:
		s.Window = a.observing(position)
	case a.Metric == MetricDense:
		s.Moments.Draws = none
	case a.Metric.diagonal():
		s.Moments = Moving{none, none, none, none}
	}
	return s
}

// FromGradient returns the state at the start of warmup with the diagonal metric that the gradient f[D] at the first point
// suggests, for a metric that Update moves; else it returns s.
func (a Adaptation) FromGradient(s State, gradient tensor.Value) State {
	if a.Metric.diagonal() {
		s.Factor = firstFactor(gradient)
	}
	return s
}

// learned are the Values that a draw changes in a window that adapts the metric.
type learned struct {
	Moments Moving
	Factor  tensor.Value
}

// Update returns the state after a warmup step in a window of the given kind, i32[] as WindowKind, with its acceptance rate f[]
// in [0, 1] and the position and gradient f[D] where it ended.
func (a Adaptation) Update(s State, kind, acceptanceRate, position, gradient tensor.Value) State {
	s.Step, s.StepSize = a.Step.Update(s.Step, kind.Eq(int(WindowFinal)), acceptanceRate)
	if a.Metric == MetricUnit {
		return s
	}
	old := learned{s.Moments, s.Factor}
	l := tensor.Cond(kind.Eq(int(WindowSlow)).Or(kind.Ge(int(WindowFirst))),
		func() learned { return a.learn(old, position, gradient) },
		func() learned { return old })
	s.Moments, s.Factor = l.Moments, l.Factor
	return s
}

func (a Adaptation) learn(l learned, position, gradient tensor.Value) learned {
	m := &l.Moments
	m.Draws = m.Draws.Update(position)
	if a.Metric.diagonal() {
		m.Gradients = m.Gradients.Update(gradient)
		m.NextDraws, m.NextGradients = m.NextDraws.Update(position), m.NextGradients.Update(gradient)
		l.Factor = a.Metric.move(l.Factor, m.Draws, m.Gradients)
	}
	return l
}

// EndWindow returns the state after a window that adapts the metric: the metric from the window's draws, and for a diagonal one
// moments of these draws, for a dense one of nothing. Search should follow where the window's kind Searches.
func (a Adaptation) EndWindow(s State) State {
	m := &s.Moments
	switch {
	case a.Metric == MetricDense:
		s.Factor = Factor(shrink(m.Draws.Covariance(), m.Draws.Count))
		m.Draws = m.Draws.Reset()
	case a.Metric.diagonal():
		m.Draws, m.Gradients = m.NextDraws, m.NextGradients
		m.NextDraws, m.NextGradients = m.NextDraws.Reset(), m.NextGradients.Reset()
		s.Factor = a.Metric.move(s.Factor, m.Draws, m.Gradients)
	}
	return s
}

// Final returns the state for sampling: the averaged step size; the same one without warmup.
func (a Adaptation) Final(s State) State {
	s.StepSize = a.Step.Final(s.Step, s.StepSize)
	return s
}
