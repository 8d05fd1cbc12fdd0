// Package linearregression is Bayesian linear regression with any number of columns.
package linearregression

import (
	_ "embed"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Rows are observations, one a row.
type Rows struct {
	X tensor.Value `drey:"x"` // [rows, columns], without a column of ones
	Y tensor.Value `drey:"y,optional"`
}

// LinearRegression is y ~ Normal(alpha + x·beta, sigma). It samples the intercept of centred columns, which does not depend
// on the slopes; alpha is the intercept of the columns as they are.
func LinearRegression(c *model.Context, d Rows) {
	centre := d.X.Mean(0)
	level := c.Sample("level", dist.Normal(0, 100))
	beta := c.Plate("column", d.X.Dim(1)).Sample("beta", dist.Normal(0, 10))
	sigma := c.Sample("sigma", dist.HalfCauchy(10))
	c.Deterministic("alpha", level.Sub(centre.Dot(beta)))
	row := c.Plate("row", d.X.Dim(0))
	row.Observe("obs", dist.Normal(level.Add(d.X.Sub(centre).MatMul(beta)), sigma), d.Y)
}

//go:embed kidiq.json
var kidiq []byte

// Data returns the test scores of 434 children and two figures of their mothers (Gelman & Hill (2006), Data Analysis
// Using Regression and Multilevel/Hierarchical Models, chapter 3).
func Data() (drey.Data, error) { return drey.ParseData("kidiq.json", kidiq) }
