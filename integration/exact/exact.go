// Package exact has models whose posteriors are known by closed form or quadrature, with those figures.
package exact

import (
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/drey-sampler/drey/integration/internal/compare"
	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

//go:embed testdata
var files embed.FS

// Case is a model with its data and the truth about it.
type Case struct {
	Name    string
	Data    model.Data
	Figures []Figure
	// Model binds the data to the model.
	Model func(data model.Data) (*model.Model, error)
	// Configure, which may be nil, changes how the case is sampled.
	Configure func(c *sampling.Config)
}

// Figure is what is known of one element of a site.
type Figure struct {
	Site      string    `json:"site"`
	Element   int       `json:"element"`
	Mean      *float64  `json:"mean"`
	SD        *float64  `json:"sd"`
	Quantiles []float64 `json:"quantiles"` // at probabilities
}

// probabilities of Figure.Quantiles.
var probabilities = []float64{0.05, 0.25, 0.5, 0.75, 0.95}

// Cases returns all cases.
func Cases() ([]Case, error) {
	f, err := files.Open("testdata/exact.json.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var known map[string]struct {
		Data    map[string]any
		Figures []Figure
	}
	if err := json.NewDecoder(z).Decode(&known); err != nil {
		return nil, err
	}
	cases := append(append(conjugateCases(), seriesCases()...), targetCases()...)
	for i := range cases {
		c := &cases[i]
		k, ok := known[c.Name]
		if !ok {
			return nil, fmt.Errorf("exact: no figures for %s", c.Name)
		}
		c.Data, c.Figures = k.Data, k.Figures
	}
	if len(cases) != len(known) {
		return nil, fmt.Errorf("exact: %d cases, figures for %d", len(cases), len(known))
	}
	return cases, nil
}

// of returns a case of a model function.
func of[D any](name string, fn func(*model.Context, D)) Case {
	return Case{Name: name, Model: func(data model.Data) (*model.Model, error) { return model.New(name, tensor.F64, fn, data) }}
}

// Truth is a quantity and its exact mean.
type Truth struct {
	sampling.Quantity
	Mean float64
}

// Truths returns what the figures say as means: of x, of (x - mean)², of whether x is below a quantile.
func (c Case) Truths() []Truth {
	var out []Truth
	for _, f := range c.Figures {
		q := func(what string, of func(float64) float64, mean float64) {
			name := fmt.Sprintf("%s[%d]%s", f.Site, f.Element, what)
			out = append(out, Truth{sampling.Quantity{Name: name, Site: f.Site, Element: f.Element, Of: of}, mean})
		}
		if f.Mean != nil {
			q("", nil, *f.Mean)
		}
		if f.SD != nil {
			m := *f.Mean
			q(" squared", func(x float64) float64 { return (x - m) * (x - m) }, *f.SD**f.SD)
		}
		for i, at := range f.Quantiles {
			q(fmt.Sprintf(" below q%.0f", 100*probabilities[i]), func(x float64) float64 {
				if x < at {
					return 1
				}
				return 0
			}, probabilities[i])
		}
	}
	return out
}

// Sample runs the case until its quantities are precise enough, and returns their estimates beside the truths.
func (c Case) Sample(seed uint64) ([]compare.Estimate, *sampling.Run, error) {
	m, err := c.Model(c.Data)
	if err != nil {
		return nil, nil, err
	}
	cfg := sampling.DefaultConfig(seed)
	if c.Configure != nil {
		c.Configure(&cfg)
	}
	truths := c.Truths()
	quantities := make([]sampling.Quantity, len(truths))
	for i, x := range truths {
		quantities[i] = x.Quantity
	}
	run, err := sampling.Sample(m, cfg, quantities)
	if err != nil {
		return nil, nil, err
	}
	estimates := make([]compare.Estimate, len(truths))
	for i, x := range truths {
		estimates[i] = compare.Estimate{Name: x.Name, Draws: run.Draws[i], Mean: x.Mean}
	}
	return estimates, run, nil
}
