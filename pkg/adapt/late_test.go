package adapt_test

import (
	"math"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
)

// TestOpenWindows: decisions of all windows before the last that gives the metric may do without late chains, and no others.
func TestOpenWindows(t *testing.T) {
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricDense} {
		for _, warmup := range []int{0, 1, 39, 40, 80, 400, 1000} {
			windows := pooling(metric, warmup).PooledSchedule(warmup)
			last := 0
			for k, w := range windows {
				if w.Kind == adapt.WindowPooled {
					last = k
				}
			}
			if got := adapt.OpenWindows(windows); got != last {
				t.Errorf("warmup of %d: %d of %v are open", warmup, got, windows)
			}
		}
	}
}

// TestLateChains: a decision without late chains has the metric and step size of those that are there. Windows without them do not
// count as converged, however alike the others are; and what ends a metric for good waits for all.
func TestLateChains(t *testing.T) {
	p := pooling(adapt.MetricDraws, 2000)
	all := normalReports(p, 400, []float64{3, 0.5}, 0, -1, 0.8)
	some := slices.Concat(all[:6], all[9:30])
	for i := range some {
		some[i].LogStepSize = -0.25
	}
	d := decide(t, p, nil, some)
	if got := d.LogStepSize; got != -0.25 || !math.IsNaN(d.RHat) {
		t.Errorf("log step size %v, R-hat %v of the chains that are there", got, d.RHat)
	}
	for i, sd := range []float64{3, 0.5} {
		if got := math.Sqrt(d.InverseMass[i]); math.Abs(got/sd-1) > 0.05 { // 27 × 400 draws: a relative error of 0.007
			t.Errorf("standard deviation %d is %v, want %v", i, got, sd)
		}
	}
	for range 3 {
		d = decide(t, p, d, some)
	}
	if last := d.Windows[len(d.Windows)-1].Last + 1; d.Converged != 0 || last != 2000 {
		t.Errorf("without all chains %d windows have converged, and warmup ends at %d", d.Converged, last)
	}
	if d = decide(t, p, d, all); d.Converged != 1 {
		t.Errorf("with all chains %d windows have converged", d.Converged)
	}
	if d = decide(t, p, d, some); d.Converged != 0 {
		t.Error("a window that had converged counts after one without all chains")
	}
	for d.Next() < len(d.Windows) {
		kind := d.Windows[d.Next()].Kind
		for k := d.Next(); !kind.Barrier(); k++ {
			kind = d.Windows[k].Kind
		}
		_, err := p.Decide(d, some)
		next := decide(t, p, d, all)
		if open := next.Window < adapt.OpenWindows(d.Windows); open == (err != nil) {
			t.Errorf("window %d of %v without late chains: %v", next.Window, d.Windows, err)
		}
		d = next
	}
}

// TestLateChainsRefused: fewer than half of the chains, chains that are there twice or out of order, and none at all.
func TestLateChainsRefused(t *testing.T) {
	p := pooling(adapt.MetricDraws, 2000)
	all := normalReports(p, 20, []float64{1}, 0, 0, 0.8)
	for name, reports := range map[string][]adapt.Report{
		"too few": all[:15], "twice": slices.Concat(all[:20], all[19:30]), "order": slices.Concat(all[5:20], all[:5]), "none": nil,
		"another run's": append(slices.Clone(all[:20]), adapt.Report{Chain: 40, LogDensity: all[0].LogDensity, Positions: all[0].Positions, Gradients: all[0].Gradients}),
	} {
		if _, err := p.Decide(nil, reports); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := p.Decide(nil, all[:16]); err != nil {
		t.Error(err)
	}
}
