package kernels

import (
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// The parts that tests look at by themselves.
var (
	Leapfrog = leapfrog
	Kinetic  = kinetic
	Rows     = rows
)

// Kernels with a bug each, which calibration must find.
type (
	// UniformNUTS gives all leaves of a trajectory one weight.
	UniformNUTS struct{ NUTS }
	// AlwaysHMC accepts the end of every trajectory.
	AlwaysHMC struct{ HMC }
	// WrongSignNUTS has the wrong sign in the second half step of the momentum.
	WrongSignNUTS struct{ NUTS }
)

func (n UniformNUTS) Tick(k rng.Key, t Target, e model.Env, p Params, s NUTSState) (NUTSState, tensor.Value) {
	moving, leaf := leapfrog(t, e, p.Metric, s.Step, s.Moving)
	leaf.Energy = s.StartEnergy
	return n.grow(k, s, moving, leaf)
}

func (h AlwaysHMC) Tick(k rng.Key, t Target, e model.Env, p Params, s HMCState) (HMCState, tensor.Value) {
	moving, leaf := leapfrog(t, e, p.Metric, s.Step, s.Moving)
	leaf.Energy = s.StartEnergy
	return s.move(k, moving, leaf)
}

func (n WrongSignNUTS) Tick(k rng.Key, t Target, e model.Env, p Params, s NUTSState) (NUTSState, tensor.Value) {
	moving, leaf := leapfrog(t, e, p.Metric, s.Step, s.Moving)
	moving.Momentum = moving.Momentum.Sub(moving.Gradient.Mul(s.Step))
	leaf.Energy = kinetic(moving.Momentum).Sub(leaf.LogDensity)
	return n.grow(k, s, moving, leaf)
}
