package runner_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type logistic struct {
	X tensor.Value `drey:"x"`
	Y tensor.Value `drey:"y"`
}

// logisticModel is logistic regression of n simulated rows.
func logisticModel(t testing.TB, n, dim int) runner.Model {
	t.Helper()
	x := tensor.NewArray(tensor.F64, []int{n, dim})
	y := make([]float64, n)
	s := rng.NewStream(1, 0, 0, rng.PurposeSimulate, 0)
	for i := range n {
		sum := 0.0
		for k := range dim {
			v := 1.0
			if k > 0 {
				v = 4*s.Float64() - 2
			}
			x.Bits[i*dim+k] = math.Float64bits(v)
			sum += 0.3 * v * float64(k%3-1)
		}
		if s.Float64() < 1/(1+math.Exp(-sum)) {
			y[i] = 1
		}
	}
	m, err := model.New("logistic-regression", tensor.F64, func(c *model.Context, d logistic) {
		beta := c.Plate("column", dim).Sample("beta", dist.Normal(0, 1))
		c.Plate("row", n).Observe("y", dist.BernoulliLogits(d.X.MatMul(beta)), d.Y)
	}, model.Data{"x": x, "y": y})
	if err != nil {
		t.Fatal(err)
	}
	return runner.Model{Model: m}
}

// heartbeat measures the largest gap between the beats of a goroutine that sleeps for a millisecond at a time, while load
// runs. The garbage collector runs four times a second: a call that can't be preempted holds it up, and with it everyone.
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
	wg.Go(func() {
		for !stop.Load() {
			runtime.GC()
			time.Sleep(250 * time.Millisecond)
		}
	})
	load()
	stop.Store(true)
	wg.Wait()
	return largest
}

// BenchmarkHeartbeat reports how long a goroutine that wants to beat every millisecond waits at most beside logistic
// regression of 581,012 × 54: the calls of the engine that can't be preempted are short. What it shows is the machine's business
// too, so no test asserts it.
func BenchmarkHeartbeat(b *testing.B) {
	m := logisticModel(b, 581_012, 54)
	cfg := config(1)
	cfg.Chains, cfg.Warmup, cfg.Draws, cfg.MaxTreeDepth = 2, 5, 3, 3
	var largest time.Duration
	for b.Loop() {
		largest = max(largest, heartbeat(func() {
			r, err := runner.Run(context.Background(), cfg, m, nil)
			if err != nil {
				b.Error(err)
				return
			}
			r.Draws.Close()
		}))
	}
	b.ReportMetric(float64(largest.Microseconds())/1e3, "ms-largest-gap")
}
