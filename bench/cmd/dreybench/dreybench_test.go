package main

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documentedKeys returns the keys of the table in bench/README.md.
func documentedKeys(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| key | what |")
	if !found {
		t.Fatal("bench/README.md has no table of keys")
	}
	var keys []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, key := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[1], -1) {
			keys = append(keys, key[1])
		}
	}
	return keys
}

func measured(t *testing.T, args ...string) *Result {
	t.Helper()
	s, err := parse(args)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.measure(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeysAreThoseDocumented(t *testing.T) {
	text, err := json.Marshal(measured(t, "--model", "eight-schools", "--warmup", "100", "--repeat-lengths", "100,1000"))
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	got, want := slices.Sorted(maps.Keys(object)), slices.Sorted(slices.Values(documentedKeys(t)))
	if !slices.Equal(got, want) {
		t.Errorf("keys %v, documented are %v", got, want)
	}
}

// Of one model and seed the longer run begins with the draws of the shorter one: its leapfrogs are more, and rates follow.
func TestTwoLengths(t *testing.T) {
	r := measured(t, "--model", "eight-schools", "--chains", "2", "--warmup", "200", "--repeat-lengths", "500,5000", "--precision", "f32")
	if r.Leapfrogs[1] < 4*r.Leapfrogs[0] || r.Leapfrogs[0] < 1000 {
		t.Errorf("leapfrogs %v of lengths %v", r.Leapfrogs, r.Lengths)
	}
	want := (r.Seconds[1] - r.Seconds[0]) / float64(r.Leapfrogs[1]-r.Leapfrogs[0]) * 1e6
	if *r.MicrosPerLeapfrog != want || *r.GradientMicros <= 0 || r.SecondsTotal != nil {
		t.Errorf("%v µs per leapfrog, want %v; gradient %v; total %v", *r.MicrosPerLeapfrog, want, *r.GradientMicros, r.SecondsTotal)
	}
	if got, want := r.MinESSPerLeapfrog, r.MinESSBulk/float64(r.Leapfrogs[1]); got != want {
		t.Errorf("min-ESS per leapfrog %v, want %v", got, want)
	}
	// Ten own parameters, theta's auxiliary not among them; the least ESS is one of theirs.
	least := math.Inf(1)
	for name, e := range r.Posterior {
		if strings.HasPrefix(name, "theta_base") {
			t.Errorf("%s is an auxiliary", name)
		}
		least = min(least, e.ESS)
	}
	if len(r.Posterior) != 10 || least != r.MinESSBulk {
		t.Errorf("%d parameters, least ESS %v, reported %v", len(r.Posterior), least, r.MinESSBulk)
	}
	// Exact mean 4.3968, sd 3.3177; six standard errors, the ESS being an estimate.
	if mu := r.Posterior["mu"]; math.Abs(mu.Mean-4.3968) > 6*3.3177/math.Sqrt(mu.ESS) {
		t.Errorf("mu %+v", mu)
	}
}

func TestOneLength(t *testing.T) {
	r := measured(t, "--model", "eight-schools", "--warmup", "100", "--draws", "100")
	if r.MicrosPerLeapfrog != nil || r.MinESSPerSecond != nil || r.GradientMicros != nil {
		t.Errorf("rates %v of one run", r)
	}
	if (r.SecondsTotal == nil) != (r.PeakRSSMB == nil) || r.SecondsTotal != nil && (*r.SecondsTotal <= 0 || *r.PeakRSSMB < 1) {
		t.Errorf("seconds %v, peak memory %v", r.SecondsTotal, r.PeakRSSMB)
	}
}

func TestWrongUse(t *testing.T) {
	for _, args := range []string{
		"", "--model gpp", "--model gp extra", "--model gp --precision f16", "--model gp --repeat-lengths 10", "--model gp --repeat-lengths 10,10",
		"--model gp --repeat-lengths 0,10", "--model gp --repeat-lengths 1,2,3", "--model gp --chains x",
	} {
		if s, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%q is understood: %+v", args, s)
		}
	}
}

func TestStartTicks(t *testing.T) {
	stat := "71 (a b) c) S 1 71 71 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 4 0 987654 1000 200"
	if ticks, ok := startTicks(stat); ticks != 987654 || !ok {
		t.Errorf("start %d, %v", ticks, ok)
	}
	if _, ok := startTicks("71 (a) S 1"); ok {
		t.Error("a start from a line that is cut off")
	}
}

func TestHighWater(t *testing.T) {
	if got := highWater("VmPeak:\t  99 kB\nVmHWM:\t   1000 kB\n"); got == nil || *got != 1.024 {
		t.Errorf("%v MB, want 1.024", got)
	}
	if got := highWater("VmPeak:\t  99 kB\n"); got != nil {
		t.Errorf("%v MB of nothing", *got)
	}
}
