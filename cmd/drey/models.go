package main

import (
	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	eightschoolscentred "github.com/drey-sampler/drey/examples/eight-schools-centred"
	"github.com/drey-sampler/drey/examples/gp"
	linearregression "github.com/drey-sampler/drey/examples/linear-regression"
	logisticregression "github.com/drey-sampler/drey/examples/logistic-regression"
	"github.com/drey-sampler/drey/examples/mixture"
	"github.com/drey-sampler/drey/examples/radon"
	ratingcurve "github.com/drey-sampler/drey/examples/rating-curve"
	"github.com/drey-sampler/drey/internal/cli"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

// program returns the command line of drey with its models.
func program() *cli.Program {
	return &cli.Program{
		Name: "drey", BuiltIn: true, Config: runner.DefaultConfig(), Precision: model.F64,
		Models: []cli.Model{
			cli.ModelOf("eight-schools", "Rubin's eight schools, non-centred", eightschools.EightSchools, eightschools.Data),
			cli.ModelOf("eight-schools-centred", "the same, centred: a funnel that makes chains diverge", eightschoolscentred.EightSchoolsCentred, eightschoolscentred.Data),
			cli.ModelOf("rating-curve", "a river's rating curve Q = a·h^b, in log space", ratingcurve.RatingCurve, ratingcurve.Data),
			cli.ModelOf("linear-regression", "linear regression: children's test scores by two figures of their mothers", linearregression.LinearRegression, linearregression.Data),
			cli.ModelOf("logistic-regression", "logistic regression of 20,000 rows and 54 columns", logisticregression.LogisticRegression, logisticregression.Data),
			cli.ModelOf("radon", "hierarchical regression: radon in 919 houses of 85 counties", radon.Radon, radon.Data),
			cli.ModelOf("gp", "Gaussian process regression, 100 points", gp.GP, gp.Data),
			cli.ModelOf("mixture", "a mixture of two normals with labels summed out: Old Faithful's eruptions", mixture.Mixture, mixture.Data),
		},
	}
}
