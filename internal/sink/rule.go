package sink

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Holds reports whether a run's stop rule holds for the first draws of each chain, all of which are in the ledger, and the figures
// that say so. They are the exact ones, over all draws: the answer is a function of the ledger, whoever asks, and when.
func (s *Sink) Holds(ctx context.Context, l View, run transport.RunID, draws uint64) (holds bool, figures string, err error) {
	m, err := l.Manifest(ctx, run)
	if err != nil {
		return false, "", err
	}
	if err := s.whole(ctx, l, run); err != nil {
		return false, "", err
	}
	r, err := store.Open(s.cfg.Path(run))
	if err != nil {
		return false, "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	rhat, ess := 0.0, math.Inf(1)
	for _, site := range r.Run().Schema.Sites {
		if site.Kind == store.Auxiliary {
			continue
		}
		a, err := r.Draws(site.Name, store.Sampling)
		if err != nil {
			return false, "", err
		}
		for e := range site.Size() {
			chains, err := a.Element(e)
			if err != nil {
				return false, "", err
			}
			for c := range chains {
				if uint64(len(chains[c])) < draws {
					return false, "", fmt.Errorf("sink: run %s has %d draws of chain %d in the store, its rule is about %d", run, len(chains[c]), c, draws)
				}
				chains[c] = chains[c][:draws]
			}
			if constant(chains) {
				continue // it has no distribution to estimate
			}
			// A figure that can't be had is not one that is good enough: NaN is neither small nor large.
			if x := diag.RHat(chains); !(x <= rhat) {
				rhat = x
			}
			if x := min(diag.ESSBulk(chains), diag.ESSTail(chains)); !(x >= ess) {
				ess = x
			}
		}
	}
	holds = (m.Stop.RHat == 0 || rhat <= m.Stop.RHat) && (m.Stop.ESS == 0 || ess >= m.Stop.ESS)
	return holds, fmt.Sprintf("largest R-hat %.4g, smallest ESS %.4g after %d draws of each chain", rhat, ess, draws), nil
}

// constant reports whether all draws are equal, as those of a deterministic site may be.
func constant(chains [][]float64) bool {
	for _, c := range chains {
		for _, x := range c {
			if x != chains[0][0] {
				return false
			}
		}
	}
	return true
}
