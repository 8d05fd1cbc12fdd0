package runner_test

import (
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/transport"
)

// TestManifest: what a cluster is told has the run's stop rule, and blocks that make no more draws than are wanted.
func TestManifest(t *testing.T) {
	for draws, block := range map[int]uint32{0: 10, 1: 1, 7: 7, 15: 5, 100: 10, 1000: 50, 100_000: 100} {
		cfg := config(3)
		cfg.Draws, cfg.Warmup, cfg.StopRHat, cfg.StopESS = draws, 100, 1.01, 400
		_, m, err := runner.Manifest(cfg, schoolsModel(t), runner.DefaultTerms())
		if err != nil {
			t.Fatal(err)
		}
		if m.Block != block || uint32(draws)%m.Block != 0 {
			t.Errorf("%d draws in blocks of %d, want %d", draws, m.Block, block)
		}
		if want := (transport.StopRule{RHat: 1.01, ESS: 400, Every: 1}); m.Stop != want {
			t.Errorf("the rule is %+v, want %+v", m.Stop, want)
		}
		if len(m.Warmup) > 10 {
			t.Errorf("%d draws: warmup has %d blocks", draws, len(m.Warmup))
		}
	}
}
