package runner

import (
	"cmp"
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/store"
)

// diverged are the draws after which a trajectory diverged, where it began: numbers of draws by chain. That of a chain's first draw began
// in warmup, and with thinning a trajectory may begin at a transition between two draws: then the draw before stands for it.
type diverged [][]int

func divergedOf(diverging [][]float64) diverged {
	out := make(diverged, len(diverging))
	for c, chain := range diverging {
		for d, x := range chain {
			if x != 0 && d > 0 {
				out[c] = append(out[c], d-1)
			}
		}
	}
	return out
}

// place returns where divergent trajectories begin among the draws of a parameter.
func (v diverged) place(draws [][]float64) diag.Place {
	var some []float64
	for c, list := range v {
		for _, d := range list {
			some = append(some, draws[c][d])
		}
	}
	if len(some) == 0 {
		return diag.Place{}
	}
	return diag.PlaceAmong(some, draws)
}

// Gathered returns the parameters of the model's own sites in whose tails divergent trajectories begin more often than by chance, the
// clearest first.
func (s *Summary) Gathered() []*Parameter {
	var out []*Parameter
	for i := range s.Parameters {
		if p := &s.Parameters[i]; p.Kind != store.Auxiliary && p.Begins.Gathered() {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *Parameter) int { return cmp.Compare(b.Begins.Tail(), a.Begins.Tail()) })
	return out
}

// placeLine is where divergent trajectories begin, as JSON has it.
type placeLine struct {
	Parameter string      `json:"parameter"`
	Count     int         `json:"divergences"`
	Low       int         `json:"below_q10"`
	High      int         `json:"above_q90"`
	Median    store.Float `json:"median_share_below"`
}

func (s *Summary) places() []placeLine {
	out := []placeLine{}
	for _, p := range s.Gathered() {
		out = append(out, placeLine{p.Name, p.Begins.Count, p.Begins.Low, p.Begins.High, store.Float(p.Begins.Median)})
	}
	return out
}

// ESSRate returns the smallest bulk ESS per second of sampling; NaN where either is not known.
func (s *Summary) ESSRate() float64 {
	seconds := float64(s.Run.Seconds.Sampling)
	if !(seconds > 0) {
		return math.NaN()
	}
	return s.MinESS() / seconds
}

// Suspects returns the chains that ended pooled warmup unlike the others: they may be in a mode of their own.
func (s *Summary) Suspects() []int {
	if s.Run.Warmup == nil {
		return nil
	}
	return s.Run.Warmup.Suspects
}

// Late returns the decisions of pooled warmup that were taken without some packs: none but with a deadline.
func (s *Summary) Late() []store.LateDecision {
	if s.Run.Warmup == nil {
		return nil
	}
	return s.Run.Warmup.Late
}

// Transitions returns how many transitions of each chain warmup took: fewer than Settings.Warmup where it ended early.
func (s *Summary) Transitions() int {
	if s.Run.Warmup == nil {
		return s.Run.Settings.Warmup
	}
	return s.Run.Warmup.Transitions
}
