package runner_test

import (
	"context"
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
)

// BenchmarkSchools times whole runs of one chain on one worker, per leapfrog of sampling, with and without files.
func BenchmarkSchools(b *testing.B) {
	for _, where := range []string{"memory", "disk"} {
		b.Run(where, func(b *testing.B) {
			leapfrogs, seconds := 0.0, 0.0
			for b.Loop() {
				cfg := config(1)
				cfg.Chains, cfg.Workers, cfg.Draws = 1, 1, 100_000
				if where == "disk" {
					cfg.Dir = b.TempDir()
				}
				r, err := runner.Run(context.Background(), cfg, schoolsModel(b), nil)
				if err != nil {
					b.Fatal(err)
				}
				run := r.Draws.Run()
				leapfrogs += float64(run.Counts.Leapfrogs)
				seconds += float64(run.Seconds.Sampling)
				r.Draws.Close()
			}
			b.ReportMetric(seconds/leapfrogs*1e9, "ns/leapfrog")
		})
	}
}
