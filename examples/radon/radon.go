// Package radon is a hierarchical regression: radon in the houses of Minnesota, with a level for each county.
package radon

import (
	_ "embed"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Houses are measurements, one a house.
type Houses struct {
	Y        tensor.Value `drey:"y,optional"` // log radon
	Floor    tensor.Value `drey:"floor"`      // 0 basement, 1 first floor
	County   tensor.Value `drey:"county,index=J"`
	Counties int          `drey:"J"`
}

// Radon is y ~ Normal(mu + tau·z[county] + beta·floor, sigma), its counties non-centred: 89 dimensions.
func Radon(c *model.Context, d Houses) {
	mu := c.Sample("mu", dist.Normal(0, 10))
	beta := c.Sample("beta", dist.Normal(0, 10))
	tau := c.Sample("tau", dist.HalfNormal(1))
	sigma := c.Sample("sigma", dist.HalfNormal(1))
	z := c.Plate("county", d.Counties).Sample("z", dist.Normal(0, 1))
	level := mu.Add(tau.Mul(z.At(d.County))).Add(beta.Mul(d.Floor))
	c.Plate("house", d.County.Dim(0)).Observe("obs", dist.Normal(level, sigma), d.Y)
}

//go:embed radon.json
var houses []byte

// Data returns 919 houses in 85 counties (Price, Nero & Gelman (1996), Health Physics 71, 922-936; Gelman & Hill (2006),
// Data Analysis Using Regression and Multilevel/Hierarchical Models, chapter 12).
func Data() (drey.Data, error) { return drey.ParseData("radon.json", houses) }
