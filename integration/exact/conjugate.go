package exact

import (
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type trials struct {
	N tensor.Value `drey:"n,dtype=i32"`
	K tensor.Value `drey:"k,dtype=i32"`
}

func betaBinomial(c *model.Context, d trials) {
	p := c.Sample("p", dist.Beta(2, 3))
	c.Deterministic("logit_p", p.Log().Sub(p.Neg().Log1p()))
	c.Plate("i", d.N.Dim(0)).Observe("k", dist.Binomial(d.N, p), d.K)
}

type counts struct {
	Y tensor.Value `drey:"y,dtype=i32"`
}

func gammaPoisson(c *model.Context, d counts) {
	rate := c.Sample("rate", dist.Gamma(3, 2))
	c.Deterministic("log_rate", rate.Log())
	c.Plate("i", d.Y.Dim(0)).Observe("y", dist.Poisson(rate), d.Y)
}

type numbers struct {
	Y tensor.Value `drey:"y"`
}

func normalNormal(c *model.Context, d numbers) {
	mu := c.Sample("mu", dist.Normal(0, 3))
	c.Plate("i", d.Y.Dim(0)).Observe("y", dist.Normal(mu, 2), d.Y)
}

func normalInverseGamma(c *model.Context, d numbers) {
	s2 := c.Sample("s2", dist.InverseGamma(3, 4))
	sigma := c.Deterministic("sigma", s2.Sqrt())
	mu := c.Sample("mu", dist.Normal(0.5, s2.Mul(0.5).Sqrt()))
	c.Plate("i", d.Y.Dim(0)).Observe("y", dist.Normal(mu, sigma), d.Y)
}

type labels struct {
	Label tensor.Value `drey:"label,index=4"`
}

func dirichletMultinomial(c *model.Context, d labels) {
	p := c.Sample("p", dist.Dirichlet([]float64{1, 2, 0.5, 3}))
	c.Plate("i", d.Label.Dim(0)).Observe("label", dist.Categorical(p), d.Label)
}

type design struct {
	X tensor.Value `drey:"X"`
	Y tensor.Value `drey:"y"`
}

func linearKnownNoise(c *model.Context, d design) {
	beta := c.Plate("column", d.X.Dim(1)).Sample("beta", dist.Normal(0, 2))
	c.Plate("i", d.Y.Dim(0)).Observe("y", dist.Normal(d.X.MatMul(beta), 1.5), d.Y)
}

func linearUnknownNoise(c *model.Context, d design) {
	s2 := c.Sample("s2", dist.InverseGamma(2, 3))
	sigma := c.Deterministic("sigma", s2.Sqrt())
	beta := c.Plate("column", d.X.Dim(1)).Sample("beta", dist.Normal(0, sigma.Mul(2.0)))
	c.Plate("i", d.Y.Dim(0)).Observe("y", dist.Normal(d.X.MatMul(beta), sigma), d.Y)
}

type schools struct {
	Y     tensor.Value `drey:"y"`
	Sigma tensor.Value `drey:"sigma"`
}

// eightSchools has a ninth school, theta_new, of which nothing is observed.
func eightSchools(c *model.Context, d schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	c.Deterministic("log_tau", tau.Log())
	school := c.Plate("school", d.Y.Dim(0))
	theta := school.Sample("theta", dist.Normal(mu, tau))
	c.Sample("theta_new", dist.Normal(mu, tau))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

func conjugateCases() []Case {
	decentre := model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{}, "theta_new": model.LocScaleReparam{}})
	return []Case{
		of("beta_binomial", betaBinomial), of("gamma_poisson", gammaPoisson), of("normal_normal", normalNormal),
		of("normal_inverse_gamma", normalInverseGamma), of("dirichlet_multinomial", dirichletMultinomial),
		of("linear_regression_known_noise", linearKnownNoise), of("linear_regression_unknown_noise", linearUnknownNoise),
		of("eight_schools", model.With(eightSchools, decentre)),
	}
}
