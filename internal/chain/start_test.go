package chain_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestNoStart: a density or a gradient that is finite nowhere names the site.
func TestNoStart(t *testing.T) {
	for _, c := range []struct {
		name  string
		fn    func(*model.Context, struct{})
		wants []string
	}{
		{"density", func(c *model.Context, _ struct{}) {
			x := c.Sample("x", dist.Normal(0, 1))
			c.Factor("wall", x.Square().Add(1.0).Neg().Log())
		}, []string{"chain 3", "100 starting points", "wall = NaN", "x: ", "--init"}},
		{"one element", func(c *model.Context, _ struct{}) {
			x := c.Sample("x", dist.Normal(0, 1))
			c.Plate("p", 3).Factor("walls", tensor.Stack(0, x, x.Sub(x).Log(), x))
		}, []string{"walls[1] = -Inf"}},
		{"gradient", func(c *model.Context, _ struct{}) {
			c.Sample("y", dist.Normal(0, 1))
			x := c.Sample("x", dist.Normal(0, 1))
			c.Factor("cusp", x.Mul(1e-200).Mul(1e-200).Abs().Sqrt())
		}, []string{"gradient with respect to x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := build(t, c.fn, nil, wasm.Engine{}, chain.DefaultConfig())
			err := f.worker(t).Advance(f.program.NewChain(3, f.start), chain.Goal{Draws: 1}, &counter{})
			if err == nil {
				t.Fatal("the chain started")
			}
			for _, want := range c.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
}

// TestStartAfterMisses: attempts go on until one is finite, and each chain has its own.
func TestStartAfterMisses(t *testing.T) {
	f := build(t, func(c *model.Context, _ struct{}) {
		x := c.Sample("x", dist.Normal(0, 1))
		c.Factor("floor", tensor.Select(x.Gt(1.9), 0.0, math.Inf(-1))) // one start in forty
	}, nil, wasm.Engine{}, chain.DefaultConfig())
	seen := map[float64]bool{}
	for i := range 4 {
		c := f.program.NewChain(i, f.start)
		if err := f.program.Start(c); err != nil {
			t.Fatal(err)
		}
		x := engine.ArrayOf(tensor.F64, nil, c.Part("State.Proposal.Position")).Float64s()[0]
		if !(x > 1.9) || seen[x] {
			t.Errorf("chain %d starts at %v", i, x)
		}
		seen[x] = true
	}
}

// TestGivenStart: given values are where the chain starts, and a start that is not finite is tried once.
func TestGivenStart(t *testing.T) {
	m, err := model.New("schools", tensor.F64, eightSchools, schoolsData())
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{Init: model.InitValue, Given: []string{"mu", "tau", "theta"}})
	if err != nil {
		t.Fatal(err)
	}
	f64 := func(x ...float64) []byte { return engine.Bytes(tensor.ArrayOf(tensor.F64, []int{len(x)}, x)) }
	start := chain.Start{Init: b.Init, Given: [][]byte{f64(1.5), f64(2), f64(1, 2, 3, 4, 5, 6, 7, 8)}}
	p, err := chain.Compile(wasm.Engine{}, b, m.Columns, chain.DefaultConfig(), []chain.Start{start})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := p.NewChain(0, start)
	if err := p.Start(c); err != nil {
		t.Fatal(err)
	}
	want := []float64{1.5, math.Log(2), 1, 2, 3, 4, 5, 6, 7, 8}
	got := engine.ArrayOf(tensor.F64, []int{10}, c.Part("State.Proposal.Position")).Float64s()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Fatalf("position %v, want %v", got, want)
		}
	}
	start.Given = [][]byte{f64(1.5), f64(-2), f64(1, 2, 3, 4, 5, 6, 7, 8)}
	err = p.Start(p.NewChain(0, start))
	if err == nil || !strings.Contains(err.Error(), "its starting point") || !strings.Contains(err.Error(), "tau, whose start is NaN") || !strings.Contains(err.Error(), "(non-negative)") {
		t.Errorf("a negative scale: %v", err)
	}
	start.Given = start.Given[:1]
	if err := p.Start(p.NewChain(0, start)); err == nil {
		t.Error("two starting values are missing, and nothing is said")
	}
}

