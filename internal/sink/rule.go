package sink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Holds reports whether a run's stop rule holds for the first draws of each chain, all of which are in the ledger, and the figures
// that say so. They are the exact ones, over all these draws: the answer is a function of the ledger, whoever asks, and when.
//
// The rule is about every parameter, so that one for which it does not hold is enough to say so, and its figures are told: the one
// that had the last answer be no is asked first, others are read only once it is yes. Holds ends soon after ctx does.
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
	if n := r.Len(store.Sampling); uint64(n) < draws {
		return false, "", fmt.Errorf("sink: run %s has %d draws of each chain in the store, its rule is about %d", run, n, draws)
	}
	all := judged(&r.Run().Schema)
	if i := slices.Index(all, s.doubtful(run)); i > 0 {
		all = slices.Concat(all[i:i+1], all[:i], all[i+1:])
	}
	after := fmt.Sprintf("after %d draws of each chain", draws)
	rhat, ess := 0.0, math.Inf(1)
	for _, p := range all {
		x, err := p.converged(ctx, r, int(draws))
		if err != nil {
			return false, "", err
		}
		if !x.meets(&m.Stop) {
			s.doubts(run, p)
			return false, fmt.Sprintf("R-hat %.4g, ESS %.4g of %s %s", x.rhat, x.ess, p.name, after), nil
		}
		rhat, ess = max(rhat, x.rhat), min(ess, x.ess)
	}
	return true, fmt.Sprintf("largest R-hat %.4g, smallest ESS %.4g %s", rhat, ess, after), nil
}

// parameter is a number of each draw that a rule is about.
type parameter struct {
	site, name string
	element    int
}

// judged returns the parameters of a run, in the order of its columns.
func judged(schema *store.Schema) []parameter {
	var out []parameter
	for _, site := range schema.Sites {
		if site.Kind == store.Auxiliary {
			continue
		}
		for k, name := range store.FlatNames(site) {
			out = append(out, parameter{site.Name, name, k})
		}
	}
	return out
}

// doubtful returns the parameter of a run for which its rule did not hold when it was asked last.
func (s *Sink) doubtful(run transport.RunID) parameter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doubted[run]
}

func (s *Sink) doubts(run transport.RunID, p parameter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubted[run] = p
}

// convergence is what a rule asks of a parameter.
type convergence struct{ rhat, ess float64 }

// converged returns the figures of the first draws of a parameter; those of one that is constant, which has no distribution to
// estimate, meet every rule.
func (p *parameter) converged(ctx context.Context, r *store.Reader, draws int) (convergence, error) {
	a, err := r.Draws(p.site, store.Sampling)
	if err != nil {
		return convergence{}, err
	}
	chains, err := a.First(ctx, p.element, draws)
	if err != nil {
		return convergence{}, err
	}
	if constant(chains) {
		return convergence{0, math.Inf(1)}, nil
	}
	rhat, ess, err := diag.Convergence(ctx, chains)
	return convergence{rhat, ess}, err
}

// meets reports whether a rule holds for the figures. One that can't be had, NaN, is not one that is good enough.
func (x convergence) meets(rule *transport.StopRule) bool {
	return (rule.RHat == 0 || x.rhat <= rule.RHat) && (rule.ESS == 0 || x.ess >= rule.ESS)
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
