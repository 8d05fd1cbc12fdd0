package adapt

// WindowKind says what adapts in a window. The values are those of the phase that a program is told.
type WindowKind int32

// The kinds; 0 is sampling.
const (
	WindowFast  WindowKind = 1 // the step size
	WindowSlow  WindowKind = 2 // the step size, and the metric at its end
	WindowFinal WindowKind = 3 // the step size, for good
)

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
