package kernels

import (
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Target is a log density on unconstrained space, known up to a constant; model.Target is one.
type Target interface {
	// At computes, in the current trace, the log density f[] and its gradient f[D] at a position f[D].
	At(e model.Env, position tensor.Value) (logDensity, gradient tensor.Value)
	// Dim returns D, the length of the position.
	Dim() int
}

// Kernel is a Markov transition as traced code; one step is Begin, then Tick until its flag says done, then End. P are the
// parameters that adaptation chooses, S is all that the next step needs, I are the diagnostics of a step. All three are
// structs of Values. The results are functions of the arguments alone; all randomness comes from the key, whose Purpose and
// Leaf the kernel sets.
type Kernel[P, S, I any] interface {
	// Init returns the state of a chain at a position f[D], between steps. The density there should be finite: a kernel
	// never leaves a point where it is NaN.
	Init(t Target, e model.Env, position tensor.Value) S
	// Refresh recomputes what the state caches of the target, after the environment has changed between steps.
	Refresh(t Target, e model.Env, s S) S
	// Begin starts a step.
	Begin(k rng.Key, t Target, e model.Env, p P, s S) S
	// Tick advances the step by at most one evaluation of the target; the flag bool[] says that the step is done.
	Tick(k rng.Key, t Target, e model.Env, p P, s S) (S, tensor.Value)
	// End returns the state between steps and what the step was like.
	End(s S) (S, I)
}

// Point is a place of a chain: position f[D] on unconstrained space, the gradient f[D] of the log density f[] there, and
// the energy f[] (kinetic minus log density) at which the trajectory passed it.
type Point struct {
	Position, Gradient, LogDensity, Energy tensor.Value
}

// Located is a State that knows the chain's place between steps.
type Located interface{ Current() Point }

// Params are what a Hamiltonian kernel takes from adaptation: the step size f[] > 0, in units of the whitened momentum's
// time, and the metric.
type Params struct {
	StepSize tensor.Value
	Metric   Metric
}

// Info describes one step. The field names follow ArviZ's sample statistics lp, energy, acceptance_rate, step_size, diverging,
// tree_depth and n_steps. A field that a kernel does not have is absent.
type Info struct {
	LogDensity     tensor.Value // f[], of the draw
	Energy         tensor.Value // f[], of the draw, its momentum included
	AcceptanceRate tensor.Value // f[] in [0, 1]: the statistic that step size adaptation controls
	StepSize       tensor.Value // f[], as used
	Diverging      tensor.Value // bool[]: the energy error passed the kernel's limit or the density was not finite
	TreeDepth      tensor.Value // i32[]: doublings of the trajectory, NUTS only
	Steps          tensor.Value // i32[]: leapfrog steps
}
