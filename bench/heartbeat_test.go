package bench_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-sampler/drey/bench"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

// heartbeat returns the largest gap between the beats of a goroutine that sleeps for a millisecond at a time, while load
// runs.
func heartbeat(load func()) time.Duration {
	var largest time.Duration
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for last := time.Now(); !stop.Load(); {
			time.Sleep(time.Millisecond)
			now := time.Now()
			largest, last = max(largest, now.Sub(last)), now
		}
	})
	load()
	stop.Store(true)
	wg.Wait()
	return largest
}

// BenchmarkHeartbeat reports how long a goroutine that wants to beat every millisecond waits at most beside logistic
// regression of 581,012 × 54 with a chain a core: the calls of the engine, which can't be preempted and hold up the garbage
// collector with everyone, are short. What it shows is the machine's business too, so no test asserts it.
func BenchmarkHeartbeat(b *testing.B) {
	m, err := bench.Regression(model.F64, 581_012)
	if err != nil {
		b.Fatal(err)
	}
	seed := uint64(1)
	cfg := runner.DefaultConfig()
	cfg.Seed, cfg.Engine, cfg.Chains, cfg.Warmup, cfg.Draws, cfg.MaxTreeDepth = &seed, "wasm", runtime.GOMAXPROCS(0), 8, 5, 3
	var largest time.Duration
	for b.Loop() {
		largest = max(largest, heartbeat(func() {
			r, err := runner.Run(context.Background(), cfg, runner.Model{Model: m}, nil)
			if err != nil {
				b.Error(err)
				return
			}
			r.Draws.Close()
		}))
	}
	b.ReportMetric(float64(largest.Microseconds())/1e3, "ms-largest-gap")
}
