package adapt

import (
	"errors"
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// DualAveraging adapts the logarithm of the step size so that the acceptance rate comes to a target. Source: Hoffman & Gelman
// (2014), section 3.2, equations 6 and 7.
type DualAveraging struct {
	TargetAcceptanceRate float64 // in (0, 1); default 0.8, as in Stan and NumPyro
	Gamma                float64 // > 0, strength of the pull to the centre, inverse gain of the updates; default 0.05
	FinalGamma           float64 // > 0, Gamma in a WindowFinal, where the centre is log ε instead of log 10ε; default 0.1
	T0                   float64 // ≥ 0, steadies the first updates; default 10
	Kappa                float64 // in (0.5, 1], forgetting of the average; default 0.75
}

// DefaultDualAveraging returns the values of Hoffman & Gelman (2014), section 3.2.1, and Stan's target, but for FinalGamma, which
// is our own and counts in a WindowFinal alone. With γ = 0.05 the iterates of a window of 50 draws swing so widely that the
// mean of the acceptance rates is at the target while the rate at the mean of log ε, which sampling gets, is far above it
// (docs/adr/0003-last-warmup-window.md).
func DefaultDualAveraging() DualAveraging {
	return DualAveraging{TargetAcceptanceRate: 0.8, Gamma: 0.05, FinalGamma: 0.1, T0: 10, Kappa: 0.75}
}

// Validate returns an error that joins all problems.
func (d DualAveraging) Validate() error {
	var problems []error
	if !(d.TargetAcceptanceRate > 0 && d.TargetAcceptanceRate < 1) {
		problems = append(problems, fmt.Errorf("adapt: target acceptance rate %v is not in (0, 1)", d.TargetAcceptanceRate))
	}
	if !(d.Gamma > 0) {
		problems = append(problems, fmt.Errorf("adapt: gamma %v is not positive", d.Gamma))
	}
	if !(d.FinalGamma > 0) {
		problems = append(problems, fmt.Errorf("adapt: final gamma %v is not positive", d.FinalGamma))
	}
	if !(d.T0 >= 0) {
		problems = append(problems, fmt.Errorf("adapt: t0 %v is negative", d.T0))
	}
	if !(d.Kappa > 0.5 && d.Kappa <= 1) {
		problems = append(problems, fmt.Errorf("adapt: kappa %v is not in (0.5, 1]", d.Kappa))
	}
	return errors.Join(problems...)
}

// StepState is the state of dual averaging, f[] each.
type StepState struct {
	Center  tensor.Value // μ: where the log step size is pulled to
	Error   tensor.Value // H̄: weighted mean of target minus acceptance rate
	Average tensor.Value // log ε̄: the averaged iterate
	Count   tensor.Value // updates
}

// centerFactor: the centre is log 10ε, so that larger step sizes are tried first (Hoffman & Gelman 2014, section 3.2.1).
const centerFactor = 10.0

// Init returns the state that starts, or starts anew, from a step size f[].
func (d DualAveraging) Init(stepSize tensor.Value) StepState {
	zero := tensor.ZerosLike(stepSize)
	return StepState{Center: stepSize.Mul(centerFactor).Log(), Error: zero, Average: zero, Count: zero}
}

// Update returns the state and the step size for the next step after one with an acceptance rate f[] in [0, 1]. final, bool[],
// says that the step was in the last window.
func (d DualAveraging) Update(s StepState, final, acceptanceRate tensor.Value) (StepState, tensor.Value) {
	gamma := tensor.Select(final, d.FinalGamma, tensor.In(s.Center, d.Gamma))
	center := tensor.Select(final, s.Center.Sub(tensor.In(s.Center, centerFactor).Log()), s.Center)
	t := s.Count.Add(1.0)
	eta := t.Add(d.T0).Reciprocal()
	s.Error = mix(s.Error, acceptanceRate.Neg().Add(d.TargetAcceptanceRate), eta)
	logStep := center.Sub(s.Error.Mul(t.Sqrt()).Div(gamma))
	s.Average = mix(s.Average, logStep, t.Log().Mul(-d.Kappa).Exp())
	s.Count = t
	return s, stepSizeOf(logStep)
}

// Final returns the averaged step size f[], for sampling; stepSize where there was no update.
func (d DualAveraging) Final(s StepState, stepSize tensor.Value) tensor.Value {
	return tensor.Cond(s.Count.Gt(0.0),
		func() tensor.Value { return stepSizeOf(s.Average) },
		func() tensor.Value { return stepSize })
}

// mix returns (1-w)·a + w·b.
func mix(a, b, w tensor.Value) tensor.Value {
	return w.Neg().Add(1.0).Mul(a).Add(w.Mul(b))
}

// stepSizeOf returns exp(logStep), kept a normal number so that a chain which rejects everything goes on.
func stepSizeOf(logStep tensor.Value) tensor.Value {
	smallest, largest := 0x1p-1022, 0x1p1022
	if logStep.DType() == tensor.F32 {
		smallest, largest = 0x1p-126, 0x1p126
	}
	return logStep.Exp().Clamp(smallest, largest)
}
