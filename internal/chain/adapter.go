package chain

import (
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// adapter lets adaptation steer a kernel.
type adapter struct {
	adapt.Adaptation
	float tensor.DType
	dim   int
	dense bool // the first inverse mass matrix is a full one
	fixed bool // the step size is the user's and stays
	steep bool // the first metric is that of the first gradient
}

var _ kernels.Adapter[kernels.Params, adapt.State] = adapter{}

func (a adapter) Inputs() []tensor.Param { return a.Adaptation.Inputs(a.float, a.dim, a.dense) }

func (a adapter) Init(at kernels.Point, in []tensor.Value) adapt.State {
	s := a.Adaptation.Init(at.Position, in)
	if a.steep {
		s = a.FromGradient(s, at.Gradient)
	}
	return s
}

func (a adapter) Params(s adapt.State) kernels.Params {
	return kernels.Params{StepSize: s.StepSize, Metric: kernels.Metric{Factor: s.Factor}}
}

func (a adapter) Update(s adapt.State, phase tensor.Value, t kernels.Transition) adapt.State {
	var next adapt.State
	if a.Pooled {
		next = a.UpdatePooled(s, phase, adapt.Seen{AcceptanceRate: t.AcceptanceRate, LogDensity: t.LogDensity, Position: t.Position, Gradient: t.Gradient})
	} else {
		next = a.Adaptation.Update(s, phase, t.AcceptanceRate, t.Position, t.Gradient)
	}
	if a.fixed {
		next.StepSize = s.StepSize
	}
	return next
}

// Occasions of the tune program, between the windows of warmup.
const (
	occasionStart  int32 = iota // before the first transition, or after a decision that asks for a search
	occasionSearch              // after a window that adapts the metric and ends with a search
	occasionMove                // after another window that adapts the metric
	occasionFinal               // after the last window
)

// tune returns the adaptation state after an occasion i32[]: the metric of a window that has ended, and the step size that
// suits it, or the averaged step size.
func (a adapter) tune(k rng.Key, t kernels.Target, e model.Env, at kernels.Point, s adapt.State, occasion tensor.Value) adapt.State {
	if !a.Pooled { // else Program.Decide has changed the state
		s = tensor.Cond(occasion.Eq(occasionSearch).Or(occasion.Eq(occasionMove)),
			func() adapt.State { return a.EndWindow(s) },
			func() adapt.State { return s })
	}
	if a.fixed {
		return s
	}
	s = tensor.Cond(occasion.Eq(occasionFinal),
		func() adapt.State { return a.Final(s) },
		func() adapt.State { return s })
	metric := kernels.Metric{Factor: s.Factor}
	return tensor.Cond(occasion.Eq(occasionStart).Or(occasion.Eq(occasionSearch)),
		func() adapt.State {
			return a.Search(s, func(trial, stepSize tensor.Value) tensor.Value {
				key := k.With(rng.PurposeStepSize).At(trial)
				return kernels.EnergyFall(key, t, e, kernels.Params{StepSize: stepSize, Metric: metric}, at)
			})
		},
		func() adapt.State { return s })
}
