package posteriors

import (
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type schools struct {
	Y     tensor.Value `drey:"y"`
	Sigma tensor.Value `drey:"sigma"`
}

func centredSchools(c *model.Context, d schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	school := c.Plate("school", d.Y.Dim(0))
	theta := school.Sample("theta", dist.Normal(mu, tau))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

var nonCentredSchools = model.With(centredSchools, model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{}}))

// gaussMix is a mixture of two normals; theta is the weight of the component with the smaller mean.
func gaussMix(c *model.Context, d series) {
	mu := c.Sample("mu", dist.ImproperUniform(dist.Ordered, nil, []int{2}))
	c.Factor("mu_prior", dist.Normal(0, 2).LogProb(mu).Sum())
	sigma := c.Plate("component", 2).Sample("sigma", dist.HalfNormal(2))
	theta := c.Sample("theta", dist.Beta(5, 5))
	weights := tensor.Stack(0, theta, theta.Neg().Add(1.0))
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.MixtureSameFamily(dist.Categorical(weights), dist.Normal(mu, sigma)), d.Y)
}
