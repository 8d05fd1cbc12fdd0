package runner

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestWinner is the rule of EngineAuto, for measured times as machines have them.
func TestWinner(t *testing.T) {
	leapfrogs := func(chains, transitions float64) float64 { return typicalLeapfrogs * chains * transitions }
	for name, w := range map[string]struct {
		choice
		width int
		says  string
	}{
		"a short run":                  {choice{leapfrogs: leapfrogs(4, 2000), platform: "cpu", rest: 2e-6, wasm: 0.2e-6}, 0, "auto: wasm: a gradient of a chain takes wasm 200 ns and the run about 24 ms"},
		"many chains of a small model": {choice{leapfrogs: leapfrogs(10_000, 2000), platform: "cpu", rest: 2e-6, wasm: 0.1e-6}, 0, "no sooner done"},
		"64 chains of a large dense one": {
			choice{leapfrogs: leapfrogs(64, 2000), platform: "cpu", rest: 11e-6, wasm: 250e-6, packs: []packSpeed{{64, 95e-6}, {32, 80e-6}}},
			32, "auto: xla:cpu, packs of 32: a gradient of a chain takes wasm 250 µs, xla:cpu in packs of 32 80 µs",
		},
		"four of it": {choice{leapfrogs: leapfrogs(4, 2000), platform: "cpu", rest: 11e-6, wasm: 250e-6, packs: []packSpeed{{2, 300e-6}}}, 0, "auto: wasm: a gradient"},
		"a small Gaussian process": {
			choice{leapfrogs: leapfrogs(4, 2000), platform: "cpu", rest: 1e-6, wasm: 200e-6, least: 0.85}, 0, "and the run about 24 s: XLA would be no sooner done",
		},
		"nearly a tie":          {choice{leapfrogs: leapfrogs(64, 2000), platform: "cpu", wasm: 250e-6, packs: []packSpeed{{64, 224e-6}}}, 0, "auto: wasm"},
		"what compiling costs":  {choice{leapfrogs: leapfrogs(4, 2000), platform: "cpu", wasm: 30e-6, packs: []packSpeed{{4, 10e-6}}}, 0, "auto: wasm"},
		"a GPU":                 {choice{leapfrogs: leapfrogs(64, 2000), platform: "cuda", wasm: 10e-3, packs: []packSpeed{{64, 30e-6}}}, 64, "auto: xla:cuda, packs of 64"},
		"a GPU and a short run": {choice{leapfrogs: leapfrogs(4, 20), platform: "cuda", wasm: 1e-3}, 0, "no sooner done"},
	} {
		width, why := w.winner()
		if width != w.width || !strings.Contains(why, w.says) {
			t.Errorf("%s: packs of %d, %q; want %d, %q", name, width, why, w.width, w.says)
		}
	}
}

