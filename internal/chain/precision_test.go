package chain_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type sample struct {
	Y tensor.Value `drey:"y"`
}

// revenues has a log density of about -18.2 a row: -9.1·10⁶ for longSum rows, where the numbers of f32 lie 1 apart.
func revenues(c *model.Context, d sample) {
	mu := c.Sample("mu", dist.Normal(0, 1e8))
	sigma := c.Sample("sigma", dist.HalfNormal(1e8))
	c.Observe("y", dist.Normal(mu, sigma), d.Y)
}

const (
	longSum     = 500_000
	revenueMean = 5e7
	revenueSD   = 2e7
)

// longRun is what a chain over a sum of longSum terms was like: the mean acceptance rate, and mean and standard deviation of
// the draws of mu, in standard deviations of the posterior from its mean.
type longRun struct {
	accept, mean, sd float64
	divergences      int
}

// runLong makes draws with the metric that suits the target and a quarter of the step size.
func runLong(t *testing.T, eng engine.Engine, p model.Precision, draws int) longRun {
	t.Helper()
	r := rand.New(rand.NewPCG(20260203, 0))
	y, sum := make([]float64, longSum), 0.0
	for i := range y {
		y[i] = revenueMean + revenueSD*r.NormFloat64()
		sum += y[i]
	}
	m, err := model.NewIn(p, "revenues", revenues, model.Data{"y": y})
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{Init: model.InitValue, Given: []string{"mu", "sigma"}})
	if err != nil {
		t.Fatal(err)
	}
	number := func(x float64) []byte { return engine.Bytes(tensor.ArrayOf(m.Float, nil, []float64{x})) }
	start := chain.Start{Init: b.Init, Given: [][]byte{number(revenueMean), number(revenueSD)}}
	cfg := chain.DefaultConfig()
	cfg.Seed, cfg.Warmup, cfg.StepSize, cfg.Metric = 11, 0, 0.2, adapt.MetricUnit
	cfg.InverseMass = []float64{revenueSD * revenueSD / longSum, 0.5 / longSum}
	program, err := chain.Compile(eng, b, m.Columns, cfg, []chain.Start{start})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{model: m, bundle: b, program: program, start: start}
	defer program.Close()
	w := f.worker(t)
	s := &longSink{float: m.Float}
	finish(t, w, program.NewChain(0, start), draws, time.Hour, s)
	n := float64(len(s.mu))
	out := longRun{accept: s.accept / n, divergences: s.divergences}
	sd := revenueSD / math.Sqrt(longSum)
	for _, x := range s.mu {
		out.mean += (x - sum/longSum) / sd / n
	}
	for _, x := range s.mu {
		z := (x-sum/longSum)/sd - out.mean
		out.sd += z * z / n
	}
	out.sd = math.Sqrt(out.sd)
	return out
}

// longSink adds up what a longRun tells of draws whose first site is mu.
type longSink struct {
	float       tensor.DType
	accept      float64
	divergences int
	mu          []float64
}

func (s *longSink) Append(b *chain.Batch) error {
	s.mu = append(s.mu, engine.ArrayOf(s.float, []int{b.Len}, b.Values[0][:b.Len*s.float.Size()]).Float64s()...)
	for k := range b.Len {
		s.accept += b.AcceptanceRate[k]
		if b.Diverging[k] {
			s.divergences++
		}
	}
	return nil
}

// TestLongSum: at a quarter of the step size that suits the target, nearly every proposal is to be taken. In f32 the energy's
// rounding alone refuses about the fifth that warmup aims at, so that no step size is small enough for it (XLA's sums are a
// little better the wider the processor's registers are); mixed precision is as good as f64.
func TestLongSum(t *testing.T) {
	engines := []engine.Engine{wasm.Engine{}}
	if !testing.Short() {
		engines = append(engines, cpuEngine(t))
	}
	for _, eng := range engines {
		if got := runLong(t, eng, model.F32, 30); got.accept > 0.85 {
			t.Errorf("%s, f32: acceptance rate %.3f: the sum is too short to show anything", eng.Name(), got.accept)
		}
		got := runLong(t, eng, model.Mixed, 30)
		if got.accept < 0.98 || math.Abs(got.mean) > 1 || got.sd < 0.6 || got.sd > 1.5 || got.divergences > 0 {
			t.Errorf("%s, mixed: %+v", eng.Name(), got)
		}
	}
}

// cpuEngine is XLA's for processors; nil, after a skip, where there is none.
func cpuEngine(t *testing.T) engine.Engine {
	t.Helper()
	eng, err := xla.Open("cpu", xla.Config{})
	if err != nil {
		require.Skip(t, "xla", err.Error())
	}
	return eng
}
