package progress_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/drey-sampler/drey/internal/cli/progress"
	"github.com/drey-sampler/drey/internal/runner"
)

// event is a run of some chains, the i-th one at i+1 tenths of its way.
func event(chains int, elapsed time.Duration) runner.Progress {
	p := runner.Progress{Elapsed: elapsed}
	for i := range chains {
		c := runner.ChainProgress{
			Phase: runner.PhaseSampling, Draws: 100 * (i % 10), Total: 1000, Divergences: int64(i), StepSize: 0.5, LeapfrogsPerDraw: 7.25, DrawsPerSecond: 500,
			Transitions: int64(200 * (i%10 + 1)), AllDone: 2000,
		}
		p.Chains = append(p.Chains, c)
	}
	return p
}

func TestRender(t *testing.T) {
	lines := progress.Render(event(4, 3*time.Second), 100, 24)
	if len(lines) != 6 {
		t.Fatalf("%d lines for 4 chains: %q", len(lines), lines)
	}
	for _, want := range []string{"3", "sampling", "300/1000", "0.5", "7.2", "500", "████ "} {
		if !strings.Contains(lines[4], want) {
			t.Errorf("the row of chain 3 lacks %q: %q", want, lines[4])
		}
	}
	// 2,000 of 8,000 transitions, 2,000 a second: 3 s left.
	if want := "sampling: 25 % of 4 chains, 6 divergences, 3.00 s, 3.00 s left"; lines[5] != want {
		t.Errorf("totals %q, want %q", lines[5], want)
	}
}

// TestRenderFits: the table has never more lines or longer ones than the terminal, whatever its size.
func TestRenderFits(t *testing.T) {
	for _, chains := range []int{1, 4, 100} {
		for columns := range 130 {
			for rows := 2; rows < 30; rows++ {
				lines := progress.Render(event(chains, time.Second), columns, rows)
				if len(lines) > rows {
					t.Fatalf("%d chains: %d lines for %d rows", chains, len(lines), rows)
				}
				for _, l := range lines {
					if n := utf8.RuneCountInString(l); columns > 2 && n >= columns {
						t.Fatalf("%d characters for %d columns: %q", n, columns, l)
					}
				}
			}
		}
	}
	lines := progress.Render(event(100, time.Second), 100, 10)
	if !strings.HasPrefix(lines[2], "   10  sampling") || !strings.Contains(lines[8], "and 93 more; of all, 100 sampling") || !strings.Contains(lines[9], "of 100 chains") {
		t.Errorf("100 chains in 10 rows: %q", lines)
	}
	many := event(10_000, time.Second)
	for i := range many.Chains {
		many.Chains[i].Phase = []string{runner.PhaseWaiting, runner.PhaseWarmup, runner.PhaseSampling, runner.PhaseDone}[i%4]
	}
	if lines := progress.Render(many, 200, 50); len(lines) != 11 || !strings.HasSuffix(lines[9], "9992 more; of all, 2500 waiting, 2500 warmup, 2500 sampling, 2500 done") {
		t.Errorf("10,000 chains: %q", lines)
	}
}

// TestLiveRedrawsInPlace: each event moves up as many lines as the last one wrote.
func TestLiveRedrawsInPlace(t *testing.T) {
	var b strings.Builder
	rows := 24
	l := progress.NewLive(&b, func() (int, int) { return 80, rows })
	l.Update(event(4, time.Second))
	if strings.Contains(b.String(), "A") || strings.Count(b.String(), "\n") != 6 {
		t.Errorf("the first table: %q", b.String())
	}
	b.Reset()
	rows = 6 // the terminal was made smaller
	l.Update(event(4, time.Second))
	if !strings.HasPrefix(b.String(), "\x1b[6A") || strings.Count(b.String(), "\n") != 5 || !strings.HasSuffix(b.String(), "\x1b[J") {
		t.Errorf("the second table: %q", b.String())
	}
	b.Reset()
	l.Update(event(4, time.Second))
	if !strings.HasPrefix(b.String(), "\x1b[5A") {
		t.Errorf("the third table: %q", b.String())
	}
}

func TestLines(t *testing.T) {
	var b strings.Builder
	l := progress.NewLines(&b)
	early := event(2, 900*time.Millisecond)
	l.Update(early)
	if b.Len() != 0 {
		t.Errorf("a line in the first second: %q", b.String())
	}
	for _, ms := range []int{1000, 1100, 2000, 5900, 6000, 6100, 11000} {
		l.Update(event(2, time.Duration(ms)*time.Millisecond))
	}
	last := event(2, 11100*time.Millisecond)
	last.Done = true
	l.Update(last)
	var at []string
	for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		at = append(at, strings.Fields(strings.Split(line, ", ")[2])[0])
	}
	if got, want := strings.Join(at, " "), "1.00 6.00 11.0 11.1"; got != want {
		t.Errorf("lines at %s s, want %s", got, want)
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("plain lines with escapes: %q", b.String())
	}
}
