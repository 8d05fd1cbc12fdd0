package posteriors

import (
	"math"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type earnings struct {
	Earn   tensor.Value `drey:"earn"`
	Height tensor.Value `drey:"height"`
	Male   tensor.Value `drey:"male"`
}

func earnHeight(c *model.Context, d earnings) { regress(c, flatPositive(), d.Earn, d.Height) }
func log10EarnHeight(c *model.Context, d earnings) {
	regress(c, flatPositive(), d.Earn.Log().Div(math.Ln10), d.Height)
}
func logEarnHeight(c *model.Context, d earnings) { regress(c, flatPositive(), d.Earn.Log(), d.Height) }
func logEarnHeightMale(c *model.Context, d earnings) {
	regress(c, flatPositive(), d.Earn.Log(), d.Height, d.Male)
}
func logEarnInteraction(c *model.Context, d earnings) {
	regress(c, flatPositive(), d.Earn.Log(), d.Height, d.Male, d.Height.Mul(d.Male))
}
func logEarnInteractionZ(c *model.Context, d earnings) {
	z := d.Height.Sub(d.Height.Mean()).Div(sd(d.Height))
	regress(c, flatPositive(), d.Earn.Log(), z, d.Male, z.Mul(d.Male))
}
func logEarnLogHeightMale(c *model.Context, d earnings) {
	regress(c, flatPositive(), d.Earn.Log(), d.Height.Log(), d.Male)
}

func earningsPosteriors() []Posterior {
	return []Posterior{
		of("earnings-earn_height", "earnings", earnHeight).dense(),
		of("earnings-log10earn_height", "earnings", log10EarnHeight).dense(),
		of("earnings-logearn_height", "earnings", logEarnHeight).dense(),
		of("earnings-logearn_height_male", "earnings", logEarnHeightMale).dense(),
		of("earnings-logearn_interaction", "earnings", logEarnInteraction).dense(),
		of("earnings-logearn_interaction_z", "earnings", logEarnInteractionZ),
		of("earnings-logearn_logheight_male", "earnings", logEarnLogHeightMale).dense(),
	}
}
