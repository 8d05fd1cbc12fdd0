package sbc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Levels of p-values and the seeds; no seed was chosen among several.
const (
	uniformLevel = 1e-4 // a right sampler's are above
	caughtLevel  = 1e-8 // a planted bug's are below
	simulateSeed = 1
	chainSeed    = 2
)

type numbers struct {
	Y tensor.Value `drey:"y"`
}

func conjugate(c *model.Context, d numbers) {
	mu := c.Sample("mu", dist.Normal(0, 2))
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.Normal(mu, 1), d.Y)
}

func hierarchy(c *model.Context, d numbers) {
	mu := c.Sample("mu", dist.Normal(0, 1))
	tau := c.Sample("tau", dist.HalfNormal(1))
	group := c.Plate("group", d.Y.Dim(0))
	theta := group.Sample("theta", dist.Normal(mu, tau))
	group.Observe("y", dist.Normal(theta, 1), d.Y)
}

type labelled struct {
	Y     tensor.Value `drey:"y"`
	Label tensor.Value `drey:"label,index=3"`
}

func constrained(c *model.Context, d labelled) { constrainedWith(c, d, dist.Exponential(1)) }

// withoutJacobian is constrained with a map from unconstrained space that forgets its Jacobian.
func withoutJacobian(c *model.Context, d labelled) {
	constrainedWith(c, d, forgetful{dist.Exponential(1)})
}

func constrainedWith(c *model.Context, d labelled, scale dist.Distribution) {
	sigma := c.Sample("sigma", scale)
	weights := c.Sample("weights", dist.Dirichlet([]float64{2, 1, 3}))
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.Normal(0, sigma), d.Y)
	c.Plate("m", d.Label.Dim(0)).Observe("label", dist.Categorical(weights), d.Label)
}

func bind[D any](t *testing.T, name string, fn func(*model.Context, D), data model.Data) *model.Model {
	t.Helper()
	m, err := model.New(name, tensor.F64, fn, data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func conjugateModel(t *testing.T) *model.Model {
	return bind(t, "conjugate", conjugate, model.Data{"y": make([]float64, 5)})
}

func hierarchyModel(t *testing.T) *model.Model {
	fn := model.With(hierarchy, model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{}}))
	return bind(t, "hierarchy", fn, model.Data{"y": make([]float64, 4)})
}

func constrainedModel(t *testing.T, fn func(*model.Context, labelled)) *model.Model {
	return bind(t, "constrained", fn, model.Data{"y": make([]float64, 4), "label": make([]int, 6)})
}

func quantities(names ...string) []sampling.Quantity {
	var out []sampling.Quantity
	for _, name := range names {
		q := sampling.Quantity{Name: name, Site: name}
		if n, err := fmt.Sscanf(name, "weights[%d]", &q.Element); n == 1 && err == nil {
			q.Site = "weights"
		}
		if n, err := fmt.Sscanf(name, "theta[%d]", &q.Element); n == 1 && err == nil {
			q.Site = "theta"
		}
		out = append(out, q)
	}
	return out
}

var (
	ofConjugate   = quantities("mu")
	ofHierarchy   = quantities("mu", "tau", "theta[0]")
	ofConstrained = quantities("sigma", "weights[0]", "weights[1]")
)

// config returns a kernel's configuration: a warmup that has three slow windows, and for HMC a trajectory about a third of a
// period with jitter, so that it fits no period.
func config(k chain.Kernel) chain.Config {
	c := chain.DefaultConfig()
	c.Seed, c.Kernel, c.Warmup = chainSeed, k, 300
	c.TrajectoryLength, c.TrajectoryJitter = 2, 0.5
	return c
}

func run(t *testing.T, c Case) float64 {
	t.Helper()
	c.Simulations, c.Thin, c.Seed = 1000, 10, simulateSeed
	out, err := Calibrate(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: p = %.3g; %d leapfrogs, at most %d draws a chain; seeds %d, %d", t.Name(), out.P, out.Leapfrogs, out.Longest, simulateSeed, chainSeed)
	return slices.Min(out.P)
}

// TestCalibration: ranks are uniform for both kernels on three models.
func TestCalibration(t *testing.T) {
	skipIfShort(t)
	for _, k := range []chain.Kernel{chain.NUTS, chain.HMC} {
		for name, c := range map[string]Case{
			"conjugate":   {Model: conjugateModel(t), Quantities: ofConjugate},
			"hierarchy":   {Model: hierarchyModel(t), Quantities: ofHierarchy},
			"constrained": {Model: constrainedModel(t, constrained), Quantities: ofConstrained},
		} {
			t.Run(string(k)+" "+name, func(t *testing.T) {
				t.Parallel()
				c.Chain = config(k)
				if p := run(t, c); p < uniformLevel {
					t.Errorf("ranks are not uniform: p = %.3g", p)
				}
			})
		}
	}
}

func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: calibration takes a minute")
	}
}

