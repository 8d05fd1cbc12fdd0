// Package eightschools is Rubin's eight schools: how much does coaching raise test scores, school by school?
package eightschools

import (
	_ "embed"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Schools are the estimated effects of coaching and their standard errors, one of each a school.
type Schools struct {
	Y     tensor.Value `drey:"y,optional"`
	Sigma tensor.Value `drey:"sigma"`
}

// Centred is the model as it is usually written (Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.5, with
// proper priors). Where tau is small the theta lie close together: a funnel that a sampler of one step size can't enter.
func Centred(c *model.Context, d Schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	school := c.Plate("school", d.Sigma.Dim(0))
	theta := school.Sample("theta", dist.Normal(mu, tau))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

// EightSchools is the same posterior in coordinates without a funnel: theta = mu + tau·theta_base.
func EightSchools(c *model.Context, d Schools) {
	nonCentred := model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{}})
	model.With(Centred, nonCentred)(c, d)
}

//go:embed schools.json
var schools []byte

// Data returns the figures of Rubin (1981), Journal of Educational Statistics 6(4), 377-401.
func Data() (drey.Data, error) { return drey.ParseData("schools.json", schools) }
