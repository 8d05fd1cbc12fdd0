package report_test

import (
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/cli/report"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// good is a summary with nothing to complain about.
func good() *runner.Summary {
	of := func(name string, mean, sd float64) runner.Parameter {
		return runner.Parameter{Name: name, Site: name, Kind: store.Latent, Summary: diag.Summary{
			Mean: mean, SD: sd, Median: mean, QLow: mean - 1.64*sd, QHigh: mean + 1.64*sd, MCSEMean: sd / 60, ESSBulk: 3600, ESSTail: 2800, RHat: 1.0004,
		}}
	}
	auxiliary := of("theta_base", 0, 1) // shown where --save names it; no advice is about it
	auxiliary.Kind, auxiliary.RHat, auxiliary.ESSBulk = store.Auxiliary, 2, 3
	run := &store.Run{Model: "model", Settings: store.Settings{Chains: 4, Warmup: 1000, Draws: 1000, TargetAccept: 0.8, MaxTreeDepth: 10}}
	run.Schema.SampleStats = true
	return &runner.Summary{
		Run: run, Draws: 1000, Prob: 0.9, EBFMI: []float64{0.9, 1, 1.1, 0.31},
		Parameters: []runner.Parameter{of("mu", 4.4, 3.3), of("tiny", 1.23456e-5, 3e-7), of("vast", 6.02e23, 1e22), of("a rather long name[0,1]", -120, 12), auxiliary},
	}
}

func table(t *testing.T, s *runner.Summary) string {
	t.Helper()
	var b strings.Builder
	if err := report.Table(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTable compares tables with testdata/table.golden.
func TestTable(t *testing.T) {
	bad := good()
	nan := math.NaN()
	bad.Parameters = append(bad.Parameters[:1:1], runner.Parameter{Name: "constant", Site: "constant", Kind: store.Deterministic, Summary: diag.Summary{
		Mean: 2, Median: 2, QLow: 2, QHigh: 2, MCSEMean: nan, ESSBulk: nan, ESSTail: nan, RHat: nan,
	}})
	bad.Divergences, bad.Saturated, bad.Prob, bad.Notice = 7, 1, 0.5, "the chains have 1000 to 1200 sampling draws: the first 1000 of each are used"
	empty := good()
	empty.Draws, empty.Run.State = 0, store.Running
	got := table(t, good()) + "---\n" + table(t, bad) + "---\n" + table(t, empty)
	const path = "testdata/table.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestAdvice makes one thing bad at a time: there is one sentence, which names it.
func TestAdvice(t *testing.T) {
	if a := report.Advice(good()); len(a) != 0 {
		t.Errorf("a good run gets advice: %q", a)
	}
	constant := good() // of 50 draws: they are its ESS
	constant.Parameters[0].SD, constant.Parameters[0].ESSBulk, constant.Parameters[0].ESSTail = 0, 200, 200
	if a := report.Advice(constant); len(a) != 0 {
		t.Errorf("a constant gets advice: %q", a)
	}
	for _, c := range []struct {
		name string
		bad  func(s *runner.Summary)
		want []string
	}{
		{"divergences", func(s *runner.Summary) { s.Divergences = 12 }, []string{"12 transitions diverged", "--target-accept 0.95"}},
		{"one divergence at a high target", func(s *runner.Summary) { s.Divergences, s.Run.Settings.TargetAccept = 1, 0.95 }, []string{"1 transition diverged", "--target-accept 0.988"}},
		{"places", func(s *runner.Summary) {
			s.Parameters[0].Begins = diag.Place{Count: 20, Low: 12}
			s.Parameters[1].Begins = diag.Place{Count: 200, High: 150}
			s.Parameters[2].Begins = diag.Place{Count: 20, High: 3}
			s.Parameters[4].Begins = diag.Place{Count: 20, Low: 20} // of an auxiliary site
		}, []string{"where tiny is large (75 % begin above its 90 % quantile), mu is small (12 of 20 begin below its 10 % quantile):"}},
		{"suspects", func(s *runner.Summary) { s.Run.Warmup = &store.Warmed{Transitions: 500, Suspects: []int{3, 5}} }, []string{"2 chains ended warmup unlike the others (3, 5)"}},
		{"a deadline", func(s *runner.Summary) {
			s.Run.TimingDependent = true
			s.Run.Warmup = &store.Warmed{Late: []store.LateDecision{{Window: 2, Included: 6, Excluded: []int{1, 3}}, {Window: 4, Included: 7, Excluded: []int{3}}}}
		}, []string{"--warmup-deadline", "2 decisions of warmup did without 2 packs", "can't be repeated"}},
		{"R-hat", func(s *runner.Summary) { s.Parameters[0].RHat = 1.011 }, []string{"R-hat", "mu:", "--warmup 2000 --draws 2000"}},
		{"infinite R-hat", func(s *runner.Summary) { s.Parameters[0].RHat = math.Inf(1) }, []string{"R-hat", "mu"}},
		{"bulk ESS", func(s *runner.Summary) { s.Parameters[0].ESSBulk = 200 }, []string{"below 400", "mu", "--draws 1200"}},
		{"tail ESS", func(s *runner.Summary) { s.Parameters[3].ESSTail = 399 }, []string{"below 400", "a rather long name[0,1]"}},
		{"E-BFMI", func(s *runner.Summary) { s.EBFMI[2] = 0.29 }, []string{"E-BFMI", "chain 2 (0.29)"}},
		{"tree depth", func(s *runner.Summary) { s.Saturated = 40 }, []string{"40 draws reached the largest tree depth, 10", "--max-tree-depth"}},
		{"many", func(s *runner.Summary) {
			for i := range s.Parameters {
				s.Parameters[i].RHat = 1.5
			}
		}, []string{"mu, tiny, vast and 1 more"}},
	} {
		s := good()
		c.bad(s)
		got := report.Advice(s)
		if len(got) != 1 || strings.Count(got[0], ". ") > 0 || !strings.HasSuffix(got[0], ".") {
			t.Errorf("%s: %q is not one sentence", c.name, got)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(got[0], want) {
				t.Errorf("%s: %q does not say %q", c.name, got[0], want)
			}
		}
		s.Run.Schema.SampleStats = false
		if len(report.Advice(s)) != 0 {
			t.Errorf("%s: predictive draws get advice", c.name)
		}
	}
}
