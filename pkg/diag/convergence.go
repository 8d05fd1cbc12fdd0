package diag

import (
	"context"
	"math"
)

// Convergence returns what RHat returns of draws [chain][draw], and the smaller of ESSBulk and ESSTail, with the same bits: what a
// stop rule asks of a parameter. The draws are copied and sorted once for all of them. It ends with ctx's error soon after ctx does.
func Convergence(ctx context.Context, draws [][]float64) (rhat, ess float64, err error) {
	p := newPool(draws)
	rhat, ess = math.NaN(), math.NaN()
	if !p.estimable(1) {
		return rhat, ess, ctx.Err()
	}
	var bulk [][]float64
	g := p.correlogram()
	for _, step := range []func(){
		p.rank,
		func() { bulk = p.halves(p.bulkScores()) },
		func() { ess = g.ess(bulk) },
		func() { ess = min(ess, p.essQuantile(g, tailLow)) },
		func() { ess = min(ess, p.essQuantile(g, tailHigh)) },
		func() {
			if p.chains > 1 {
				rhat = largerRHat(potentialScaleReduction(bulk), p.rhatFolded())
			}
		},
	} {
		if err := ctx.Err(); err != nil {
			return math.NaN(), math.NaN(), err
		}
		step()
	}
	return rhat, ess, nil
}
