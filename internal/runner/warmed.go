package runner

import "github.com/drey-sampler/drey/pkg/store"

// warmed returns how the run's warmup went, nil while a chain is in it.
func (r *running) warmed() *store.Warmed {
	out := &store.Warmed{Transitions: r.plan.cfg.Warmup}
	if len(r.chains) == 0 {
		return nil
	}
	for _, l := range r.chains {
		if !l.chain.Warm() {
			return nil
		}
	}
	if d := r.chains[0].chain.Decision(); d != nil {
		out.Transitions, out.Suspects = d.Windows[len(d.Windows)-1].Last+1, d.Suspects
	}
	return out
}
