package main

import (
	eightschoolscentred "github.com/drey-sampler/drey/examples/eight-schools-centred"
	"github.com/drey-sampler/drey/examples/gp"
	linearregression "github.com/drey-sampler/drey/examples/linear-regression"
	logisticregression "github.com/drey-sampler/drey/examples/logistic-regression"
	"github.com/drey-sampler/drey/examples/mixture"
	"github.com/drey-sampler/drey/examples/radon"
	ratingcurve "github.com/drey-sampler/drey/examples/rating-curve"
	"github.com/drey-sampler/drey/integration/internal/survey"
	"github.com/drey-sampler/drey/integration/posteriors"
	"github.com/drey-sampler/drey/pkg/model"
)

// targets returns all targets: the examples, but for the eight schools that posteriordb has too, then posteriordb's posteriors.
func targets() []survey.Target {
	all := []survey.Target{
		survey.Example("eight-schools-centred", eightschoolscentred.EightSchoolsCentred, eightschoolscentred.Data),
		survey.Example("gp", gp.GP, gp.Data),
		survey.Example("linear-regression", linearregression.LinearRegression, linearregression.Data),
		survey.Example("logistic-regression", logisticregression.LogisticRegression, func() (model.Data, error) { return logisticregression.Generate(logisticRows), nil }),
		survey.Example("mixture", mixture.Mixture, mixture.Data),
		survey.Example("radon", radon.Radon, radon.Data),
		survey.Example("rating-curve", ratingcurve.RatingCurve, ratingcurve.Data),
	}
	for _, p := range posteriors.All() {
		if p.Name != tooCorrelated {
			all = append(all, survey.Target{Name: p.Name, Config: p.Config, Model: p.Model})
		}
	}
	return all
}

// tooCorrelated is left out: its 26 coefficients are so correlated that a run with a diagonal metric takes half an hour or more.
const tooCorrelated = "diamonds-diamonds"

// logisticRows is a tenth of the rows that the example has: the metric does not notice, the time does.
const logisticRows = 2000
