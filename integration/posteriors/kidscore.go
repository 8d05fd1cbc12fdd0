package posteriors

import (
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type kidiq struct {
	Score tensor.Value `drey:"kid_score"`
	HS    tensor.Value `drey:"mom_hs"`
	IQ    tensor.Value `drey:"mom_iq"`
	Work  tensor.Value `drey:"mom_work"`
}

func kidscoreMomHS(c *model.Context, d kidiq) { regress(c, dist.HalfCauchy(2.5), d.Score, d.HS) }
func kidscoreMomIQ(c *model.Context, d kidiq) { regress(c, dist.HalfCauchy(2.5), d.Score, d.IQ) }
func kidscoreMomHSIQ(c *model.Context, d kidiq) {
	regress(c, dist.HalfCauchy(2.5), d.Score, d.HS, d.IQ)
}
func kidscoreInteraction(c *model.Context, d kidiq) {
	regress(c, dist.HalfCauchy(2.5), d.Score, d.HS, d.IQ, d.HS.Mul(d.IQ))
}

// interact is the regression on two shifted columns and their product, with a flat prior on sigma.
func interact(c *model.Context, score, h, q tensor.Value) {
	regress(c, flatPositive(), score, h, q, h.Mul(q))
}

func kidscoreInteractionC(c *model.Context, d kidiq) {
	interact(c, d.Score, d.HS.Sub(d.HS.Mean()), d.IQ.Sub(d.IQ.Mean()))
}
func kidscoreInteractionC2(c *model.Context, d kidiq) {
	interact(c, d.Score, d.HS.Sub(0.5), d.IQ.Sub(100.0))
}
func kidscoreInteractionZ(c *model.Context, d kidiq) {
	half := func(x tensor.Value) tensor.Value { return x.Sub(x.Mean()).Div(sd(x).Mul(2.0)) }
	interact(c, d.Score, half(d.HS), half(d.IQ))
}
func kidscoreMomWork(c *model.Context, d kidiq) {
	regress(c, flatPositive(), d.Score, is(d.Work, 2), is(d.Work, 3), is(d.Work, 4))
}

// kidscorePosteriors share one table: the columns of posteriordb's kidiq are those of kidiq_with_mom_work.
func kidscorePosteriors() []Posterior {
	const data = "kidiq_with_mom_work"
	return []Posterior{
		of("kidiq-kidscore_momhs", data, kidscoreMomHS),
		of("kidiq-kidscore_momiq", data, kidscoreMomIQ),
		of("kidiq-kidscore_momhsiq", data, kidscoreMomHSIQ),
		of("kidiq-kidscore_interaction", data, kidscoreInteraction).dense(),
		of("kidiq_with_mom_work-kidscore_interaction_c", data, kidscoreInteractionC),
		of("kidiq_with_mom_work-kidscore_interaction_c2", data, kidscoreInteractionC2),
		of("kidiq_with_mom_work-kidscore_interaction_z", data, kidscoreInteractionZ),
		of("kidiq_with_mom_work-kidscore_mom_work", data, kidscoreMomWork),
	}
}
