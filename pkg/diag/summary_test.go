package diag_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

// TestSummariseIsItsParts: sharing the sort and the buffers changes no field, whatever the number of draws and chains,
// and leaves the draws as they were.
func TestSummariseIsItsParts(t *testing.T) {
	prob := 0.8 // a variable: constants would be combined exactly
	for _, size := range [][2]int{{4, 200}, {3, 201}, {1, 77}, {2, 4}, {2, 3}, {1, 1}} {
		draws := ar1Chains(9, size[0], size[1], 0.5)
		before := mapped(draws, func(_, _ int, x float64) float64 { return x })
		s := diag.Summarise(draws, prob)
		want := diag.Summary{
			Mean: s.Mean, SD: s.SD,
			Median: diag.Quantile(draws, 0.5), QLow: diag.Quantile(draws, (1-prob)/2), QHigh: diag.Quantile(draws, 1-(1-prob)/2),
			MCSEMean: diag.MCSEMean(draws), MCSESD: diag.MCSESD(draws),
			ESSBulk: diag.ESSBulk(draws), ESSTail: diag.ESSTail(draws), RHat: diag.RHat(draws),
		}
		want.HPDILow, want.HPDIHigh = diag.HPDI(draws, prob)
		got, expected := reflect.ValueOf(s), reflect.ValueOf(want)
		for i := range got.NumField() {
			a, b := got.Field(i).Float(), expected.Field(i).Float()
			if a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
				t.Errorf("%v: %s = %v, want %v", size, got.Type().Field(i).Name, a, b)
			}
		}
		if !reflect.DeepEqual(draws, before) {
			t.Errorf("%v: Summarise changed the draws", size)
		}
	}
}

func TestSummaryByHand(t *testing.T) {
	s := diag.Summarise([][]float64{{1, 2, 3}, {4, 5, 6}}, 0.9)
	if s.Mean != 3.5 || math.Abs(s.SD-math.Sqrt(3.5)) > 1e-15 || s.Median != 3.5 {
		t.Errorf("mean, sd, median = %v, %v, %v", s.Mean, s.SD, s.Median)
	}
	if !math.IsNaN(s.RHat) || !math.IsNaN(s.ESSBulk) {
		t.Errorf("R-hat, ESS of three draws a chain = %v, %v, want NaN", s.RHat, s.ESSBulk)
	}
}

func TestSummaryOfNothing(t *testing.T) {
	for _, draws := range [][][]float64{nil, {{}, {}}} {
		s := reflect.ValueOf(diag.Summarise(draws, 0.9))
		for i := range s.NumField() {
			if x := s.Field(i).Float(); !math.IsNaN(x) {
				t.Errorf("%s of no draws = %v, want NaN", s.Type().Field(i).Name, x)
			}
		}
	}
}

func TestCallersMistakesPanic(t *testing.T) {
	draws := normalChains(1, 3, 10)
	unequal := [][]float64{{1, 2, 3, 4}, {1, 2, 3}}
	for name, call := range map[string]func(){
		"unequal lengths":             func() { diag.Summarise(unequal, 0.9) },
		"unequal lengths, R-hat":      func() { diag.RHat(unequal) },
		"unequal lengths, classic":    func() { diag.GelmanRubin(unequal) },
		"unequal lengths, NumPyro's":  func() { diag.EffectiveSampleSize(unequal) },
		"probability above one":       func() { diag.Quantile(draws, 1.1) },
		"probability NaN":             func() { diag.HPDI(draws, math.NaN()) },
		"negative probability":        func() { diag.ESSQuantile(draws, -0.1) },
		"superchains of unequal size": func() { diag.NestedRHat(draws, 2) },
		"no superchains":              func() { diag.NestedRHat(draws, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

func BenchmarkSummarise(b *testing.B) {
	draws := ar1Chains(1, 4, 100_000, 0.5)
	b.ReportAllocs()
	for b.Loop() {
		diag.Summarise(draws, 0.9)
	}
}
