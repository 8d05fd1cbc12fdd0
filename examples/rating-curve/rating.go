// Package ratingcurve is a river's rating curve Q = a·h^b, fitted in log space: discharge from the height of the water.
package ratingcurve

import (
	_ "embed"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Gaugings are measurements of a river at one place.
type Gaugings struct {
	Stage     tensor.Value `drey:"h"`          // m above the level of no flow, positive
	Discharge tensor.Value `drey:"q,optional"` // m³/s
}

// RatingCurve has the relative error sigma at every stage: log Q = log a + b·log h + Normal(0, sigma). A wide channel
// without backwater has b = 5/3 (Manning's formula), which the prior of b allows for.
func RatingCurve(c *model.Context, d Gaugings) {
	logA := c.Sample("log_a", dist.Normal(0, 5))
	b := c.Sample("b", dist.Normal(5.0/3, 1))
	sigma := c.Sample("sigma", dist.HalfNormal(1))
	c.Deterministic("a", logA.Exp())
	gauging := c.Plate("gauging", d.Stage.Dim(0))
	gauging.Observe("q", dist.LogNormal(logA.Add(b.Mul(d.Stage.Log())), sigma), d.Discharge)
}

//go:embed gaugings.json
var gaugings []byte

// Data returns 40 simulated gaugings, made with a = 12, b = 1.8 and sigma = 0.1; the file says how.
func Data() (drey.Data, error) { return drey.ParseData("gaugings.json", gaugings) }
