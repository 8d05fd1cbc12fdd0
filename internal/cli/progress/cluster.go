package progress

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-sampler/drey/internal/cli/report"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Cluster is what is known of a run on a cluster, and of the workers there.
type Cluster struct {
	Status  *transport.RunStatus
	Workers []transport.WorkerSummary
}

// Numbers of rows that are shown at most, of what may be long; fewer on a small terminal.
const (
	mostParameters  = 8
	mostWorkers     = 12
	mostDivergences = 3
	mostPlaces      = 3
	mostChains      = 8
	mostNames       = 4 // of a position
)

// RenderCluster returns the lines of the view of a run on a cluster, at most as many and as wide as given: how far it is, the
// worst parameters, what each worker does, the latest divergences, and chains. What does not fit is left out from the end.
func RenderCluster(c Cluster, columns, rows int) []string {
	s := c.Status
	lines := []string{clusterHead(s), clusterTotals(c)}
	for _, text := range []string{s.Error, s.Notice} {
		if text != "" {
			lines = append(lines, text)
		}
	}
	lines = append(lines, parameterRows(s)...)
	lines = append(lines, workerRows(c)...)
	lines = append(lines, divergenceRows(s)...)
	lines = append(lines, suspectRows(s)...)
	lines = append(lines, lateRows(s)...)
	lines = append(lines, chainRows(s)...)
	lines = lines[:max(0, min(len(lines), rows))]
	for i := range lines {
		lines[i] = cut(lines[i], columns-1) // a full line would wrap
	}
	return lines
}

// clusterHead is how far a run is.
func clusterHead(s *transport.RunStatus) string {
	name := string(s.Run)
	if s.Name != "" {
		name = fmt.Sprintf("%s (%s)", s.Name, s.Run)
	}
	phase := s.State.String()
	if s.State == transport.Warming && s.Windows > 0 {
		phase = fmt.Sprintf("%s, block %d of %d", phase, s.Window+1, s.Windows)
	}
	out := fmt.Sprintf("%s: %s  %s %d/%d draws, %s", name, phase, bar(share(s), barWidth), s.Committed, s.Target, short(seconds(s.Seconds)))
	if !math.IsNaN(s.SecondsLeft) && s.State < transport.Stopped {
		out += fmt.Sprintf(", %s left", short(seconds(s.SecondsLeft)))
	}
	return out
}

// share returns the part of a run's draws that is committed, 0 where there is nothing to do.
func share(s *transport.RunStatus) float64 {
	if s.Target == 0 {
		return 0
	}
	return float64(s.Committed) / float64(s.Target)
}

func seconds(x float64) time.Duration {
	if math.IsNaN(x) || x < 0 {
		return 0
	}
	return time.Duration(math.Min(x, math.MaxInt64/2e9) * float64(time.Second))
}

// clusterTotals is what the run has come to, in one line.
func clusterTotals(c Cluster) string {
	s := c.Status
	var rate float64
	there := 0
	for _, w := range c.Workers {
		if silence(w) <= silentAfter { // else what it said last is of a while ago: it may have left
			rate += w.LeapfrogRate
			there++
		}
	}
	largest := math.NaN()
	for _, p := range s.Parameters {
		if math.IsNaN(largest) || p.RHat > largest {
			largest = p.RHat
		}
	}
	workers := fmt.Sprintf("%d workers", there)
	if there == 1 {
		workers = "1 worker"
	}
	return fmt.Sprintf("ESS/s %s  R-hat %s  nested R-hat %s  divergences %d  leapfrogs/s %s on %s",
		number(s.ESSRate), number(largest), number(s.NestedRHat), s.Divergences, metric(rate), workers)
}

// number writes a number in four digits, one that is not known as a dash.
func number(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.4g", x)
}

// worst returns the parameters that are worst by R-hat and by ESS, one of each in turn. What is not known is the worst.
func worst(all []transport.ParameterStatus) []transport.ParameterStatus {
	by := func(of func(p *transport.ParameterStatus) float64) []int {
		order := make([]int, len(all))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(of(&all[a]), of(&all[b])) }) // NaN is before all others
		return order
	}
	rhat := by(func(p *transport.ParameterStatus) float64 { return -p.RHat })
	ess := by(func(p *transport.ParameterStatus) float64 { return p.ESS })
	var out []transport.ParameterStatus
	taken := make([]bool, len(all))
	for i := range all {
		for _, k := range []int{rhat[i], ess[i]} {
			if !taken[k] && len(out) < mostParameters {
				out, taken[k] = append(out, all[k]), true
			}
		}
	}
	return out
}