// TestCompileRefuses: settings that do not go together, or with the model.
func TestCompileRefuses(t *testing.T) {
	m, err := model.New("schools", tensor.F64, nonCentred, schoolsData())
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*chain.Config){
		"unknown kernel":  func(c *chain.Config) { c.Kernel = "gibbs" },
		"warmup":          func(c *chain.Config) { c.Warmup = -1 },
		"thin":            func(c *chain.Config) { c.Thin = 0 },
		"step size":       func(c *chain.Config) { c.StepSize = math.NaN() },
		"target":          func(c *chain.Config) { c.TargetAcceptanceRate = 1 },
		"depth":           func(c *chain.Config) { c.MaxTreeDepth = 0 },
		"metric":          func(c *chain.Config) { c.Metric = "round" },
		"short matrix":    func(c *chain.Config) { c.InverseMass = []float64{1, 2} },
		"infinite matrix": func(c *chain.Config) { c.InverseMass = []float64{math.Inf(1), 1, 1, 1, 1, 1, 1, 1, 1, 1} },
		"full for diag":   func(c *chain.Config) { c.InverseMass = make([]float64, 100) },
		"trajectory":      func(c *chain.Config) { c.Kernel, c.TrajectoryLength = chain.HMC, -1 },
	} {
		cfg := chain.DefaultConfig()
		change(&cfg)
		if p, err := chain.Compile(wasm.Engine{}, b, m.Columns, cfg, []chain.Start{{Init: b.Init}}); err == nil {
			p.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// TestMetricsSample: each kernel and metric finds the moments of a normal target whose scales differ by a thousand.
func TestMetricsSample(t *testing.T) {
	scales := []float64{0.01, 1, 10}
	for _, kernel := range []chain.Kernel{chain.NUTS, chain.HMC} {
		for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricGradients, adapt.MetricDense} {
			cfg := chain.DefaultConfig()
			cfg.Kernel, cfg.Metric, cfg.TrajectoryLength, cfg.TrajectoryJitter, cfg.Seed = kernel, metric, 1.5, 0.3, 11
			f := build(t, func(c *model.Context, _ struct{}) { c.Sample("x", dist.Normal(0, scales)) }, nil, wasm.Engine{}, cfg)
			m := &moments{}
			c := f.program.NewChain(0, f.start)
			finish(t, f.worker(t), c, 4000, time.Hour, m)
			for i, scale := range scales {
				if sd := math.Sqrt(m.square[i] / m.n); math.Abs(sd/scale-1) > 0.12 { // 5 standard errors of 1,000 effective draws
					t.Errorf("%s, %s: sd of x[%d] is %v, want %v", kernel, metric, i, sd, scale)
				}
			}
			if steps := float64(c.Totals().Leapfrogs) / 4000; steps > 12 {
				t.Errorf("%s, %s: %.1f leapfrogs a draw: the metric was not found", kernel, metric, steps)
			}
		}
	}
}

// moments sums squares of the only site.
type moments struct {
	n      float64
	square [3]float64
}

func (m *moments) Append(b *chain.Batch) error {
	x := engine.ArrayOf(tensor.F64, []int{b.Len, 3}, b.Values[0][:b.Len*24]).Float64s()
	for i, v := range x {
		m.square[i%3] += v * v
	}
	m.n += float64(b.Len)
	return nil
}

// TestFirstMetric: warmup begins with 1/|gradient| where it is to find a diagonal metric, with the given or the unit one elsewhere.
func TestFirstMetric(t *testing.T) {
	ones := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	given := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for name, c := range map[string]struct {
		change func(*chain.Config)
		want   []float64 // nil: of the gradient
	}{
		"draws":     {func(*chain.Config) {}, nil},
		"gradients": {func(c *chain.Config) { c.Metric = adapt.MetricGradients }, nil},
		"given":     {func(c *chain.Config) { c.InverseMass = given }, given},
		"short":     {func(c *chain.Config) { c.Warmup = 19 }, ones},
		"unit":      {func(c *chain.Config) { c.Metric = adapt.MetricUnit }, ones},
	} {
		f := schoolsFixture(t, c.change)
		k := f.program.NewChain(0, f.start)
		if err := f.program.Start(k); err != nil {
			t.Fatal(err)
		}
		part := func(name string) []float64 { return engine.ArrayOf(tensor.F64, []int{10}, k.Part(name)).Float64s() }
		gradient := part("State.Proposal.Gradient")
		for i, factor := range part("Adapt.Factor") {
			want := 1 / math.Abs(gradient[i])
			if c.want != nil {
				want = c.want[i]
			}
			if math.Abs(factor*factor-want) > 1e-12*want {
				t.Errorf("%s: inverse mass %d is %v, want %v", name, i, factor*factor, want)
			}
		}
	}
}
