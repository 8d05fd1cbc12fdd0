package sbc

import (
	"flag"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
)

// simulations of TestSlowWorkerCalibration: make sbc has more.
var simulations = flag.Int("simulations", 250, "parameters and data that TestSlowWorkerCalibration draws")

// steepFunnel has a funnel's narrow part at one end of its location, steeper than funnel: trajectories differ more from place to place.
func steepFunnel(c *model.Context, d numbers) {
	v := c.Sample("v", dist.Normal(0, 1))
	group := c.Plate("group", d.Y.Dim(0))
	z := group.Sample("z", dist.Normal(0, v.Mul(0.75).Exp()))
	group.Observe("y", dist.Normal(z, 5), d.Y)
}

// slowFunnel is a steep funnel for a cluster of two workers: a case with the same draws, and the fleet. Of 16 packs of a chain one worker can run
// 14 at once and the other two, with ten times as long for a leapfrog. So which packs are the first depends on where their chains are.
func slowFunnel(t *testing.T) (*simulator, *fleet) {
	t.Helper()
	c := pooledFunnel(t)
	c.Model = bind(t, "funnel", steepFunnel, model.Data{"y": make([]float64, 3)})
	c.Thin, c.Seed, c.Chains = 2, simulateSeed, 16
	s, err := newSimulator(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	f := &fleet{t: t, dir: t.TempDir()}
	t.Cleanup(f.begin([]computer{{14, 2 * time.Millisecond}, {2, 20 * time.Millisecond}}))
	cfg, seed := runner.DefaultConfig(), c.Chain.Seed
	cfg.Engine, cfg.Seed, cfg.Chains, cfg.Batch = runner.EngineWasm, &seed, c.Chains, 1
	cfg.Warmup, cfg.TargetAccept, cfg.Draws = c.Chain.Warmup, c.Chain.TargetAcceptanceRate, (ranked*c.Thin+c.Chains-1)/c.Chains
	f.describe(cfg, c.Model, time.Second)
	return s, f
}

// posterior runs the cluster under the data that were simulated last.
func (f *fleet) posterior(s *simulator, seed uint64) ([][]float64, history) {
	f.t.Helper()
	var columns [][]byte
	for _, c := range s.c.Model.Columns {
		columns = append(columns, s.data.current[c.Name])
	}
	return f.await(f.submit(seed, columns), s.c.Quantities[0])
}

// TestSlowWorkerCalibration: ranks are uniform on a cluster where a worker is ten times slower than the other, and the time that a
// transition takes goes with the place. All packs count, and late ones are leased a second time. Among the half of the packs that end
// first ranks are not uniform; among a half that is chosen otherwise they are.
func TestSlowWorkerCalibration(t *testing.T) {
	skipIfShort(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := slowFunnel(t)
		var all, some, early, reported [bins]int
		second := 0
		for i := range *simulations {
			truth, err := s.simulate(uint32(i))
			if err != nil {
				t.Fatal(err)
			}
			draws, h := f.posterior(s, uint64(chainSeed+i))
			count := func(counts *[bins]int, chains []int) {
				var x []float64
				for _, k := range chains {
					x = append(x, draws[k]...)
				}
				counts[rank(truth[0], x)*bins/(ranked+1)]++
			}
			packs := slices.Sorted(slices.Values(h.finished))
			half := len(packs) / 2
			count(&all, packs)
			count(&some, packs[:half])
			count(&early, h.finished[:half])
			count(&reported, h.reported[:half])
			second += h.second
		}
		t.Logf("%d simulations: p = %.3g, of half of the packs %.3g, of those that ended first %.3g, that ended warmup first %.3g; %d second leases; seeds %d, %d",
			*simulations, uniformity(all), uniformity(some), uniformity(early), uniformity(reported), second, simulateSeed, chainSeed)
		if p := min(uniformity(all), uniformity(some)); p < uniformLevel {
			t.Errorf("ranks are not uniform: p = %.3g", p)
		}
		if p := uniformity(early); p > caughtLevel {
			t.Errorf("leaving out late packs passes calibration: p = %.3g", p)
		}
		if second == 0 {
			t.Error("no late pack was leased a second time")
		}
	})
}

// TestSlowWorkerBits: the draws beside a slow worker are those of chains that adapt together in one process, bit for bit; were late packs left
// out of what warmup pools, they would be others.
func TestSlowWorkerBits(t *testing.T) {
	for _, hasty := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, f := slowFunnel(t)
			if _, err := s.simulate(0); err != nil {
				t.Fatal(err)
			}
			want, err := s.posterior(0, &Calibration{})
			if err != nil {
				t.Fatal(err)
			}
			f.hasty = hasty
			draws, _ := f.posterior(s, s.c.Chain.Seed)
			if same := slices.Equal(slices.Concat(draws...), want[0]); same == hasty {
				t.Errorf("late packs left out of decisions: %v; the same draws: %v", hasty, same)
			}
		})
	}
}