// parameterRows are the worst parameters.
func parameterRows(s *transport.RunStatus) []string {
	switch {
	case len(s.Parameters) == 0 && len(s.Chains) > 0:
		return []string{fmt.Sprintf("parameters: nothing is known until all chains have draws (%d have some)", len(s.Chains))}
	case len(s.Parameters) == 0:
		return nil
	}
	shown := worst(s.Parameters)
	width := len("worst parameters")
	for _, p := range shown {
		width = max(width, len(p.Name))
	}
	lines := []string{fmt.Sprintf("%-*s %10s %10s %9s %9s %7s %7s", width, "worst parameters", "mean", "sd", "mcse", "ess", "r-hat", "nested")}
	for _, p := range shown {
		lines = append(lines, fmt.Sprintf("%-*s %10s %10s %9s %9s %7s %7s", width, p.Name,
			number(p.Mean), number(p.SD), number(p.MCSE), number(p.ESS), number(p.RHat), number(p.NestedRHat)))
	}
	return lines
}

// node is what a worker does of a run.
type node struct {
	name             string
	packs, chains    int
	step, acceptance float64 // means over its chains
	leapfrogs, lag   float64 // per second; blocks behind the foremost pack
	draining, seen   bool
	silent           time.Duration
}

// nodes returns what each worker does, the one that holds most packs first.
func nodes(c Cluster) []*node {
	byName := map[string]*node{}
	var all []*node
	at := func(name string) *node {
		if byName[name] == nil {
			byName[name] = &node{name: name}
			all = append(all, byName[name])
		}
		return byName[name]
	}
	for _, l := range c.Status.Leases {
		if l.Worker == "" && c.Status.State >= transport.Stopped {
			continue // nobody needs it
		}
		n := at(cmp.Or(l.Worker, "(nobody)"))
		n.packs++
		n.lag = math.Max(n.lag, float64(l.Behind))
	}
	for _, ch := range c.Status.Chains {
		n := at(cmp.Or(ch.Worker, "(nobody)"))
		n.chains++
		n.step += (ch.StepSize - n.step) / float64(n.chains)
		n.acceptance += (ch.Acceptance - n.acceptance) / float64(n.chains)
	}
	for _, w := range c.Workers {
		n := at(string(w.Worker))
		n.seen, n.leapfrogs, n.draining = true, w.LeapfrogRate, w.Draining
		n.silent = silence(w)
	}
	slices.SortStableFunc(all, func(a, b *node) int {
		return cmp.Or(cmp.Compare(b.packs, a.packs), cmp.Compare(a.name, b.name))
	})
	return all
}

// silence returns for how long nothing was heard of a worker.
func silence(w transport.WorkerSummary) time.Duration {
	return time.Duration(min(w.SinceMillis, uint64(math.MaxInt64/time.Millisecond))) * time.Millisecond
}

// silentAfter is how long nothing may be heard of a worker until the view says so: several heartbeats.
const silentAfter = 5 * time.Second

func workerRows(c Cluster) []string {
	all := nodes(c)
	if len(all) == 0 {
		return []string{"no workers: start some with drey worker"}
	}
	width := len("worker")
	for _, n := range all {
		width = max(width, len(n.name))
	}
	lines := []string{fmt.Sprintf("%-*s %6s %7s %11s %11s %12s %7s", width, "worker", "packs", "chains", "step size", "acceptance", "leapfrogs/s", "behind")}
	for i, n := range all {
		if i == mostWorkers {
			lines = append(lines, fmt.Sprintf("… and %d more", len(all)-i))
			break
		}
		step, acceptance := "-", "-"
		if n.chains > 0 {
			step, acceptance = number(n.step), number(n.acceptance)
		}
		line := fmt.Sprintf("%-*s %6d %7d %11s %11s %12s %7.0f", width, n.name, n.packs, n.chains, step, acceptance, metric(n.leapfrogs), n.lag)
		switch {
		case n.draining:
			line += "  draining"
		case n.seen && n.silent > silentAfter:
			line += fmt.Sprintf("  silent for %s", short(n.silent))
		}
		lines = append(lines, line)
	}
	return lines
}

