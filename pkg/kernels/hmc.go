package kernels

import (
	"errors"
	"fmt"
	"math"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// HMC is Hamiltonian Monte Carlo with trajectories of one length and a Metropolis choice at their end; one Tick is one
// leapfrog step. Source: Neal (2011), "MCMC using Hamiltonian dynamics", section 3.2.
type HMC struct {
	// TrajectoryLength is L > 0, in units of the whitened momentum's time: ceil(L / step size) leapfrog steps of size
	// L / their number. Default 2π, as in NumPyro: a whole period of a normal target with a perfect metric.
	TrajectoryLength float64
	// Jitter in [0, 1) draws the length of each trajectory uniformly from L·(1 ± Jitter), so that no orbit's period fits it
	// for ever (Neal 2011, section 3.2). Default 0.
	Jitter float64
	// MaxSteps bounds the leapfrog steps of a trajectory, which otherwise would not end while warmup tries step sizes that are
	// far too small. A trajectory of so many steps has them in the step size asked for and is shorter than L. 1 to 2^24 - 1;
	// default 65,536.
	MaxSteps int
}

// DefaultHMC returns the defaults.
func DefaultHMC() HMC { return HMC{TrajectoryLength: 2 * math.Pi, MaxSteps: 1 << 16} }

// Validate returns an error that joins all problems of the configuration.
func (h HMC) Validate() error {
	var problems []error
	if !(h.TrajectoryLength > 0) || math.IsInf(h.TrajectoryLength, 1) {
		problems = append(problems, fmt.Errorf("kernels: trajectory length %v is not a positive number", h.TrajectoryLength))
	}
	if !(h.Jitter >= 0 && h.Jitter < 1) {
		problems = append(problems, fmt.Errorf("kernels: trajectory jitter %v is not in [0, 1)", h.Jitter))
	}
	if h.MaxSteps < 1 || h.MaxSteps >= 1<<24 {
		problems = append(problems, fmt.Errorf("kernels: at most %d leapfrog steps, want 1 … 2^24 - 1", h.MaxSteps))
	}
	return errors.Join(problems...)
}

// HMCState is a chain under HMC; between steps only Chain counts.
type HMCState struct {
	Chain       Point        // its place
	Moving      Phase        // the trajectory's end
	StartEnergy tensor.Value // f[]
	Accept      tensor.Value // f[], probability of the trajectory's end
	Step        tensor.Value // f[], step size
	Steps       tensor.Value // i32[], leapfrog steps made
	Left        tensor.Value // i32[], leapfrog steps to make
	Diverging   tensor.Value // bool[]
}

// Current returns the chain's place.
func (s HMCState) Current() Point { return s.Chain }

// Init returns the state of a chain at a position.
func (h HMC) Init(t Target, e model.Env, position tensor.Value) HMCState {
	at := arrive(t, e, position)
	zero, none, count := tensor.ZerosLike(at.LogDensity), tensor.ZerosLike(position), tensor.In(position, 0)
	return HMCState{
		Chain: at, Moving: Phase{position, none, none}, StartEnergy: zero, Accept: zero, Step: zero,
		Steps: count, Left: count, Diverging: tensor.In(position, false),
	}
}

// Refresh recomputes the log density and gradient.
func (h HMC) Refresh(t Target, e model.Env, s HMCState) HMCState {
	s.Chain = arrive(t, e, s.Chain.Position)
	return s
}

// Begin draws a momentum and, with jitter, the trajectory's length.
func (h HMC) Begin(k rng.Key, t Target, e model.Env, p Params, s HMCState) HMCState {
	z, energy := launch(k.With(rng.PurposeMomentum), p.Metric, s.Chain)
	length := tensor.In(energy, h.TrajectoryLength)
	if h.Jitter > 0 {
		u := k.With(rng.PurposeJitter).Uniform()
		length = u.Mul(2 * h.Jitter).Add(1 - h.Jitter).Mul(length)
	}
	steps := length.Div(p.StepSize).Ceil().Max(1.0)
	s.Step = tensor.Select(steps.Gt(h.MaxSteps), p.StepSize, length.Div(steps))
	s.Left = steps.Min(h.MaxSteps).Convert(tensor.I32)
	s.Steps = tensor.In(energy, 0)
	s.Moving, s.StartEnergy, s.Chain.Energy = z, energy, energy
	s.Accept, s.Diverging = tensor.ZerosLike(energy), tensor.In(energy, false)
	return s
}

// arrival is what the end of a trajectory changes.
type arrival struct {
	Chain             Point
	Accept, Diverging tensor.Value
}

// Tick makes one leapfrog step, and the Metropolis choice after the last one. A trajectory that meets an energy which is not
// finite ends there and is rejected, as its reverse would be.
func (h HMC) Tick(k rng.Key, t Target, e model.Env, p Params, s HMCState) (HMCState, tensor.Value) {
	moving, leaf := leapfrog(t, e, p.Metric, s.Step, s.Moving)
	return s.move(k, moving, leaf)
}

func (s HMCState) move(k rng.Key, moving Phase, leaf Point) (HMCState, tensor.Value) {
	s.Moving, s.Steps, s.Left = moving, s.Steps.Add(1), s.Left.Sub(1)
	done := s.Left.Le(0).Or(leaf.Energy.IsFinite().Not())
	a := tensor.Cond(done,
		func() arrival { return s.arrive(k, leaf) },
		func() arrival { return arrival{s.Chain, s.Accept, s.Diverging} })
	s.Chain, s.Accept, s.Diverging = a.Chain, a.Accept, a.Diverging
	return s, done
}

// arrive accepts the trajectory's end with probability min(1, exp(-energy error)).
func (s HMCState) arrive(k rng.Key, leaf Point) arrival {
	energyError := leaf.Energy.Sub(s.StartEnergy)
	accept := energyError.Neg().Min(0.0).Exp()
	words := k.With(rng.PurposeTrajectory).At(s.Steps).Block(tensor.In(s.Steps, 0))
	old := s.Chain
	at := tensor.Cond(uniform(accept, words[0], words[1]).Lt(accept),
		func() Point { return leaf },
		func() Point { return old })
	return arrival{at, accept, energyError.Le(maxEnergyError).Not()}
}

// End returns the state between steps and what the step was like; HMC has no tree depth.
func (h HMC) End(s HMCState) (HMCState, Info) {
	return s, Info{
		LogDensity: s.Chain.LogDensity, Energy: s.Chain.Energy, AcceptanceRate: s.Accept,
		StepSize: s.Step, Diverging: s.Diverging, Steps: s.Steps,
	}
}
