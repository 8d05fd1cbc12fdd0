package adapt

// Sizes of the windows of pooled warmup.
const (
	fewestForRounds = 40 // with fewer draws there is one window
	openingDraws    = 10 // as firstMoving: the scales to a factor of two
	leadShare       = 5  // the first of so many draws of a window do not count: they come from where the window before has left the chain
	roundDraws      = 10 // of each chain in a round: with 16 chains the standard error of the mean acceptance rate is about 0.02
	fewestRounds    = 2
	mostRounds      = 5
	probationDraws  = 50
	forProbation    = 400 // draws of a warmup that has a probation: an eighth of it at most
)

// PooledSchedule returns the windows of a pooled warmup of n draws: one in which each chain's own metric moves; ones that double,
// each a WindowFast of a fifth and a WindowPooled; for MetricDense ten draws for the step size; rounds of ten draws; and, in a warmup of
// 400 or more, a probation of 50. The last WindowPooled takes the rest where the next, twice as long, would not fit. A warmup of
// less than 40 draws is one WindowPooled.
func (a Adaptation) PooledSchedule(n int) []Window {
	if n <= 0 {
		return nil
	}
	if n < fewestForRounds {
		return []Window{{0, n - 1, WindowPooled}}
	}
	windows := []Window{{0, openingDraws - 1, WindowOpening}}
	end := n
	for _, w := range a.ending(0, n) {
		end -= w.Last + 1 - w.First
	}
	for at, size := openingDraws, 2*openingDraws; at < end; size *= 2 {
		if 3*size > end-at {
			size = end - at
		}
		lead := at + size/leadShare
		if lead > at {
			windows = append(windows, Window{at, lead - 1, WindowFast})
		}
		windows = append(windows, Window{lead, at + size - 1, WindowPooled})
		at += size
	}
	return append(windows, a.ending(end, n)...)
}

// OpenWindows returns the number of windows of a pooled warmup, from the first on, whose decisions may do without chains that are late:
// those before the last that gives the metric. What is decided there is decided again, from draws of all chains.
func OpenWindows(windows []Window) int {
	n := len(windows)
	for n > 0 && windows[n-1].Kind != WindowPooled {
		n--
	}
	return max(n-1, 0)
}

func roundsOf(n int) int { return min(max(fewestRounds, n/10/roundDraws), mostRounds) }

func probationOf(n int) int {
	if n < forProbation {
		return 0
	}
	return probationDraws
}

// ending returns what follows the last metric in a warmup of n draws, from draw at on.
func (a Adaptation) ending(at, n int) []Window {
	var windows []Window
	if a.Metric == MetricDense {
		windows = append(windows, Window{at, at + roundDraws - 1, WindowSettle})
		at += roundDraws
	}
	for range roundsOf(n) {
		windows = append(windows, Window{at, at + roundDraws - 1, WindowRound})
		at += roundDraws
	}
	if probationOf(n) > 0 {
		windows = append(windows, Window{at, at + probationDraws - 1, WindowProbation})
	}
	return windows
}

// Bounds of SuperchainSize.
const (
	fewestForSuperchains = 64 // chains
	fewestSuperchains    = 16 // so that the variance between them has 15 degrees of freedom
)

// SuperchainSize returns how many chains of a pooled run begin at one place, for the nested R-hat: 1 where there are less than 64
// chains, else the largest power of two that divides their number and leaves at least 16 superchains.
func SuperchainSize(chains int) int {
	size := 1
	if chains >= fewestForSuperchains {
		for chains%(2*size) == 0 && chains/(2*size) >= fewestSuperchains {
			size *= 2
		}
	}
	return size
}

// PooledFrom is the number of chains from which on warmup is pooled where nothing else is asked for: with fewer, the step sizes
// and metrics of chains on their own differ little from pooled ones, and a chain depends on nothing but its seed and number.
const PooledFrom = 16
