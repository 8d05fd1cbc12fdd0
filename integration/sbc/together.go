package sbc

import (
	"time"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
)

// together returns draws of chains that adapt together, one after another, Thin times as many as are ranked. The chains have numbers of
// their own in each simulation.
func (s *simulator) together(i int, out *Calibration) ([][]float64, error) {
	n := (ranked*s.c.Thin + s.c.Chains - 1) / s.c.Chains
	chains, sinks := make([]*chain.Chain, s.c.Chains), make([]*sampling.Sink, s.c.Chains)
	for k := range chains {
		var err error
		if sinks[k], err = sampling.NewSink(s.program.Sites(), s.c.Quantities); err != nil {
			return nil, err
		}
		chains[k] = s.program.NewChain(i*s.c.Chains+k, s.start)
	}
	for !chains[0].Done(n) {
		for k, c := range chains {
			if err := s.worker.Advance(c, chain.Goal{Draws: n, Slice: time.Hour}, sinks[k]); err != nil {
				return nil, err
			}
		}
		if chains[0].Waiting() {
			if err := s.decide(chains); err != nil {
				return nil, err
			}
		}
	}
	leapfrogs := make([]int64, len(chains))
	for k, c := range chains {
		out.count(c, n)
		leapfrogs[k] = c.Totals().Leapfrogs
	}
	late := make([]bool, len(chains))
	if s.c.Late != nil {
		late = s.c.Late(leapfrogs)
	}
	draws := make([][]float64, len(s.c.Quantities))
	for k := range chains {
		for q := range draws {
			if !late[k] {
				draws[q] = append(draws[q], sinks[k].Draws[q]...)
			}
		}
	}
	return draws, nil
}

// decide takes a decision of all chains, which wait for it. Decisions know chains by their place in the run.
func (s *simulator) decide(chains []*chain.Chain) error {
	reports := make([]adapt.Report, len(chains))
	for k, c := range chains {
		reports[k] = s.program.Report(c)
		reports[k].Chain = k
	}
	d, err := s.c.Chain.Pooling(len(chains)).Decide(chains[0].Decision(), reports)
	if err != nil {
		return err
	}
	for _, c := range chains {
		if err := s.program.Decide([]*chain.Chain{c}, d); err != nil {
			return err
		}
	}
	return nil
}
