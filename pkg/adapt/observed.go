package adapt

import "github.com/drey-sampler/drey/pkg/tensor"

// Observed are a chain's moments over the part of a window that a pooled decision is made from.
type Observed struct {
	Positions      Welford      // of f[D]; products of deviations for MetricDense
	Gradients      Welford      // of f[D]; absent unless the metric is diagonal
	LogDensity     Welford      // of f[]
	AcceptanceRate tensor.Value // f[], sum
}

// Seen is what a transition shows: its acceptance rate f[] in [0, 1], and the log density f[], position and gradient f[D] where
// it ended.
type Seen struct{ AcceptanceRate, LogDensity, Position, Gradient tensor.Value }

// observing returns the moments of nothing at a position f[D].
func (a Adaptation) observing(position tensor.Value) Observed {
	zero := tensor.In(position, tensor.Zeros(position.DType()))
	o := Observed{Positions: newWelford(position, a.Metric == MetricDense), LogDensity: newWelford(zero, false), AcceptanceRate: zero}
	if a.Metric.diagonal() {
		o.Gradients = newWelford(position, false)
	}
	return o
}

// with returns the moments with one more transition.
func (o Observed) with(x Seen) Observed {
	o.Positions = o.Positions.Update(x.Position)
	if o.Gradients.Count.IsValid() {
		o.Gradients = o.Gradients.Update(x.Gradient)
	}
	o.LogDensity = o.LogDensity.Update(x.LogDensity)
	o.AcceptanceRate = o.AcceptanceRate.Add(x.AcceptanceRate)
	return o
}

// UpdatePooled does what Update does where Adaptation.Pooled is set: in a window of kind WindowOpening a diagonal metric moves
// with each draw of the chain; in later ones it stays as it was decided; from WindowRound on the step size stays too.
func (a Adaptation) UpdatePooled(s State, kind tensor.Value, x Seen) State {
	step := stepped{s.Step, s.StepSize}
	step = tensor.Cond(kind.Ge(int(WindowRound)),
		func() stepped { return step },
		func() stepped {
			next, size := a.Step.Update(step.Step, tensor.In(kind, false), x.AcceptanceRate)
			return stepped{next, size}
		})
	s.Step, s.StepSize = step.Step, step.StepSize
	before := s.Window
	s.Window = tensor.Cond(kind.Ge(int(WindowOpening)),
		func() Observed { return before.with(x) },
		func() Observed { return before })
	if a.Metric.diagonal() {
		seen, factor := s.Window, s.Factor
		s.Factor = tensor.Cond(kind.Eq(int(WindowOpening)),
			func() tensor.Value { return a.Metric.move(factor, seen.Positions, seen.Gradients) },
			func() tensor.Value { return factor })
	}
	return s
}

// stepped are the Values that dual averaging changes.
type stepped struct {
	Step     StepState
	StepSize tensor.Value
}
