package main

import (
	"io"
	"strings"
	"testing"
)

// TestTable: ratios are of the sums over seeds, and what is printed below the table are their geometric means.
func TestTable(t *testing.T) {
	a := result{name: "a", dimension: 3}
	a.figures[0].add(figures{ess: 60, leapfrogs: 600, warmup: 400, divergences: 1})
	a.figures[0].add(figures{ess: 40, leapfrogs: 400, warmup: 600})
	a.figures[1].add(figures{ess: 400, leapfrogs: 1000, warmup: 3000, divergences: 2})
	b := result{name: "b", dimension: 12, figures: [2]figures{{ess: 2000, leapfrogs: 1000}, {ess: 2000, leapfrogs: 1_000_000}}}
	var out strings.Builder
	if err := (settings{seeds: 2, chains: 4, warmup: 10, draws: 20}).print(&out, []result{a, b}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"4 × (10 + 20) draws, seeds 1 to 2 together.",
		"| a | 3 | 0.100 | 0.400 | 4.00 | | 0.0500 | 0.100 | 2.00 | 1, 2 |\n",
		"| b | 12 | 2.00 | 0.00200 | 0.00 | | 2.00 | 0.00200 | 0.00 | 0, 0 |\n",
		"sampling geometric mean of the ratios 0.063, above 1 for 1 of 2; with warmup geometric mean of the ratios 0.045, above 1 for 1 of 2.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestParse(t *testing.T) {
	s, models, err := parse([]string{"-models", "^sbl", "-seeds", "2"})
	if err != nil || len(models) != 2 || s.seeds != 2 || s.draws != 1000 {
		t.Errorf("%v, %d models, %v", s, len(models), err)
	}
	for _, args := range []string{"-models nothing", "-models (", "-seeds 0", "-chains 1", "-warmup -1", "-draws 3", "more"} {
		if _, _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}

// TestMeasure: every metric and seed is run, once each, and the same again gives the same.
func TestMeasure(t *testing.T) {
	s, models, err := parse(strings.Fields("-models ^sblri -seeds 2 -chains 2 -warmup 300 -draws 50"))
	if err != nil {
		t.Fatal(err)
	}
	s.progress = io.Discard
	first, err := s.measure(t.Context(), models)
	if err != nil {
		t.Fatal(err)
	}
	s.workers = 1
	second, err := s.measure(t.Context(), models)
	if err != nil {
		t.Fatal(err)
	}
	r := first[0]
	if r.name != models[0].Name || r.dimension != 6 || r.figures[0] == r.figures[1] {
		t.Errorf("%+v", r)
	}
	for k, f := range r.figures {
		if g := second[0].figures[k]; f.leapfrogs < 400 || f.warmup < 400 || f.ess <= 0 || f.leapfrogs != g.leapfrogs || f.warmup != g.warmup {
			t.Errorf("%s: %+v, then %+v", metrics[k], f, g)
		}
	}
}