// divergenceRows say where divergences gather, and where the latest were.
func divergenceRows(s *transport.RunStatus) []string {
	var lines, where []string
	for _, p := range s.Places[:min(len(s.Places), mostPlaces)] {
		where = append(where, report.Tail(p.Name, int(p.Count), int(p.Low), int(p.High)))
	}
	if len(where) > 0 {
		lines = append(lines, "divergences gather where "+strings.Join(where, ", "))
	}
	for i, p := range slices.Backward(s.Points) {
		if len(s.Points)-i > mostDivergences {
			break
		}
		var at []string
		for k, x := range p.Position {
			if k == mostNames || k == len(s.Names) {
				at = append(at, "…")
				break
			}
			at = append(at, fmt.Sprintf("%s = %s", s.Names[k], number(x)))
		}
		lines = append(lines, fmt.Sprintf("diverged: chain %d, draw %d, from %s", p.Chain, p.Draw, strings.Join(at, ", ")))
	}
	return lines
}

// suspectRows name the chains that ended warmup unlike the others.
func suspectRows(s *transport.RunStatus) []string {
	var names []string
	for _, c := range s.Suspects[:min(len(s.Suspects), mostChains)] {
		names = append(names, fmt.Sprint(c))
	}
	if len(names) == 0 {
		return nil
	}
	if more := len(s.Suspects) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return []string{"ended warmup unlike the others, perhaps in a mode of their own: chains " + strings.Join(names, ", ")}
}

// lateRows say which packs the decisions of warmup did without.
func lateRows(s *transport.RunStatus) []string {
	var lines []string
	for _, l := range s.Late {
		var names []string
		for _, p := range l.Excluded[:min(len(l.Excluded), mostChains)] {
			names = append(names, fmt.Sprint(p))
		}
		if more := len(l.Excluded) - len(names); more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		lines = append(lines, fmt.Sprintf("window %d of warmup was decided by %d packs, without late ones: %s", l.Window, l.Included, strings.Join(names, ", ")))
	}
	return lines
}

// chainRows are the chains that diverge most, and of those that diverge alike the ones whose acceptance rate is lowest.
func chainRows(s *transport.RunStatus) []string {
	if len(s.Chains) == 0 {
		return nil
	}
	all := slices.Clone(s.Chains)
	slices.SortStableFunc(all, func(a, b transport.ChainStatus) int {
		return cmp.Or(cmp.Compare(b.Divergences, a.Divergences), cmp.Compare(a.Acceptance, b.Acceptance))
	})
	lines := []string{fmt.Sprintf("%5s %11s %11s %7s %12s %12s", "chain", "step size", "acceptance", "e-bfmi", "leapfrogs", "divergences")}
	for _, c := range all[:min(len(all), mostChains)] {
		lines = append(lines, fmt.Sprintf("%5d %11s %11s %7s %12s %12d", c.Chain, number(c.StepSize), number(c.Acceptance), number(c.EBFMI), metric(float64(c.Leapfrogs)), c.Divergences))
	}
	return lines
}

// ClusterLines writes plain lines about a run on a cluster, for logs: when its state changes, and every few seconds between.
type ClusterLines struct {
	w io.Writer

	mu    sync.Mutex // guards what follows
	state transport.RunState
	said  string // the last notice
	last  float64
	begun bool
}

// NewClusterLines returns the plain display on w.
func NewClusterLines(w io.Writer) *ClusterLines { return &ClusterLines{w: w} }

// UpdateCluster writes a line where one is due.
func (l *ClusterLines) UpdateCluster(c Cluster) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := c.Status
	if l.begun && s.State == l.state && (s.Notice == "" || s.Notice == l.said) && s.Seconds-l.last < lineEvery.Seconds() {
		return
	}
	l.begun, l.state, l.last = true, s.State, s.Seconds
	_, _ = fmt.Fprintf(l.w, "%s  %s\n", clusterHead(s), clusterTotals(c))
	if s.Notice != "" && s.Notice != l.said {
		_, _ = fmt.Fprintln(l.w, s.Notice)
	}
	l.said = s.Notice
	if s.State >= transport.Stopped {
		for _, line := range slices.Concat(divergenceRows(s), suspectRows(s), lateRows(s)) {
			_, _ = fmt.Fprintln(l.w, line)
		}
	}
}
