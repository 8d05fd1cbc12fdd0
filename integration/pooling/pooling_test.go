package main

import (
	"io"
	"strings"
	"testing"
)

// TestTable: what is printed are medians over seeds, and the first warmup that is long enough in each.
func TestTable(t *testing.T) {
	r := result{name: "a"}
	for mode := range modes {
		for i, n := range warmups {
			var f []figures
			for seed := range 3 {
				e := 1.0
				if n < 100<<(2-2*mode) { // 400 per chain, 100 pooled
					e = 0.5
				}
				if mode == 0 && seed == 2 && i < len(warmups)-1 {
					e = 0.5 // never
				}
				f = append(f, figures{efficiency: e, warmup: int64(1000*n + seed), divergences: int64(seed), rhat: 1 + float64(seed)/100})
			}
			r.figures[mode] = append(r.figures[mode], f)
		}
	}
	var out strings.Builder
	if err := (settings{seeds: 3, chains: 16, draws: 20}).print(&out, []result{r}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"16 chains × 20 draws, medians of seeds 1 to 3.",
		"| a | 400 | 400 k | 100 | 100 k | 0.25 |\n",
		"| 200 | 200 k | 200 k | 0.5 | 1 | 1 | 1 | 1.010 | 1.010 |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestParse(t *testing.T) {
	s, models, err := parse([]string{"-models", "^arK", "-seeds", "2"})
	if err != nil || len(models) != 1 || s.seeds != 2 || s.chains != 64 {
		t.Errorf("%v, %d models, %v", s, len(models), err)
	}
	if _, models, err := parse(nil); err != nil || len(models) != 1+len(ofPosteriorDB) {
		t.Errorf("%d models, %v", len(models), err)
	}
	for _, args := range []string{"-models nothing", "-models (", "-seeds 0", "-chains 15", "-draws 3", "more"} {
		if _, _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}

// TestRun: a run is a function of its seed; pooled warmup is as long as it is told.
func TestRun(t *testing.T) {
	s, models, err := parse(strings.Fields("-models ^eight -chains 16 -draws 20"))
	if err != nil {
		t.Fatal(err)
	}
	s.progress = io.Discard
	var last figures
	for _, pooled := range []bool{true, true, false} {
		f, err := s.run(models[0], pooled, 60, 3)
		if err != nil {
			t.Fatal(err)
		}
		if f.warmup < 60*16 || !(f.efficiency > 0) || (f == last) != (pooled && last.warmup > 0) {
			t.Errorf("pooled %v: %+v after %+v", pooled, f, last)
		}
		last = f
	}
}
