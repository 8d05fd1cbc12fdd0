package sbc

import (
	"slices"
	"testing"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
)

// funnel has its narrow part, where trajectories take more steps, at one end of its location: the log of the scale of z.
func funnel(c *model.Context, d numbers) {
	v := c.Sample("v", dist.Normal(0, 1))
	group := c.Plate("group", d.Y.Dim(0))
	z := group.Sample("z", dist.Normal(0, v.Div(2.0).Exp()))
	group.Observe("y", dist.Normal(z, 5), d.Y)
}

// pooledFunnel is a case of chains that adapt together.
func pooledFunnel(t *testing.T) Case {
	cfg := config(chain.NUTS)
	cfg.Pooled, cfg.Warmup, cfg.TargetAcceptanceRate = true, 100, 0.9
	return Case{Model: bind(t, "funnel", funnel, model.Data{"y": make([]float64, 3)}), Chain: cfg, Chains: 32, Quantities: quantities("v")}
}

// runTogether calibrates with few draws of each chain, so that how long a chain takes goes with where it is.
func runTogether(t *testing.T, c Case) float64 {
	t.Helper()
	c.Simulations, c.Thin, c.Seed = 1000, 2, simulateSeed
	out, err := Calibrate(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("p = %.3g; %d leapfrogs, %d draws a chain; seeds %d, %d", out.P, out.Leapfrogs, out.Longest, simulateSeed, chainSeed)
	return slices.Min(out.P)
}

// TestPooledCalibration: ranks under pooled warmup are uniform where the time that a transition takes goes with the place. All chains wait
// at each barrier for the slowest, so what a slow worker runs counts like the rest; were the later half of the chains left
// out, ranks would not be uniform.
func TestPooledCalibration(t *testing.T) {
	skipIfShort(t)
	t.Run("full barriers", func(t *testing.T) {
		t.Parallel()
		if p := runTogether(t, pooledFunnel(t)); p < uniformLevel {
			t.Errorf("ranks are not uniform: p = %.3g", p)
		}
	})
	t.Run("late chains left out", func(t *testing.T) {
		t.Parallel()
		c := pooledFunnel(t)
		c.Late = func(leapfrogs []int64) []bool {
			sorted := slices.Sorted(slices.Values(leapfrogs))
			late := make([]bool, len(leapfrogs))
			for k, n := range leapfrogs {
				late[k] = n > sorted[len(sorted)/2]
			}
			return late
		}
		if p := runTogether(t, c); p > caughtLevel {
			t.Errorf("leaving out late chains passes calibration: p = %.3g", p)
		}
	})
}
