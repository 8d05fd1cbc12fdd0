// Package drey is the facade that a user's program imports: Main gives a model the command line of drey run, check,
// summary, predict, resume, extend and export, and of those that submit, watch and fetch runs of a cluster; Sample samples it from code.
//
// A model is a Go function of a model.Context and of a struct that says what its data are:
//
//	type Schools struct {
//		Y     tensor.Value `drey:"y,optional"`
//		Sigma tensor.Value `drey:"sigma"`
//	}
//
//	func EightSchools(c *model.Context, d Schools) {
//		mu := c.Sample("mu", dist.Normal(0, 5))
//		tau := c.Sample("tau", dist.HalfCauchy(5))
//		school := c.Plate("school", d.Sigma.Dim(0))
//		theta := school.Sample("theta", dist.Normal(mu, tau))
//		school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
//	}
//
//	func main() { drey.Main(EightSchools, drey.DataFile("schools.json")) }
//
// Package model has the language, package dist the distributions, package tensor what values can do.
package drey

import (
	"context"
	"errors"
	"fmt"

	"github.com/drey-sampler/drey/internal/cli"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

// Data maps the names of a model's columns to their values: a number, a bool, or a nested slice of them.
type Data = model.Data

// ReadData reads a data file: JSON, CSV, Parquet, Arrow or NumPy, by its name's ending.
func ReadData(path string) (Data, error) { return cli.ReadData(path) }

// ParseData reads the content of a data file, such as one embedded in the program; name tells its kind as for ReadData.
func ParseData(name string, content []byte) (Data, error) { return cli.ParseData(name, content) }

// Sample draws from the posterior of a model given data. Without the option Out the draws are kept in memory. When ctx is
// cancelled, chains stop within some milliseconds and both the draws made so far and an error that wraps the cause are
// returned. The Posterior is nil only where nothing was drawn.
func Sample[D any](ctx context.Context, fn func(*model.Context, D), data Data, options ...Option) (*Posterior, error) {
	s, m, err := prepare(fn, data, options)
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	return s.sample(ctx, m)
}

// sample draws from the posterior.
func (s *settings) sample(ctx context.Context, m runner.Model) (*Posterior, error) {
	s.config.Notice = s.notice
	r, err := runner.Run(ctx, s.config, m, s.update())
	if err != nil {
		err = fmt.Errorf("drey: %w", err)
	}
	if r == nil {
		return nil, err
	}
	return newPosterior(r.Draws, m), err
}

// PriorPredictive draws all sites of a model, its observations too, from the prior. Options that have no meaning for it
// are ignored.
func PriorPredictive[D any](ctx context.Context, fn func(*model.Context, D), data Data, options ...Option) (*Posterior, error) {
	s, m, err := prepare(fn, data, options)
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	return s.priorPredictive(ctx, m)
}

// priorPredictive draws from the prior.
func (s *settings) priorPredictive(ctx context.Context, m runner.Model) (*Posterior, error) {
	seed, err := s.seed()
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	d, err := runner.PriorPredictive(ctx, m, s.config.Chains, s.config.Draws, seed)
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	return newPosterior(d, m), nil
}

// prepare applies options and binds the data to the model.
func prepare[D any](fn func(*model.Context, D), data Data, options []Option) (*settings, runner.Model, error) {
	s, err := newSettings(options)
	if err != nil {
		return nil, runner.Model{}, err
	}
	if data, err = s.data(data); err != nil {
		return nil, runner.Model{}, err
	}
	name, err := s.modelName(fn)
	if err != nil {
		name = "model" // a name matters to run directories alone
	}
	m, err := model.NewIn(s.precision, name, fn, data)
	return s, runner.Model{Model: m, DataSource: s.source}, err
}

// data returns the data that were given, or those of the options.
func (s *settings) data(given Data) (Data, error) {
	if s.load == nil {
		return given, nil
	}
	if given != nil {
		return nil, errors.New("data are given both as an argument and by an option")
	}
	return s.load()
}
