package adapt

// WindowKind says what adapts in a window. The values are those of the phase that a program is told.
type WindowKind int32

// The kinds; 0 is sampling.
const (
	WindowFast   WindowKind = 1 // the step size
	WindowSlow   WindowKind = 2 // the step size; at its end the metric, and a search for the step size that suits it
	WindowFinal  WindowKind = 3 // the step size, for good
	WindowFirst  WindowKind = 4 // the step size, and the metric at each draw; at its end a search for the step size
	WindowMoving WindowKind = 5 // the step size, and the metric at each draw
)

// The kinds of pooled warmup, besides WindowFast; at the end of each is a barrier.
const (
	WindowOpening   WindowKind = 6  // the step size, and the chain's own metric at each draw; at its end the pooled metric and a search
	WindowPooled    WindowKind = 7  // the step size; at its end it and the metric are pooled
	WindowSettle    WindowKind = 8  // the step size; at its end it is pooled
	WindowRound     WindowKind = 9  // nothing: the chains measure the acceptance rate of one step size
	WindowProbation WindowKind = 10 // nothing: the chains show that sampling can begin
)

// Barrier reports whether the chains of a run wait for a Decision at the end of the window.
func (k WindowKind) Barrier() bool { return k >= WindowOpening }

// AdaptsMetric reports whether the metric adapts in the window: EndWindow is due at its end.
func (k WindowKind) AdaptsMetric() bool { return k == WindowSlow || k.moving() }

// Searches reports whether Search is due at the end of the window.
func (k WindowKind) Searches() bool { return k == WindowSlow || k == WindowFirst }

func (k WindowKind) moving() bool { return k == WindowFirst || k == WindowMoving }

// Windows returns the windows of a warmup of n draws: those of PooledSchedule, or else moving ones for a diagonal metric, Stan's
// Schedule for the others.
func (a Adaptation) Windows(n int) []Window {
	if a.Pooled {
		return a.PooledSchedule(n)
	}
	if a.Metric.diagonal() {
		return MovingSchedule(n)
	}
	return Schedule(n)
}

// Window is a part of warmup: draws First … Last, counted from 0.
type Window struct {
	First, Last int
	Kind        WindowKind
}

// Sizes of Stan's windows (Stan reference manual, section 15.2).
const (
	firstBuffer   = 75
	lastBuffer    = 50
	firstSlow     = 25
	fewestForSlow = 20 // below it the metric stays as it is
)

// Schedule returns the windows of a warmup of n draws: a fast one, slow ones that double, a final one. Where less than 150 draws
// are left the first and last have 15 % and 10 %. A slow window takes the rest where the next, twice as long, would not fit. None
// for n ≤ 0. Source: Stan, windowed_adaptation.hpp; NumPyro, build_adaptation_schedule.
func Schedule(n int) []Window {
	if n <= 0 {
		return nil
	}
	if n < fewestForSlow {
		return []Window{{0, n - 1, WindowFast}}
	}
	start, end, size := firstBuffer, lastBuffer, firstSlow
	if start+end+size > n {
		start, end = 15*n/100, n/10
		size = n - start - end
	}
	windows := []Window{{0, start - 1, WindowFast}}
	for at := start; at < n-end; {
		rest := n - end - at
		if 3*size > rest {
			size = rest
		}
		windows = append(windows, Window{at, at + size - 1, WindowSlow})
		at += size
		size *= 2
	}
	return append(windows, Window{n - end, n - 1, WindowFinal})
}

// Sizes of the windows of a metric that moves with each draw. Ten draws tell the scales to a factor of two, enough to leave
// the start behind (nuts-rs, early_mass_matrix_switch_freq).
const (
	firstMoving = 10
	lastShare   = 10 // the last window has one draw in so many
)

// MovingSchedule returns the windows of a warmup of n draws in which the metric moves with each draw: ones that double, then
// one for the step size alone. The metric comes from the draws of a window and the one before it, so that it never rests on
// few draws and forgets where the chain began. A window takes the rest where the next, twice as long, would not fit. Source:
// nuts-rs, adapt_strategy.rs, whose windows are of other lengths.
func MovingSchedule(n int) []Window {
	if n < fewestForSlow {
		return Schedule(n)
	}
	end := n - n/lastShare
	var windows []Window
	for at, size := 0, firstMoving; at < end; size *= 2 {
		if 3*size > end-at {
			size = end - at
		}
		windows = append(windows, Window{at, at + size - 1, WindowMoving})
		at += size
	}
	if len(windows) > 1 {
		windows[0].Kind = WindowFirst
	}
	return append(windows, Window{end, n - 1, WindowFast})
}
