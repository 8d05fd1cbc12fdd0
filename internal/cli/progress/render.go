package progress

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drey-sampler/drey/internal/runner"
)

// mostSlow is the number of chains that are shown where not all fit: those that others will wait for.
const mostSlow = 8

// Render returns the lines of the table, at most as many and as wide as given: a row a chain or, where not all fit, the
// slowest few and what the others do; totals and an estimate of the time left.
func Render(p runner.Progress, columns, rows int) []string {
	const around = 2 // header and totals
	t := sum(p)
	lines := []string{header}
	if len(p.Chains)+around <= rows {
		for i := range p.Chains {
			lines = append(lines, row(i, &p.Chains[i]))
		}
	} else if shown := min(rows-around-1, mostSlow); shown > 0 {
		for _, i := range slowest(p.Chains, shown) {
			lines = append(lines, row(i, &p.Chains[i]))
		}
		lines = append(lines, fmt.Sprintf("%5s and %d more; of all, %s", "…", len(p.Chains)-shown, t.phases()))
	}
	lines = append(lines, t.line(p))
	for i := range lines {
		lines[i] = cut(lines[i], columns-1) // a full line would wrap
	}
	return lines
}

const header = "chain  phase                     draws   div   step size  leapfrogs/draw   draws/s"

func row(i int, c *runner.ChainProgress) string {
	return fmt.Sprintf("%5d  %-8s %s %11s %5d  %10.4g  %14.1f  %8s", i, c.Phase, bar(c.Share(), barWidth),
		fmt.Sprintf("%d/%d", c.Draws, c.Total), c.Divergences, c.StepSize, c.LeapfrogsPerDraw, metric(c.DrawsPerSecond))
}

const barWidth = 10

// slowest returns the numbers of the n chains that have the least of their way behind them, in their order.
func slowest(chains []runner.ChainProgress, n int) []int {
	all := make([]int, len(chains))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(chains[a].Share(), chains[b].Share()) })
	slices.Sort(all[:n])
	return all[:n]
}

// bar draws a share in eighths of a cell.
func bar(share float64, width int) string {
	eighths := int(math.Round(math.Min(math.Max(share, 0), 1) * float64(8*width)))
	s := strings.Repeat("█", eighths/8)
	if r := eighths % 8; r > 0 {
		s += string([]rune(" ▏▎▍▌▋▊▉")[r])
	}
	return s + strings.Repeat(" ", width-utf8.RuneCountInString(s))
}

// metric writes a positive number in at most five characters and a unit.
func metric(x float64) string {
	switch {
	case x >= 1e6:
		return fmt.Sprintf("%.3gM", x/1e6)
	case x >= 1e4:
		return fmt.Sprintf("%.3gk", x/1e3)
	}
	return fmt.Sprintf("%.0f", x)
}

// totals are sums over the chains.
type totals struct {
	chains, waiting, warming, done int
	transitions, all               int64
	divergences                    int64
	perSecond                      float64 // of the chains that go on
}

func sum(p runner.Progress) totals {
	t := totals{chains: len(p.Chains)}
	for i := range p.Chains {
		c := &p.Chains[i]
		t.transitions += c.Transitions
		t.all += c.AllDone
		if c.Phase != runner.PhaseDone {
			t.perSecond += c.DrawsPerSecond
		}
		switch c.Phase {
		case runner.PhaseWaiting:
			t.waiting++
		case runner.PhaseWarmup:
			t.warming++
			continue // divergences of warmup are no sign of anything
		case runner.PhaseDone:
			t.done++
		}
		t.divergences += c.Divergences
	}
	return t
}

// phases counts the chains in each phase.
func (t totals) phases() string {
	var parts []string
	for _, p := range []struct {
		n    int
		name string
	}{{t.waiting, runner.PhaseWaiting}, {t.warming, runner.PhaseWarmup}, {t.chains - t.waiting - t.warming - t.done, runner.PhaseSampling}, {t.done, runner.PhaseDone}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.name))
		}
	}
	return strings.Join(parts, ", ")
}

// phase names what the run as a whole does.
func (t totals) phase() string {
	switch {
	case t.done == t.chains:
		return runner.PhaseDone
	case t.warming+t.waiting > 0:
		return runner.PhaseWarmup
	}
	return runner.PhaseSampling
}

// line is the totals in one line.
func (t totals) line(p runner.Progress) string {
	share := 0.0
	if t.all > 0 {
		share = float64(t.transitions) / float64(t.all)
	}
	s := fmt.Sprintf("%s: %.0f %% of %d chains, %d divergences, %s", t.phase(), math.Floor(100*share), t.chains, t.divergences, short(p.Elapsed))
	if eta, ok := t.left(); ok && !p.Done {
		s += fmt.Sprintf(", %s left", short(eta))
	}
	return s
}

// left estimates the time left from the speed that chains have now.
func (t totals) left() (time.Duration, bool) {
	if t.transitions >= t.all || t.perSecond <= 0 {
		return 0, false
	}
	return time.Duration(float64(t.all-t.transitions) / t.perSecond * float64(time.Second)), true
}

// short writes a duration with two units at most.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// cut shortens a line to a number of characters.
func cut(s string, width int) string {
	if width < 1 || utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}
