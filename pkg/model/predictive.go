package model

import (
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// redrawing takes the data from the sites that Observe declares, so that they are drawn. Sites that Condition observed
// keep their values: they are part of the question, not its data.
type redrawing struct{ passive }

func (redrawing) Process(s *Site) {
	if s.Kind == Observed && !s.conditioned {
		s.Value = tensor.Value{}
	}
}

func (k *compiler) predictive() (*tensor.Func, error) {
	lead := append([]tensor.Param{k.positionParam()}, keyParams()...)
	return k.m.trace("predictive", lead, nil, func(p Program, lead, _ []tensor.Value) []result {
		t := record(p.With(
			handle(allRows{}), handle(redrawing{}), handle(positioned{layout: &k.layout, position: lead[0]}),
			Seed(keyOf(lead[1:], rng.PurposePredictive))), false)
		return siteValues(t, func(s *Site) bool { return s.Kind == Deterministic || s.Kind == Observed && !s.conditioned })
	})
}

func (k *compiler) prior() (*tensor.Func, error) {
	return k.m.trace("prior", keyParams(), nil, func(p Program, key, _ []tensor.Value) []result {
		t := record(p.With(handle(allRows{}), handle(redrawing{}), Seed(keyOf(key, rng.PurposeSite))), false)
		return siteValues(t, func(s *Site) bool { return s.Kind != FactorSite })
	})
}
