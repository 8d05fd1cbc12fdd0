package sbc

import (
	"testing"
	"testing/synctest"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// TestDeadlineCalibration: ranks are uniform where decisions of warmup do without packs that are late by their place, as those of a worker
// that is ten times slower: the last decisions wait for all, and so do draws.
func TestDeadlineCalibration(t *testing.T) {
	if *simulations < 1000 {
		t.Skip("skipped: only make sbc runs it, with -simulations 1000: it takes as long as TestSlowWorkerCalibration")
	}
	synctest.Test(t, func(t *testing.T) {
		s, f := slowFunnel(t)
		f.manifest.Deadline, f.manifest.Open = 1, uint32(job.OpenWindows(s.c.Chain)) // as soon as the coordinator looks at its clock
		var counts [bins]int
		late := 0
		for i := range *simulations {
			truth, err := s.simulate(uint32(i))
			if err != nil {
				t.Fatal(err)
			}
			draws, h := f.posterior(s, uint64(chainSeed+i))
			var x []float64
			for _, k := range h.finished {
				x = append(x, draws[k]...)
			}
			counts[rank(truth[0], x)*bins/(ranked+1)]++
			about, err := store.ReadRun(f.path(f.last()))
			if err != nil {
				t.Fatal(err)
			}
			late += len(about.Warmup.Late)
		}
		p := uniformity(counts)
		t.Logf("%d simulations: p = %.3g, %d decisions without late packs; seeds %d, %d", *simulations, p, late, simulateSeed, chainSeed)
		if p < uniformLevel {
			t.Errorf("ranks are not uniform: p = %.3g", p)
		}
		if late < *simulations {
			t.Errorf("%d decisions did without late packs: fewer than one in each simulation", late)
		}
	})
}

// last returns the run that was submitted last.
func (f *fleet) last() transport.RunID {
	var out transport.RunID
	f.View(func(m *coordinator.Machine) {
		all := m.Runs()
		out = transport.RunID(all[len(all)-1])
	})
	return out
}
