// Package mixture is a mixture of two normal distributions whose labels are summed out: the eruptions of Old Faithful.
package mixture

import (
	_ "embed"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Values are what the mixture is of.
type Values struct {
	Y tensor.Value `drey:"y"`
}

// Mixture has an increasing pair of means, so that the components can't change places; which component a value belongs
// to is summed out of its density, which leaves no discrete variable to sample.
func Mixture(c *model.Context, d Values) {
	mu := c.Sample("mu", dist.ImproperUniform(dist.Ordered, nil, []int{2}), model.Dims("component"))
	c.Factor("mu_prior", dist.Normal(0, 10).LogProb(mu).Sum())
	sigma := c.Plate("component", 2).Sample("sigma", dist.HalfNormal(2))
	weight := c.Sample("weight", dist.Beta(2, 2)) // of the first component
	weights := tensor.Stack(0, weight, weight.Neg().Add(1.0))
	value := c.Plate("value", d.Y.Dim(0))
	value.Observe("obs", dist.MixtureSameFamily(dist.Categorical(weights), dist.Normal(mu, sigma)), d.Y)
}

//go:embed faithful.json
var faithful []byte

// Data returns how long 272 eruptions lasted, in minutes (Azzalini & Bowman (1990), Applied Statistics 39, 357-365).
func Data() (drey.Data, error) { return drey.ParseData("faithful.json", faithful) }
