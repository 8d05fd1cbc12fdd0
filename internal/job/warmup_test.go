package job

import (
	"testing"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/transport"
)

func config(warmup int, pooled bool, metric adapt.MetricKind) chain.Config {
	c := chain.DefaultConfig()
	c.Warmup, c.Pooled, c.Metric = warmup, pooled, metric
	return c
}

// TestWarmup: blocks have all draws of warmup, none too many of them; barriers stand at the ends of the windows that decisions follow.
func TestWarmup(t *testing.T) {
	for _, warmup := range []int{0, 1, 30, 60, 400, 1000} {
		for _, block := range []int{1, 7, 100, 5000} {
			for _, c := range []chain.Config{config(warmup, false, adapt.MetricDraws), config(warmup, true, adapt.MetricDraws), config(warmup, true, adapt.MetricDense)} {
				ends := map[int]int{} // transition → window
				if c.Pooled {
					for k, w := range c.Pooling(1).PooledSchedule(warmup) {
						if w.Kind.Barrier() {
							ends[w.Last+1] = k
						}
					}
				}
				at := 0
				for i, s := range Warmup(c, block) {
					at += int(s.Draws)
					k, ends := ends[at]
					if s.Draws < 1 || int(s.Draws) > block || s.Barrier != ends || ends && int(s.Window) != k {
						t.Errorf("warmup of %d, pooled %v, block %d: %+v ends at %d", warmup, c.Pooled, i, s, at)
					}
				}
				if at != warmup {
					t.Errorf("warmup of %d, pooled %v: the blocks have %d", warmup, c.Pooled, at)
				}
			}
		}
	}
}

// TestEarlyEnd: after a decision comes the next window's first block; one that ends warmup early turns to the first block of the
// plan's end.
func TestEarlyEnd(t *testing.T) {
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricDense} {
		c := config(1000, true, metric)
		plan := c.Pooling(1).PooledSchedule(c.Warmup)
		m := &transport.Manifest{Warmup: Warmup(c, 30)}
		last := 0 // the last window that adapts the metric
		for k, w := range plan {
			if w.Kind == adapt.WindowPooled {
				last = k
			}
		}
		start := func(window int) int { // block of the plan with the first draw of a window
			at := 0
			for i, s := range m.Warmup {
				if at == plan[window].First {
					return i
				}
				at += int(s.Draws)
			}
			return len(m.Warmup)
		}
		for k, w := range plan[:last] {
			if w.Kind != adapt.WindowPooled {
				continue
			}
			early := append([]adapt.Window(nil), plan[:k+1]...)
			for _, x := range plan[last+1:] {
				from := early[len(early)-1].Last + 1
				early = append(early, adapt.Window{First: from, Last: from + x.Last - x.First, Kind: x.Kind})
			}
			for _, c := range []struct {
				d    *adapt.Decision
				want int
			}{{&adapt.Decision{Windows: early, Window: k}, start(last + 1)}, {&adapt.Decision{Windows: plan, Window: k}, start(k + 1)}} {
				if got, err := follow(m, plan, c.d); err != nil || got != c.want {
					t.Errorf("after window %d of %d: block %d, %v, want %d", k, len(c.d.Windows), got, err, c.want)
				}
			}
		}
		if got, err := follow(m, plan, &adapt.Decision{Windows: plan, Window: len(plan) - 1}); err != nil || got != len(m.Warmup) {
			t.Errorf("after the last window: block %d, %v", got, err)
		}
		other := append(append([]adapt.Window(nil), plan...), adapt.Window{First: 1000, Last: 1006, Kind: adapt.WindowRound})
		if _, err := follow(m, plan, &adapt.Decision{Windows: other, Window: len(plan) - 1}); err == nil {
			t.Error("a window that the manifest does not have was found")
		}
	}
}
