package sbc

import (
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// alwaysHMC accepts the end of every trajectory.
type alwaysHMC struct{ kernels.HMC }

func (h alwaysHMC) Tick(k rng.Key, t kernels.Target, e model.Env, p kernels.Params, s kernels.HMCState) (kernels.HMCState, tensor.Value) {
	s, done := h.HMC.Tick(k, t, e, p, s)
	old, end := s.Chain, s.Moving.Position
	s.Chain = tensor.Cond(done,
		func() kernels.Point {
			logDensity, gradient := t.At(e, end)
			return kernels.Point{Position: end, Gradient: gradient, LogDensity: logDensity, Energy: old.Energy}
		},
		func() kernels.Point { return old })
	return s, done
}

// uniformNUTS gives all leaves of a trajectory one weight: to the kernel, every leaf has the energy of the start. The acceptance
// statistic, which adaptation sees, stays right.
type uniformNUTS struct{ kernels.NUTS }

func (n uniformNUTS) Tick(k rng.Key, t kernels.Target, e model.Env, p kernels.Params, s kernels.NUTSState) (kernels.NUTSState, tensor.Value) {
	level := &levelTarget{Target: t, metric: p.Metric, s: s}
	next, done := n.NUTS.Tick(k, level, e, p, s)
	fall := s.StartEnergy.Sub(level.energy).Min(0.0).Exp()
	next.SumAccept = next.SumAccept.Add(fall).Sub(1.0)
	return next, done
}

// levelTarget is a target whose log density makes the energy that of the trajectory's start, after the leapfrog step that the
// state is about to make; energy is what it would have been.
type levelTarget struct {
	kernels.Target
	metric kernels.Metric
	s      kernels.NUTSState
	energy tensor.Value
}

func (l *levelTarget) At(e model.Env, position tensor.Value) (tensor.Value, tensor.Value) {
	logDensity, gradient := l.Target.At(e, position)
	half, z := l.s.Step.Mul(0.5), l.s.Moving
	momentum := z.Momentum.Add(z.Gradient.Mul(half)).Add(l.metric.Factor.Mul(gradient).Mul(half))
	kinetic := momentum.Square().Sum().Mul(0.5)
	l.energy = kinetic.Sub(logDensity)
	return kinetic.Sub(l.s.StartEnergy), gradient
}

// wrongSignNUTS has the wrong sign in the first half step of the momentum.
type wrongSignNUTS struct{ kernels.NUTS }

func (n wrongSignNUTS) Tick(k rng.Key, t kernels.Target, e model.Env, p kernels.Params, s kernels.NUTSState) (kernels.NUTSState, tensor.Value) {
	s.Moving.Gradient = s.Moving.Gradient.Neg()
	return n.NUTS.Tick(k, t, e, p, s)
}

// replaceRun returns a replacement of the program that runs chains under cfg by that of another kernel with the same state.
func replaceRun[S kernels.Located](m *model.Model, cfg chain.Config, k kernels.Kernel[kernels.Params, S, kernels.Info]) (func(*tensor.Func) (*tensor.Func, error), error) {
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		return nil, err
	}
	target := model.Target{LogDensity: b.LogDensity}
	name, adaptation := string(cfg.Kernel), adapt.DefaultAdaptation()
	adaptation.Metric = cfg.Metric
	return func(f *tensor.Func) (*tensor.Func, error) {
		if f.Name != name+"_run" {
			return nil, nil
		}
		spec := kernels.Spec[kernels.Params, S, adapt.State]{
			Name: name, Kernel: k, Target: target, Adapt: adapter{adaptation, target, cfg.StepSize > 0}, Float: target.Float(),
			Data: b.LogDensity.In[1:], Env: b.Manifest.DataEnv, Capacity: capacityOf(f),
		}
		p, err := spec.Build()
		if err != nil {
			return nil, err
		}
		return p.Run, nil
	}, nil
}

// capacityOf returns the rows of the buffers of a program that runs chains.
func capacityOf(f *tensor.Func) int {
	for _, p := range f.Out {
		if p.Name == "Buffers.Draws" {
			return p.Shape[0]
		}
	}
	return 0
}

// adapter lets adaptation steer a kernel as chains do.
type adapter struct {
	adapt.Adaptation
	target model.Target
	fixed  bool
}

func (a adapter) Inputs() []tensor.Param {
	return a.Adaptation.Inputs(a.target.Float(), a.target.Dim(), false)
}

func (a adapter) Init(at kernels.Point, in []tensor.Value) adapt.State {
	return a.Adaptation.Init(at.Position, in)
}

func (a adapter) Params(s adapt.State) kernels.Params {
	return kernels.Params{StepSize: s.StepSize, Metric: kernels.Metric{Factor: s.Factor}}
}

func (a adapter) Update(s adapt.State, phase tensor.Value, t kernels.Transition) adapt.State {
	next := a.Adaptation.Update(s, phase, t.AcceptanceRate, t.Position, t.Gradient)
	if a.fixed {
		next.StepSize = s.StepSize
	}
	return next
}

// forgetful is a distribution over positive numbers whose map from unconstrained space forgets its Jacobian.
type forgetful struct{ dist.Distribution }

func (d forgetful) Support() dist.Constraint { return forgetfulPositive{d.Distribution.Support()} }

type forgetfulPositive struct{ dist.Constraint }

func (forgetfulPositive) Bijector() dist.Bijector { return forgetfulExp{dist.ExpTransform} }

type forgetfulExp struct{ dist.Bijector }

func (forgetfulExp) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value { return tensor.ZerosLike(u) }
