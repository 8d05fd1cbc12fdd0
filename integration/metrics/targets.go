package main

import (
	eightschoolscentred "github.com/drey-sampler/drey/examples/eight-schools-centred"
	"github.com/drey-sampler/drey/examples/gp"
	linearregression "github.com/drey-sampler/drey/examples/linear-regression"
	logisticregression "github.com/drey-sampler/drey/examples/logistic-regression"
	"github.com/drey-sampler/drey/examples/mixture"
	"github.com/drey-sampler/drey/examples/radon"
	ratingcurve "github.com/drey-sampler/drey/examples/rating-curve"
	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/integration/posteriors"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// target is a posterior to sample.
type target struct {
	name   string
	config func(seed uint64) sampling.Config
	model  func() (*model.Model, error)
}

// targets returns all targets: the examples, but for the eight schools that posteriordb has too, then posteriordb's posteriors.
func targets() []target {
	all := []target{
		example("eight-schools-centred", eightschoolscentred.EightSchoolsCentred, eightschoolscentred.Data),
		example("gp", gp.GP, gp.Data),
		example("linear-regression", linearregression.LinearRegression, linearregression.Data),
		example("logistic-regression", logisticregression.LogisticRegression, func() (model.Data, error) { return logisticregression.Generate(logisticRows), nil }),
		example("mixture", mixture.Mixture, mixture.Data),
		example("radon", radon.Radon, radon.Data),
		example("rating-curve", ratingcurve.RatingCurve, ratingcurve.Data),
	}
	for _, p := range posteriors.All() {
		if p.Name != tooCorrelated {
			all = append(all, target{p.Name, p.Config, p.Model})
		}
	}
	return all
}

// tooCorrelated is left out: its 26 coefficients are so correlated that a run with a diagonal metric takes half an hour or more.
const tooCorrelated = "diamonds-diamonds"

// logisticRows is a tenth of the rows that the example has: the metric does not notice, the time does.
const logisticRows = 2000

func example[D any](name string, fn func(*model.Context, D), data func() (model.Data, error)) target {
	return target{name, sampling.DefaultConfig, func() (*model.Model, error) {
		d, err := data()
		if err != nil {
			return nil, err
		}
		return model.New(name, tensor.F64, fn, d)
	}}
}
