package posteriors

import (
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type mesquite struct {
	Weight  tensor.Value `drey:"weight"`
	Diam1   tensor.Value `drey:"diam1"`
	Diam2   tensor.Value `drey:"diam2"`
	Canopy  tensor.Value `drey:"canopy_height"`
	Total   tensor.Value `drey:"total_height"`
	Density tensor.Value `drey:"density"`
	Group   tensor.Value `drey:"group"`
}

func (d mesquite) area() tensor.Value   { return d.Diam1.Mul(d.Diam2) }
func (d mesquite) volume() tensor.Value { return d.area().Mul(d.Canopy) }

func mesquiteLinear(c *model.Context, d mesquite) {
	regress(c, flatPositive(), d.Weight, d.Diam1, d.Diam2, d.Canopy, d.Total, d.Density, d.Group)
}
func mesquiteLog(c *model.Context, d mesquite) {
	regress(c, flatPositive(), d.Weight.Log(), d.Diam1.Log(), d.Diam2.Log(), d.Canopy.Log(), d.Total.Log(), d.Density.Log(), d.Group)
}
func mesquiteLogVolume(c *model.Context, d mesquite) {
	regress(c, flatPositive(), d.Weight.Log(), d.volume().Log())
}
func mesquiteLogVA(c *model.Context, d mesquite) {
	regress(c, flatPositive(), d.Weight.Log(), d.volume().Log(), d.area().Log(), d.Group)
}
func mesquiteLogVAS(c *model.Context, d mesquite) {
	shape := d.Diam1.Div(d.Diam2).Log()
	regress(c, flatPositive(), d.Weight.Log(), d.volume().Log(), d.area().Log(), shape, d.Total.Log(), d.Density.Log(), d.Group)
}

func mesquitePosteriors() []Posterior {
	return []Posterior{
		of("mesquite-mesquite", "mesquite", mesquiteLinear),
		of("mesquite-logmesquite", "mesquite", mesquiteLog),
		of("mesquite-logmesquite_logvolume", "mesquite", mesquiteLogVolume),
		of("mesquite-logmesquite_logva", "mesquite", mesquiteLogVA),
		of("mesquite-logmesquite_logvas", "mesquite", mesquiteLogVAS),
	}
}