// plant runs another kernel in the place of the configured one.
func plant[S kernels.Located](t *testing.T, c Case, k kernels.Kernel[kernels.Params, S, kernels.Info]) Case {
	t.Helper()
	var err error
	if c.Replace, err = replaceRun(c.Model, c.Chain, k); err != nil {
		t.Fatal(err)
	}
	return c
}

// whitened is the conjugate model with its posterior's variance as the metric and a fixed step size: adaptation would hide some
// bugs, with steps too small to matter, and blow up others.
func whitened(t *testing.T, k chain.Kernel, stepSize float64) Case {
	c := Case{Model: conjugateModel(t), Quantities: ofConjugate, Chain: config(k)}
	c.Chain.Metric, c.Chain.InverseMass, c.Chain.StepSize = adapt.MetricUnit, []float64{1 / (5 + 0.25)}, stepSize
	return c
}

// requireCaught calibrates a sampler with a bug, and without it: the settings must not be to blame.
func requireCaught(t *testing.T, right, wrong Case) {
	t.Helper()
	t.Parallel()
	if p := run(t, right); p < uniformLevel {
		t.Errorf("without the bug: p = %.3g", p)
	}
	if p := run(t, wrong); p > caughtLevel {
		t.Errorf("a planted bug passes calibration: p = %.3g", p)
	}
}

// TestPlantedBugs: each of four bugs is caught.
func TestPlantedBugs(t *testing.T) {
	skipIfShort(t)
	t.Run("no Jacobian", func(t *testing.T) {
		right := Case{Model: constrainedModel(t, constrained), Quantities: ofConstrained, Chain: config(chain.NUTS)}
		wrong := right
		wrong.Model = constrainedModel(t, withoutJacobian)
		requireCaught(t, right, wrong)
	})
	t.Run("HMC that always accepts", func(t *testing.T) {
		c := whitened(t, chain.HMC, 1.5)
		c.Chain.TrajectoryLength, c.Chain.TrajectoryJitter = 1.5, 0
		h := kernels.DefaultHMC()
		h.TrajectoryLength = c.Chain.TrajectoryLength
		requireCaught(t, c, plant(t, c, alwaysHMC{h}))
	})
	t.Run("uniform leaf weights", func(t *testing.T) {
		c := whitened(t, chain.NUTS, 1.2)
		requireCaught(t, c, plant(t, c, uniformNUTS{kernels.DefaultNUTS()}))
	})
	t.Run("wrong sign in a half step", func(t *testing.T) {
		c := whitened(t, chain.NUTS, 0.6)
		requireCaught(t, c, plant(t, c, wrongSignNUTS{kernels.DefaultNUTS()}))
	})
}

// TestReplacedKernelIsTheSame: the way bugs are planted plants none by itself.
func TestReplacedKernelIsTheSame(t *testing.T) {
	c := Case{Model: hierarchyModel(t), Quantities: ofHierarchy, Chain: config(chain.NUTS), Simulations: 3, Thin: 2, Seed: simulateSeed}
	want, err := Calibrate(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Calibrate(plant(t, c, kernels.DefaultNUTS()))
	if err != nil {
		t.Fatal(err)
	}
	if got.Leapfrogs != want.Leapfrogs || !slices.Equal(got.P, want.P) {
		t.Errorf("%+v with the kernel in its own place, %+v without", got, want)
	}
}

// TestUniformity checks the test on counts that are uniform, and on ones that have a slope of a tenth.
func TestUniformity(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var flat, slope [bins]int
	for range 1000 {
		flat[r.IntN(bins)]++
	}
	for i := range slope {
		slope[i] = 50 + 3*(2*i-bins+1)/2
	}
	if p := uniformity(flat); p < 0.001 || p > 0.999 {
		t.Errorf("uniform counts have p = %.3g", p)
	}
	if p := uniformity(slope); p > caughtLevel {
		t.Errorf("counts with a slope have p = %.3g", p)
	}
}

// TestRank counts over evenly spaced draws.
func TestRank(t *testing.T) {
	draws := make([]float64, 2*ranked)
	for i := range draws {
		draws[i] = float64(i)
	}
	for _, c := range []struct {
		x    float64
		want int
	}{{-1, 0}, {0.5, 0}, {1.5, 1}, {100, 50}, {1e9, ranked}} {
		if got := rank(c.x, draws); got != c.want {
			t.Errorf("rank of %v is %d, want %d", c.x, got, c.want)
		}
	}
}
