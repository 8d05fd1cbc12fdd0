package main

import (
	"github.com/drey-sampler/drey/examples/radon"
	"github.com/drey-sampler/drey/integration/internal/survey"
	"github.com/drey-sampler/drey/integration/posteriors"
)

// ofPosteriorDB are the posteriors of posteriordb that are compared: eight schools, two regressions whose coefficients are
// correlated, and an autoregression of order five.
var ofPosteriorDB = []string{"eight_schools-eight_schools_noncentered", "sblrc-blr", "mesquite-logmesquite_logvas", "arK-arK"}

// targets returns all targets.
func targets() []survey.Target {
	all := []survey.Target{survey.Example("radon", radon.Radon, radon.Data)}
	for _, p := range posteriors.All() {
		for _, name := range ofPosteriorDB {
			if p.Name == name {
				all = append(all, survey.Target{Name: p.Name, Config: p.Config, Model: p.Model})
			}
		}
	}
	return all
}
