package exact

import (
	"fmt"
	"math"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type none struct{}

type precision struct {
	P tensor.Value `drey:"precision"`
}

func gaussian(c *model.Context, d precision) {
	n := d.P.Dim(0)
	c.Sample("x", dist.MultivariateNormalPrecision(make([]float64, n), d.P))
}

type variances struct {
	V tensor.Value `drey:"variance"`
}

func illConditioned(c *model.Context, d variances) {
	c.Plate("i", d.V.Dim(0)).Sample("x", dist.Normal(0, d.V.Sqrt()))
}

// illConditionedRotated samples y = H·x, H = I - (2/n)·1·1ᵀ its own inverse, by the density of x.
func illConditionedRotated(c *model.Context, d variances) {
	n := d.V.Dim(0)
	y := c.Sample("y", dist.ImproperUniform(dist.Real, nil, []int{n}))
	x := y.Sub(y.Sum().Mul(2 / float64(n)))
	c.Factor("density", dist.Normal(0, d.V.Sqrt()).LogProb(x).Sum())
}

// funnel is Neal's, non-centred: x = exp(v/2)·z.
func funnel(c *model.Context, _ none) {
	v := c.Sample("v", dist.Normal(0, 3))
	z := c.Plate("i", 9).Sample("z", dist.Normal(0, 1))
	c.Deterministic("x", z.Mul(v.Mul(0.5).Exp()))
}

// banana and rosenbrock are non-centred too: along the centred ones' ridges no step size fits.
func banana(c *model.Context, _ none) {
	x1 := c.Sample("x1", dist.Normal(0, 10))
	z := c.Sample("z", dist.Normal(0, 1))
	c.Deterministic("x2", x1.Square().Sub(100.0).Mul(0.03).Add(z))
}

func rosenbrock(c *model.Context, _ none) {
	x1 := c.Sample("x1", dist.Normal(1, math.Sqrt(10)))
	z := c.Sample("z", dist.Normal(0, 1))
	c.Deterministic("x2", x1.Square().Add(z.Mul(math.Sqrt(0.1))))
}

// studentT is the multivariate t distribution with 5 degrees of freedom and scale matrix 0.5^|i-j|, as a normal whose
// precision is scaled by w/5, w ~ Chi2(5).
func studentT(c *model.Context, _ none) {
	const n, nu = 10, 5.0
	scale := make([][]float64, n)
	for i := range scale {
		scale[i] = make([]float64, n)
		for j := range scale[i] {
			scale[i][j] = math.Pow(0.5, math.Abs(float64(i-j)))
		}
	}
	w := c.Sample("w", dist.Chi2(nu))
	z := c.Sample("z", dist.MultivariateNormal(make([]float64, n), scale))
	c.Deterministic("x", z.Mul(w.Mul(1/nu).Rsqrt()))
}

// seldom keeps every hundredth draw, for a target whose modes chains seldom leave.
func (c Case) seldom() Case {
	c.Configure = func(cfg *sampling.Config) { cfg.Chain.Thin = 100 }
	return c
}

// dense uses a dense metric, for a target that takes a diagonal one 500 leapfrog steps a draw.
func (c Case) dense() Case {
	c.Configure = func(cfg *sampling.Config) { cfg.Chain.Metric = adapt.MetricDense }
	return c
}

func mixture1D(c *model.Context, _ none) {
	c.Sample("x", dist.MixtureSameFamily(dist.Categorical([]float64{0.3, 0.7}), dist.Normal([]float64{-3, 2}, []float64{1, 0.5})))
}

func mixture2D(c *model.Context, _ none) {
	parts := dist.ToEvent(dist.Normal([][]float64{{-1.5, -1.5}, {1.5, 1.5}}, 1), 1)
	c.Sample("x", dist.MixtureSameFamily(dist.Categorical([]float64{0.25, 0.75}), parts))
}

type concentration struct {
	Alpha tensor.Value `drey:"alpha"`
}

func dirichlet(c *model.Context, d concentration) { c.Sample("p", dist.Dirichlet(d.Alpha)) }

// lkj has the correlations and the squares of the factor's diagonal.
func lkj(n int, eta float64) func(*model.Context, none) {
	return func(c *model.Context, _ none) {
		l := c.Sample("L", dist.LKJCholesky(n, eta))
		c.Deterministic("correlation", l.MatMul(l.SwapAxes(0, 1)))
		c.Deterministic("square", l.Diagonal().Square())
	}
}

func orderedNormal(n int) func(*model.Context, none) {
	return func(c *model.Context, _ none) {
		x := c.Sample("x", dist.ImproperUniform(dist.Ordered, nil, []int{n}))
		c.Factor("density", dist.Normal(0, 1).LogProb(x).Sum())
	}
}

func positiveOrdered(c *model.Context, _ none) {
	x := c.Sample("x", dist.ImproperUniform(dist.PositiveOrdered, nil, []int{4}))
	c.Factor("density", dist.Exponential(1).LogProb(x).Sum())
}

func targetCases() []Case {
	out := []Case{
		of("gaussian_wishart_20", gaussian), wishart250(),
		of("gaussian_ill_conditioned_50", illConditioned), of("gaussian_ill_conditioned_50_rotated", illConditionedRotated).dense(),
		of("neal_funnel_10", funnel), of("banana_haario", banana), of("rosenbrock_2d", rosenbrock), of("student_t_10", studentT),
		of("mixture_1d", mixture1D).seldom(), of("mixture_2d", mixture2D), of("dirichlet_3", dirichlet), of("dirichlet_4", dirichlet),
		of("ordered_normal_3", orderedNormal(3)), of("ordered_normal_5", orderedNormal(5)), of("positive_ordered_exponential_4", positiveOrdered),
	}
	for _, n := range []int{3, 4} {
		for _, eta := range []float64{1, 2, 5} {
			out = append(out, of(fmt.Sprintf("lkj_cholesky_%d_eta%.0f", n, eta), lkj(n, eta)))
		}
	}
	return out
}
