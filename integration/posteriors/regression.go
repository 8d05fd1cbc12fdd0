package posteriors

import (
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// regress declares beta, sigma and y ~ Normal(beta[0] + Σ beta[k]·columns[k-1], sigma), with a flat prior on beta.
func regress(c *model.Context, sigmaPrior dist.Distribution, y tensor.Value, columns ...tensor.Value) {
	beta := c.Sample("beta", flat(len(columns)+1))
	sigma := c.Sample("sigma", sigmaPrior)
	mean := beta.At(0)
	for k, x := range columns {
		mean = mean.Add(beta.At(k + 1).Mul(x))
	}
	c.Plate("n", y.Dim(0)).Observe("y", dist.Normal(mean, sigma), y)
}

// sd is the sample standard deviation, with divisor n - 1.
func sd(x tensor.Value) tensor.Value {
	return x.Sub(x.Mean()).Square().Sum().Div(float64(x.Dim(0) - 1)).Sqrt()
}

// is is 1 where x equals a level and 0 elsewhere.
func is(x tensor.Value, level float64) tensor.Value { return tensor.Select(x.Eq(level), 1.0, 0.0) }

type design struct {
	X tensor.Value `drey:"X"`
	Y tensor.Value `drey:"y"`
}

// blr is a regression without intercept.
func blr(c *model.Context, d design) {
	beta := c.Plate("column", d.X.Dim(1)).Sample("beta", dist.Normal(0, 10))
	sigma := c.Sample("sigma", dist.HalfNormal(10))
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.Normal(d.X.MatMul(beta), sigma), d.Y)
}

type diamondData struct {
	X tensor.Value `drey:"X"` // without the constant column
	Y tensor.Value `drey:"Y"`
}

func diamonds(c *model.Context, d diamondData) {
	b := c.Plate("column", d.X.Dim(1)).Sample("b", dist.Normal(0, 1))
	intercept := c.Sample("Intercept", dist.StudentT(3, 8, 10))
	sigma := c.Sample("sigma", halfStudentT(10))
	mean := d.X.Sub(d.X.Mean(0)).MatMul(b).Add(intercept)
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.Normal(mean, sigma), d.Y)
}

type trend struct {
	X tensor.Value `drey:"x"`
	Y tensor.Value `drey:"y"`
}

// kilpisjarvi's prior constants stand in the data of the original program.
func kilpisjarvi(c *model.Context, d trend) {
	alpha := c.Sample("alpha", dist.Normal(9.31290322580645, 100))
	beta := c.Sample("beta", dist.Normal(0, 0.0333333333333333))
	sigma := c.Sample("sigma", flatPositive())
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.Normal(alpha.Add(beta.Mul(d.X)), sigma), d.Y)
}

func regressionPosteriors() []Posterior {
	return []Posterior{
		of("sblrc-blr", "sblrc", blr), of("sblri-blr", "sblri", blr),
		of("diamonds-diamonds", "diamonds", diamonds).dense(),
		of("kilpisjarvi_mod-kilpisjarvi", "kilpisjarvi_mod", kilpisjarvi).dense(),
	}
}
