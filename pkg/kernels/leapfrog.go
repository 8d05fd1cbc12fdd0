package kernels

import (
	"math"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Phase is a point of phase space: position f[D], whitened momentum f[D], whitened gradient f[D] of the log density.
type Phase struct {
	Position, Momentum, Gradient tensor.Value
}

// leapfrog makes one velocity Verlet step (half kick, drift, half kick) of signed size eps, and returns the new point of
// phase space and of the chain. The energy is +Inf where it is not finite, also where only the gradient is not: the momentum
// then is not either. Source: Neal (2011), "MCMC using Hamiltonian dynamics", equations 2.28–2.30.
func leapfrog(t Target, e model.Env, m Metric, eps tensor.Value, z Phase) (Phase, Point) {
	half := eps.Mul(0.5)
	mid := z.Momentum.Add(z.Gradient.Mul(half))
	position := z.Position.Add(m.velocity(mid).Mul(eps))
	logDensity, gradient := t.At(e, position)
	white := m.whiten(gradient)
	momentum := mid.Add(white.Mul(half))
	energy := kinetic(momentum).Sub(logDensity)
	energy = tensor.Select(energy.IsFinite(), energy, math.Inf(1))
	return Phase{position, momentum, white}, Point{position, gradient, logDensity, energy}
}

// kinetic returns ½|u|² of a whitened momentum.
func kinetic(u tensor.Value) tensor.Value { return u.Square().Sum().Mul(0.5) }

// launch draws a momentum and returns the chain's point as one of phase space, and the energy there.
func launch(k rng.Key, m Metric, at Point) (Phase, tensor.Value) {
	u := k.Normal(at.Position.Dim(0))
	return Phase{at.Position, u, m.whiten(at.Gradient)}, kinetic(u).Sub(at.LogDensity)
}

// arrive returns the chain's point at a position, with an energy of zero: no trajectory has passed it.
func arrive(t Target, e model.Env, position tensor.Value) Point {
	logDensity, gradient := t.At(e, position)
	return Point{position, gradient, logDensity, tensor.ZerosLike(logDensity)}
}

// uniform returns a number in (0, 1) of x's float type from two words of a block.
func uniform(x, hi, lo tensor.Value) tensor.Value {
	if x.DType() == tensor.F32 {
		return rng.Uniform24(hi)
	}
	return rng.Uniform53(hi, lo)
}

// EnergyFall returns H - H' over one leapfrog step of the given size from the state's place with a momentum drawn under k,
// -Inf where it is not finite: what the search for a step size looks at.
func EnergyFall(k rng.Key, t Target, e model.Env, p Params, at Point) tensor.Value {
	z, before := launch(k, p.Metric, at)
	_, after := leapfrog(t, e, p.Metric, p.StepSize, z)
	return before.Sub(after.Energy)
}
