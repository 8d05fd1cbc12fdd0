package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
)

// Thresholds of advice.
const (
	maxRHat     = 1.01 // Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), section 1
	essPerChain = 100  // of bulk and tail, for diagnostics to be trusted: ibid., section 4
	minEBFMI    = 0.3  // Betancourt (2016), arXiv 1604.00695; Stan's threshold
	namesShown  = 3
)

// Advice returns a sentence for each thing that is wrong with a run: what it is, and what to do.
func Advice(s *runner.Summary) []string {
	if !s.Run.Schema.SampleStats {
		return nil // predictive draws are no chain
	}
	var out []string
	for _, sentence := range []string{divergences(s), gathered(s), suspects(s), rhat(s), ess(s), energy(s), depth(s), timing(s)} {
		if sentence != "" {
			out = append(out, sentence)
		}
	}
	return out
}

func divergences(s *runner.Summary) string {
	if s.Divergences == 0 {
		return ""
	}
	raise := s.Run.Settings.TargetAccept + (1-s.Run.Settings.TargetAccept)*3/4 // 0.8 → 0.95
	return fmt.Sprintf("%s diverged: the sampler can't follow the density there and the draws may miss a part of it; run again with --target-accept %.3g, or reparametrise (model.LocScaleReparam).",
		count(s.Divergences, "transition"), raise)
}

// gathered says where divergent trajectories begin, if anywhere in particular.
func gathered(s *runner.Summary) string {
	list := s.Gathered()
	if len(list) == 0 {
		return ""
	}
	var where []string
	for _, p := range list[:min(len(list), namesShown)] {
		where = append(where, Tail(p.Name, p.Begins.Count, p.Begins.Low, p.Begins.High))
	}
	return fmt.Sprintf("Divergences gather where %s: there the density is too steep for the step size.", strings.Join(where, ", "))
}

// Tail says in which tail of a parameter how many divergent trajectories begin.
func Tail(name string, count, low, high int) string {
	size, n, where := "small", low, "below its 10 % quantile"
	if high > low {
		size, n, where = "large", high, "above its 90 % quantile"
	}
	share := fmt.Sprintf("%d of %d", n, count)
	if count > mostCounted { // a running summary looks at some only
		share = fmt.Sprintf("%.0f %%", 100*float64(n)/float64(count))
	}
	return fmt.Sprintf("%s is %s (%s begin %s)", name, size, share, where)
}

// mostCounted is up to how many divergences are given as numbers, not as shares.
const mostCounted = 100

func suspects(s *runner.Summary) string {
	list := s.Suspects()
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%s ended warmup unlike the others (%s): they may be in a mode of their own; compare their draws with the others', and run again with another seed or a longer --warmup.",
		count(int64(len(list)), "chain"), numbers(list))
}

// timing says that the clock had a say in warmup, and how.
func timing(s *runner.Summary) string {
	if !s.Run.TimingDependent {
		return ""
	}
	late := s.Late()
	packs := map[int]bool{}
	for _, d := range late {
		for _, p := range d.Excluded {
			packs[p] = true
		}
	}
	return fmt.Sprintf("--warmup-deadline had a say: %s of warmup did without %s that came late, so that the run can't be repeated bit for bit; the draws of all chains count.",
		count(int64(len(late)), "decision"), count(int64(len(packs)), "pack"))
}

// numbers writes the first of some numbers and how many there are more.
func numbers(all []int) string {
	var out []string
	for _, n := range all {
		out = append(out, fmt.Sprint(n))
	}
	return list(out)
}

func rhat(s *runner.Summary) string {
	names := failing(s, func(p *runner.Parameter) bool { return p.RHat > maxRHat })
	if names == "" {
		return ""
	}
	return fmt.Sprintf("R-hat is above %g for %s: the chains have not mixed; run longer (--warmup %d --draws %d) and, if that does not help, look for several modes or reparametrise.",
		maxRHat, names, 2*s.Run.Settings.Warmup, 2*s.Run.Settings.Draws)
}

func ess(s *runner.Summary) string {
	want := float64(essPerChain * s.Run.Settings.Chains)
	least := math.Inf(1)
	names := failing(s, func(p *runner.Parameter) bool {
		low := math.Min(p.ESSBulk, p.ESSTail)
		if p.SD == 0 || !(low < want) { // a constant has no error
			return false
		}
		least = math.Min(least, low)
		return true
	})
	if names == "" {
		return ""
	}
	factor := math.Min(want/math.Max(least, 1), 100)
	more := math.Ceil(1.2 * (factor - 1) * float64(s.Draws)) // ESS is itself an estimate: a fifth more
	return fmt.Sprintf("The effective sample size is below %g (%d a chain) for %s: means and quantiles are uncertain; draw more (extend DIR --draws %.0f).",
		want, essPerChain, names, roundUp(more))
}

// roundUp returns x with two significant digits, rounded up.
func roundUp(x float64) float64 {
	unit := math.Pow(10, math.Max(0, math.Floor(math.Log10(math.Max(x, 1)))-1))
	return math.Ceil(x/unit) * unit
}

func energy(s *runner.Summary) string {
	var low []string
	for i, x := range s.EBFMI {
		if x < minEBFMI {
			low = append(low, fmt.Sprintf("%d (%.2f)", i, x))
		}
	}
	if len(low) == 0 {
		return ""
	}
	return fmt.Sprintf("E-BFMI is below %g in chain %s: the momentum can't reach the energies of the tails; reparametrise, or give heavy tails a longer --warmup.",
		minEBFMI, list(low))
}

func depth(s *runner.Summary) string {
	if s.Saturated == 0 {
		return ""
	}
	return fmt.Sprintf("%s reached the largest tree depth, %d: trajectories are cut short, which costs efficiency; raise --max-tree-depth, or use --metric dense where parameters are correlated.",
		count(int64(s.Saturated), "draw"), s.Run.Settings.MaxTreeDepth)
}

// failing names the parameters of the model's own sites for which bad holds.
func failing(s *runner.Summary, bad func(p *runner.Parameter) bool) string {
	var names []string
	for i := range s.Parameters {
		if p := &s.Parameters[i]; p.Kind != store.Auxiliary && bad(p) {
			names = append(names, p.Name)
		}
	}
	return list(names)
}

// list writes the first names and how many there are more.
func list(names []string) string {
	if n := len(names); n > namesShown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namesShown], ", "), n-namesShown)
	}
	return strings.Join(names, ", ")
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