// TestWork: the bound on a gradient counts what dominates it, turns of scans among it, and has none for loops of unknown length. The
// share of linear algebra is that of small matrices.
func TestWork(t *testing.T) {
	matrix, vector := tensor.Param{Name: "x", DType: tensor.F64, Shape: []int{200, 50}}, tensor.Param{Name: "b", DType: tensor.F64, Shape: []int{50}}
	var algebra float64 // of the last bound
	bound := func(f func(v []tensor.Value) tensor.Value) (float64, bool) {
		g, err := tensor.Trace("f", tensor.F64, []tensor.Param{matrix, vector}, func(v []tensor.Value) []tensor.Value { return []tensor.Value{f(v)} })
		if err != nil {
			t.Fatal(err)
		}
		w, ok := workOf(g.Body)
		algebra = w.algebra
		return w.all, ok
	}
	product, _ := bound(func(v []tensor.Value) tensor.Value {
		return tensor.DotGeneral(v[0], v[1], nil, []int{1}, nil, []int{0})
	})
	if least := 200 * 50 * plainSeconds; product < least || product > 2*least {
		t.Errorf("a product: %g s, want %g or a little more", product, least)
	}
	for _, n := range []int{smallMatrix, smallMatrix + 1} {
		all, _ := bound(func(v []tensor.Value) tensor.Value {
			return v[1].Sum().BroadcastTo(n, n).Cholesky().Sum()
		})
		want := 0.0
		if n == smallMatrix {
			want = plainSeconds * float64(n*n*n)
		}
		if algebra != want || all <= plainSeconds*float64(n*n*n) {
			t.Errorf("a factor of %d rows: %g s, of it linear algebra %g, want %g", n, all, algebra, want)
		}
	}
	if exp, _ := bound(func(v []tensor.Value) tensor.Value { return v[1].Exp() }); exp != 50*expandSeconds {
		t.Errorf("50 exponentials: %g s", exp)
	}
	turns := func(n int) float64 {
		s, ok := bound(func(v []tensor.Value) tensor.Value {
			c, _ := tensor.ScanN([]tensor.Value{v[1]}, nil, n, false, func(c, _ []tensor.Value) (carry, y []tensor.Value) {
				return []tensor.Value{c[0].Exp()}, nil
			})
			return c[0]
		})
		if !ok {
			t.Error("a scan has no bound")
		}
		return s
	}
	if s := turns(7) - turns(1); math.Abs(s-6*50*expandSeconds) > 1e-12 {
		t.Errorf("six turns more take %g s", s)
	}
	if _, ok := bound(func(v []tensor.Value) tensor.Value {
		return tensor.WhileN([]tensor.Value{v[1]}, func(c []tensor.Value) tensor.Value { return c[0].Sum().Lt(1) }, func(c []tensor.Value) []tensor.Value {
			return []tensor.Value{c[0].Exp()}
		})[0]
	}); ok {
		t.Error("a loop of unknown length has a bound")
	}
}

func pair(c *model.Context, _ struct{}) {
	c.Plate("n", 2).Sample("x", dist.Normal(0, 1))
}

// auto runs a small model with EngineAuto in memory and returns what Notice was told.
func auto(t *testing.T) (engine string, notices []string) {
	t.Helper()
	m, err := model.New("pair", model.F64.Float(), pair, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Warmup, cfg.Draws = 50, 50
	cfg.Notice = func(line string) { notices = append(notices, line) }
	r, err := Run(context.Background(), cfg, Model{Model: m}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Draws.Run().Settings.Engine, notices
}

// TestAutoWithoutPlugin: where there is nothing to choose from, nothing is measured and said.
func TestAutoWithoutPlugin(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv(plugin.Variable, "")
	t.Setenv(plugin.DirVariable, "")
	if engine, notices := auto(t); engine != EngineWasm || len(notices) > 0 {
		t.Errorf("%s, told %q", engine, notices)
	}
}

// TestAutoWithPlugin: a run that is over before XLA would have compiled is wasm's, which is said in one line and recorded; the
// engine that is chosen is the one that run.json names.
func TestAutoWithPlugin(t *testing.T) {
	if _, ok := accelerator(); !ok {
		require.Skip(t, "xla", "no plugin")
	}
	if engine, notices := auto(t); engine != EngineWasm || len(notices) != 1 || !strings.HasPrefix(notices[0], "engine auto: wasm: the run takes it no more than ") {
		t.Errorf("%s, told %q", engine, notices)
	}
	m, err := model.New("pair", model.F64.Float(), pair, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Chains = 7
	p, err := newPlan(cfg, Model{Model: m})
	if err != nil {
		t.Fatal(err)
	}
	c := choice{platform: "cpu", wasm: 1}
	if err := p.measure(&c); err != nil {
		t.Fatal(err)
	}
	if len(c.packs) != 1 || c.packs[0].width != 7 || !(c.packs[0].seconds > 0) {
		t.Errorf("measured %+v", c.packs)
	}
	if err := p.use("cpu", 3, ""); err != nil {
		t.Fatal(err)
	}
	run, _, err := p.describe()
	if err != nil {
		t.Fatal(err)
	}
	if s := run.Settings; s.Engine != xla.Prefix+"cpu" || s.Batch != 3 || p.chain.Batch != 3 || run.Versions.CodeGenerator != versionsOf(p.engine).CodeGenerator {
		t.Errorf("recorded: %+v", s)
	}
	if again := configOf(&run); again.Engine != xla.Prefix+"cpu" || again.Batch != 3 {
		t.Errorf("gone on with: %s in packs of %d", again.Engine, again.Batch)
	}
}
