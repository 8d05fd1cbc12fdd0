package main

import (
	"github.com/drey-sampler/drey/examples/radon"
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

// ofPosteriorDB are the posteriors of posteriordb that are compared: eight schools, a regression whose coefficients are correlated, and
// an autoregression of order five.
var ofPosteriorDB = []string{"eight_schools-eight_schools_noncentered", "nes1996-nes", "arK-arK"}

// targets returns all targets.
func targets() []target {
	all := []target{{"radon", sampling.DefaultConfig, func() (*model.Model, error) {
		d, err := radon.Data()
		if err != nil {
			return nil, err
		}
		return model.New("radon", tensor.F64, radon.Radon, d)
	}}}
	for _, p := range posteriors.All() {
		for _, name := range ofPosteriorDB {
			if p.Name == name {
				all = append(all, target{p.Name, p.Config, p.Model})
			}
		}
	}
	return all
}
