// Package gp is Gaussian process regression with a squared exponential covariance.
package gp

import (
	_ "embed"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Points are a curve seen with noise.
type Points struct {
	X tensor.Value `drey:"x"`
	Y tensor.Value `drey:"y,optional"`
}

// jitter keeps the covariance positive definite to rounding where noise is tiny.
const jitter = 1e-6

// GP sums the curve out: y ~ MultivariateNormal(0, variance·exp(-½ (d/length)²) + (noise + jitter)·I), d the distances.
func GP(c *model.Context, d Points) {
	variance := c.Sample("variance", dist.LogNormal(0, 1))
	length := c.Sample("length", dist.LogNormal(0, 1))
	noise := c.Sample("noise", dist.LogNormal(0, 1))
	distance := d.X.ExpandDims(1).Sub(d.X.ExpandDims(0)).Div(length)
	covariance := variance.Mul(distance.Square().Mul(-0.5).Exp())
	nugget := noise.Add(jitter).BroadcastTo(d.X.Dim(0)).Diag()
	level := make([]float64, d.X.Dim(0))
	c.Observe("obs", dist.MultivariateNormal(level, covariance.Add(nugget)), d.Y)
}

//go:embed gp.json
var points []byte

// Data returns 100 points of a sine seen with noise of standard deviation 0.3; bench/README.md says how they are made.
func Data() (drey.Data, error) { return drey.ParseData("gp.json", points) }
