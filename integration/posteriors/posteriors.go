// Package posteriors has the posteriors of posteriordb that need no differential equations, written as models, with their
// data and reference figures.
package posteriors

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/integration/internal/table"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

//go:embed testdata
var files embed.FS

// Posterior is a model with the data of one posterior of posteriordb. Sites have the names of the original program's
// parameters.
type Posterior struct {
	Name string // posteriordb's
	// Metric is adapt.MetricDense where coefficients are so correlated that a diagonal metric takes hundreds of leapfrog
	// steps a draw; "" for the default.
	Metric adapt.MetricKind
	// TargetAccept is the target acceptance rate; 0 for the default.
	TargetAccept float64
	// Start has constrained starting values of sites where random ones lead chains into a mode without weight.
	Start map[string][]float64
	// Model binds the data.
	Model func() (*model.Model, error)
}

// Figure is a reference figure: the mean of one element of a site.
type Figure struct {
	Quantity string // as posteriordb names it: beta[2], counted from 1
	Site     string
	Element  int // flat, counted from 0
	// Mean, MCSE and SD of 10,000 draws of a reference run.
	Mean, MCSE, SD float64
	// Exact is the mean by closed form or quadrature, where HasExact.
	Exact    float64
	HasExact bool
}

// All returns the posteriors, in the order of their names.
func All() []Posterior {
	all := slices.Concat(earningsPosteriors(), kidscorePosteriors(), mesquitePosteriors(), nesPosteriors(), regressionPosteriors(),
		seriesPosteriors(), hmmPosteriors(), processPosteriors(), []Posterior{
			of("eight_schools-eight_schools_noncentered", "eight_schools", nonCentredSchools),
			of("low_dim_gauss_mix-low_dim_gauss_mix", "low_dim_gauss_mix", gaussMix),
		})
	slices.SortFunc(all, func(a, b Posterior) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Config returns how the posterior is sampled under a seed.
func (p Posterior) Config(seed uint64) sampling.Config {
	c := sampling.DefaultConfig(seed)
	c.Start = p.Start
	if p.Metric != "" {
		c.Chain.Metric = p.Metric
	}
	if p.TargetAccept != 0 {
		c.Chain.TargetAcceptanceRate = p.TargetAccept
	}
	return c
}

// Quantities returns what the figures are of.
func Quantities(figures []Figure) []sampling.Quantity {
	out := make([]sampling.Quantity, len(figures))
	for i, f := range figures {
		out[i] = sampling.Quantity{Name: f.Quantity, Site: f.Site, Element: f.Element}
	}
	return out
}

// Figures returns the reference figures of all posteriors by name, redundant quantities left out.
func Figures() (map[string][]Figure, error) {
	_, rows, err := table.Rows(files, "testdata/reference.csv")
	if err != nil {
		return nil, err
	}
	out := map[string][]Figure{}
	for _, r := range rows {
		f := Figure{Quantity: r[1], HasExact: r[5] != ""}
		if f.Site, f.Element, err = ParseQuantity(r[1]); err != nil {
			return nil, err
		}
		for i, x := range []*float64{&f.Mean, &f.MCSE, &f.SD, &f.Exact} {
			if r[2+i] == "" {
				continue
			}
			if *x, err = strconv.ParseFloat(r[2+i], 64); err != nil {
				return nil, fmt.Errorf("reference of %s, %s: %w", r[0], r[1], err)
			}
		}
		out[r[0]] = append(out[r[0]], f)
	}
	return out, nil
}

// ParseQuantity splits a name such as beta[2], counted from 1, into the site and the element, counted from 0.
func ParseQuantity(name string) (site string, element int, err error) {
	site, index, ok := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	if !ok {
		return site, 0, nil
	}
	element, err = strconv.Atoi(index)
	return site, element - 1, err
}

// of returns a posterior whose data are a table of testdata.
func of[D any](name, data string, fn func(*model.Context, D), more ...string) Posterior {
	return Posterior{Name: name, Model: func() (*model.Model, error) {
		columns := model.Data{}
		for _, file := range append([]string{data}, more...) {
			part, err := table.Columns(files, "testdata/data/"+file+".csv")
			if err != nil {
				return nil, err
			}
			for k, v := range part {
				columns[k] = v
			}
		}
		return model.New(name, tensor.F64, fn, columns)
	}}
}

// dense returns p with a dense metric.
func (p Posterior) dense() Posterior {
	p.Metric = adapt.MetricDense
	return p
}

// from returns p with starting values of a site.
func (p Posterior) from(site string, values ...float64) Posterior {
	p.Start = map[string][]float64{site: values}
	return p
}

// flat is the improper uniform distribution over vectors of length n.
func flat(n int) dist.Distribution { return dist.ImproperUniform(dist.Real, nil, []int{n}) }

// flatPositive is the improper uniform distribution over positive numbers.
func flatPositive() dist.Distribution { return dist.ImproperUniform(dist.Positive, nil, nil) }
