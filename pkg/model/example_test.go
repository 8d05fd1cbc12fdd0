package model_test

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// A hierarchical model of eight schools, its data, and what its programs sample once theta is non-centred.
func Example() {
	type Schools struct {
		Y     tensor.Value `drey:"y,optional"`
		Sigma tensor.Value `drey:"sigma"`
	}
	eightSchools := func(c *model.Context, d Schools) {
		mu := c.Sample("mu", dist.Normal(0, 5))
		tau := c.Sample("tau", dist.HalfCauchy(5))
		school := c.Plate("school", d.Sigma.Dim(0))
		theta := school.Sample("theta", dist.Normal(mu, tau))
		school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
	}
	nonCentred := model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{}})

	m, err := model.New("eight-schools", tensor.F64, model.With(eightSchools, nonCentred), model.Data{
		"y":     []float64{28, 8, -3, 7, -1, 1, 18, 12},
		"sigma": []float64{15, 10, 16, 11, 9, 11, 10, 18},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range b.Manifest.Sites {
		fmt.Println(s.Name, s.Kind, s.Shape, s.Dims)
	}
	// Output:
	// mu latent [] []
	// tau latent [] []
	// theta_base auxiliary [8] [school]
	// theta deterministic [8] [school]
	// obs observed [8] [school]
}
