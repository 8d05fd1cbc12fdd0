// Package logisticregression is Bayesian logistic regression, by default of 20,000 rows and 54 columns.
package logisticregression

import (
	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/bench/recipe"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Rows are observations, one a row.
type Rows struct {
	X tensor.Value `drey:"X"`          // [rows, columns], a column of ones included
	Y tensor.Value `drey:"y,optional"` // 0 or 1
}

// LogisticRegression is y ~ Bernoulli(logit = X·beta).
func LogisticRegression(c *model.Context, d Rows) {
	beta := c.Plate("column", d.X.Dim(1)).Sample("beta", dist.Normal(0, 1))
	row := c.Plate("row", d.X.Dim(0))
	row.Observe("obs", dist.BernoulliLogits(d.X.MatMul(beta)), d.Y)
}

// defaultRows is the size of the benchmark's data set.
const defaultRows = 20_000

// Data returns 20,000 generated rows.
func Data() (drey.Data, error) { return Generate(defaultRows), nil }

// Generate returns the first rows of the benchmark's data, which have 54 columns; bench/README.md says how they are made.
func Generate(rows int) drey.Data {
	x, y, _ := recipe.LogisticRegression(rows)
	return drey.Data{"X": model.Array{Shape: []int{rows, recipe.Columns}, F64: x}, "y": y}
}
