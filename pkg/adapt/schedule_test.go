package adapt_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
)

func schedule(n int) string { return show(adapt.Schedule(n)) }

func show(windows []adapt.Window) string {
	var b strings.Builder
	for _, w := range windows {
		kind := map[adapt.WindowKind]string{
			adapt.WindowFast: "fast", adapt.WindowSlow: "slow", adapt.WindowFinal: "final", adapt.WindowFirst: "first", adapt.WindowMoving: "moving",
		}[w.Kind]
		fmt.Fprintf(&b, "[%d-%d %s]", w.First, w.Last, kind)
	}
	return b.String()
}

// TestSchedule has the windows of NumPyro's build_adaptation_schedule, which are Stan's.
func TestSchedule(t *testing.T) {
	for n, want := range map[int]string{
		0:    "",
		1:    "[0-0 fast]",
		19:   "[0-18 fast]",
		20:   "[0-2 fast][3-17 slow][18-19 final]",
		100:  "[0-14 fast][15-89 slow][90-99 final]",
		149:  "[0-21 fast][22-134 slow][135-148 final]",
		150:  "[0-74 fast][75-99 slow][100-149 final]",
		200:  "[0-74 fast][75-99 slow][100-149 slow][150-199 final]",
		300:  "[0-74 fast][75-99 slow][100-149 slow][150-249 slow][250-299 final]",
		500:  "[0-74 fast][75-99 slow][100-149 slow][150-249 slow][250-449 slow][450-499 final]",
		1000: "[0-74 fast][75-99 slow][100-149 slow][150-249 slow][250-449 slow][450-949 slow][950-999 final]",
	} {
		if got := schedule(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// TestScheduleIsAPartition: windows follow each other without a gap, slow ones do not shrink.
func TestScheduleIsAPartition(t *testing.T) {
	for n := 1; n < 3000; n++ {
		at, last := 0, 0
		windows := adapt.Schedule(n)
		for i, w := range windows {
			if w.First != at || w.Last < w.First {
				t.Fatalf("%d: %s", n, schedule(n))
			}
			at = w.Last + 1
			want := adapt.WindowSlow
			if i == 0 {
				want = adapt.WindowFast
			} else if i == len(windows)-1 {
				want = adapt.WindowFinal
			}
			if w.Kind != want {
				t.Fatalf("%d: %s", n, schedule(n))
			}
			if w.Kind == adapt.WindowSlow {
				if w.Last-w.First < last {
					t.Fatalf("%d: %s", n, schedule(n))
				}
				last = w.Last - w.First
			}
		}
		if at != n {
			t.Fatalf("%d: %s", n, schedule(n))
		}
		if start := 0.15 * float64(n); n >= 20 && n < 150 && windows[0].Last+1 != int(start) {
			t.Errorf("%d: the first window has %d draws; Stan's arithmetic gives %d", n, windows[0].Last+1, int(start))
		}
	}
}

func TestMovingSchedule(t *testing.T) {
	for n, want := range map[int]string{
		0:    "",
		1:    "[0-0 fast]",
		19:   "[0-18 fast]",
		20:   "[0-17 moving][18-19 fast]",
		50:   "[0-9 first][10-44 moving][45-49 fast]",
		100:  "[0-9 first][10-29 moving][30-89 moving][90-99 fast]",
		1000: "[0-9 first][10-29 moving][30-69 moving][70-149 moving][150-309 moving][310-899 moving][900-999 fast]",
	} {
		if got := show(adapt.MovingSchedule(n)); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// TestMovingScheduleIsAPartition: windows follow each other without a gap, and all but the last grow.
func TestMovingScheduleIsAPartition(t *testing.T) {
	for n := 20; n < 3000; n++ {
		at, size := 0, 0
		windows := adapt.MovingSchedule(n)
		for i, w := range windows {
			last := i == len(windows)-1
			if w.First != at || w.Last < w.First || !last && w.Last-w.First < size || last != (w.Kind == adapt.WindowFast) {
				t.Fatalf("%d: %s", n, show(windows))
			}
			at, size = w.Last+1, w.Last-w.First
		}
		if at != n {
			t.Fatalf("%d: %s", n, show(windows))
		}
	}
}

// TestWindows: diagonal metrics move, the others have Stan's windows.
func TestWindows(t *testing.T) {
	for metric := range kinds {
		a := adapt.DefaultAdaptation()
		a.Metric = metric
		want := adapt.Schedule(500)
		if metric == adapt.MetricDraws || metric == adapt.MetricGradients {
			want = adapt.MovingSchedule(500)
		}
		if got := show(a.Windows(500)); got != show(want) {
			t.Errorf("%s: %s", metric, got)
		}
	}
}
