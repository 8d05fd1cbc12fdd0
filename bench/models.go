// Package bench has drey's side of the benchmarks: the models that are measured, and the time of a gradient alone.
package bench

import (
	"fmt"
	"strings"

	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	"github.com/drey-sampler/drey/examples/gp"
	logisticregression "github.com/drey-sampler/drey/examples/logistic-regression"
	"github.com/drey-sampler/drey/examples/radon"
	"github.com/drey-sampler/drey/pkg/model"
)

// models are those of bench/README.md, as the examples have them.
var models = []struct {
	name string
	bind func(p model.Precision, name string) (*model.Model, error)
}{
	{"eight-schools", binder(eightschools.EightSchools, eightschools.Data)},
	{"radon", binder(radon.Radon, radon.Data)},
	{"gp", binder(gp.GP, gp.Data)},
	{regression, binder(logisticregression.LogisticRegression, logisticregression.Data)},
}

// binder returns the function that binds a model's own data to it.
func binder[D any](fn func(*model.Context, D), data func() (model.Data, error)) func(model.Precision, string) (*model.Model, error) {
	return func(p model.Precision, name string) (*model.Model, error) {
		d, err := data()
		if err != nil {
			return nil, err
		}
		return model.NewIn(p, name, fn, d)
	}
}

// Names returns the names of the models.
func Names() []string {
	var out []string
	for _, m := range models {
		out = append(out, m.name)
	}
	return out
}

// Regression returns the logistic regression on the first rows of its data.
func Regression(p model.Precision, rows int) (*model.Model, error) {
	return model.NewIn(p, regression, logisticregression.LogisticRegression, logisticregression.Generate(rows))
}

// regression is the name of the model whose data can be of any size.
const regression = "logistic-regression"

// Model returns a model with its data in a precision. The error of an unknown name lists those there are.
func Model(p model.Precision, name string) (*model.Model, error) {
	for _, m := range models {
		if m.name == name {
			return m.bind(p, name)
		}
	}
	return nil, fmt.Errorf("unknown model %q (models: %s)", name, strings.Join(Names(), ", "))
}
