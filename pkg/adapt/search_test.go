package adapt_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// searched returns where the search ends and how many trials it took, if the energy falls by fall(trial, ε).
func searched(t *testing.T, first, target float64, fall func(trial, eps tensor.Value) tensor.Value) (eps, center float64) {
	a := adapt.DefaultAdaptation()
	a.Step.TargetAcceptanceRate = target
	out := evaluate(t, []*tensor.Array{scalar(first), vector(1)}, func(v []tensor.Value) []tensor.Value {
		s := a.Search(a.Init(v[1], v), fall)
		return []tensor.Value{s.StepSize, s.Step.Center, s.Step.Count}
	})
	if n := out[2].Float64s()[0]; n != 0 {
		t.Errorf("dual averaging has counted %v updates", n)
	}
	return out[0].Float64s()[0], out[1].Float64s()[0]
}

// TestSearch: with an energy error of ε², the acceptance probability crosses the target at √(-log target).
func TestSearch(t *testing.T) {
	quadratic := func(_, eps tensor.Value) tensor.Value { return eps.Square().Neg() }
	for _, c := range []struct{ first, target, want float64 }{
		{1, 0.8, 0.25},    // 0.472: the first half that accepts is 0.25
		{0.01, 0.8, 0.64}, // the first double that rejects
		{0.01, 0.3, 1.28}, // 1.097
		{1e3, 0.8, 1e3 / 4096},
		{1e-300, 0.8, 1e-300 * 0x1p99}, // given up after 100 trials
	} {
		eps, center := searched(t, c.first, c.target, quadratic)
		if !near(eps/c.want, 1, 1e-15) {
			t.Errorf("%+v: step size %v", c, eps)
		}
		if !near(center, math.Log(10*c.want), 1e-14) {
			t.Errorf("%+v: centre %v, want log 10ε", c, center)
		}
	}
	// A density that is nowhere finite but here: halved while it is tried.
	if eps, _ := searched(t, 1, 0.8, func(_, eps tensor.Value) tensor.Value {
		return tensor.Select(eps.Gt(1e-3), math.Inf(-1), 0.0)
	}); eps != 0x1p-10 {
		t.Errorf("step size %v, want 2^-10", eps)
	}
}

// TestSearchTriesAnew: each trial has a number of its own, from 0, the first two at the first step size.
func TestSearchTriesAnew(t *testing.T) {
	eps, _ := searched(t, 1, 0.8, func(trial, eps tensor.Value) tensor.Value {
		return tensor.Select(trial.Ge(5), -1.0, 0.0)
	})
	if eps != 16 { // trial 0 says up, trials 1 … 4 double, trial 5 stops
		t.Errorf("step size %v, want 16", eps)
	}
}
