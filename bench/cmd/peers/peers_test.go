package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func number(x float64) *float64 { return &x }

// recorded makes a measurement of µs per leapfrog alone.
func recorded(caseName, tool string, round int, micros float64) Record {
	return Record{Case: caseName, Tool: tool, Round: round, Measurement: Measurement{MicrosPerLeapfrog: number(micros)}}
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   Spread
	}{
		{nil, Spread{}},
		{[]float64{3}, Spread{3, 3, 3, 1}},
		{[]float64{9, 1}, Spread{5, 1, 9, 2}},
		{[]float64{9, 1, 2}, Spread{2, 1, 9, 3}},
		{[]float64{4, 1, 2, 100}, Spread{3, 1, 100, 4}},
	} {
		if got := spread(test.values); got != test.want {
			t.Errorf("spread(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}

// Whoever misspells a tool in a target would get "not measured" for ever.
func TestTargetsNameToolsOfThePlan(t *testing.T) {
	for _, target := range targets() {
		i := slices.IndexFunc(plan(), func(c Case) bool { return c.Name == target.Case })
		if i < 0 {
			t.Errorf("no case %q", target.Case)
			continue
		}
		for _, tool := range append(slices.Clone(target.Against), "drey") {
			if !slices.ContainsFunc(plan()[i].Tools, func(t Tool) bool { return t.Name == tool }) {
				t.Errorf("case %s has no tool %q", target.Case, tool)
			}
		}
	}
}

// Drey's medians are 2 (lower better); the better peer by medians is b with 8, though a wins round 0.
func TestOutcomeTakesTheBestPeerByMedian(t *testing.T) {
	var records []Record
	for round, values := range [][3]float64{{1, 4, 8}, {2, 20, 8}, {4, 30, 9}} {
		for i, tool := range []string{"drey", "a", "b"} {
			records = append(records, recorded("c", tool, round, values[i]))
		}
	}
	target := Target{"c", microsPerLeapfrog, []string{"a", "b"}, 4}
	o := target.outcome(records)
	if o.Ratio != 4 || o.Min != 9.0/4 || o.Max != 4 || !o.Met() {
		t.Errorf("outcome %+v, want ratio 4 within [2.25, 4], met", o)
	}
	target.AtLeast = 4.01
	if target.outcome(records).Met() {
		t.Error("a ratio of 4 meets a target of 4.01")
	}
	target.Against = []string{"a", "absent"}
	if o := target.outcome(records); o.Measured || o.Met() {
		t.Errorf("outcome %+v though a peer is absent", o)
	}
	if o := target.outcome(nil); o.Measured || o.Met() {
		t.Errorf("outcome %+v of nothing", o)
	}
}

// A round that one peer did not finish says nothing of the ratio within a round.
func TestOutcomeLeavesOutUnfinishedRounds(t *testing.T) {
	records := []Record{
		recorded("c", "drey", 0, 1), recorded("c", "a", 0, 2), recorded("c", "b", 0, 3),
		recorded("c", "drey", 1, 1), recorded("c", "a", 1, 100),
	}
	o := Target{"c", microsPerLeapfrog, []string{"a", "b"}, 1}.outcome(records)
	if o.Min != 2 || o.Max != 2 {
		t.Errorf("ratios within [%v, %v], want 2: only round 0 is complete", o.Min, o.Max)
	}
}

func TestAdvantageOfHigherIsBetter(t *testing.T) {
	if got := essPerSecond.advantage(6, 2); got != 3 {
		t.Errorf("6 ESS a second against 2: %v times better, want 3", got)
	}
	if got := microsPerLeapfrog.advantage(2, 6); got != 3 {
		t.Errorf("2 µs against 6: %v times better, want 3", got)
	}
}

func TestDisagreements(t *testing.T) {
	at := func(tool string, round int, mean float64) Record {
		return Record{Case: "c", Tool: tool, Round: round, Measurement: Measurement{Posterior: map[string]Estimate{"mu": {mean, 3, 900}}}}
	}
	se := math.Sqrt2 * 3 / 30
	records := []Record{at("a", 0, 1), at("b", 0, 1+5.9*se), at("a", 1, 1), at("b", 1, 1-6.1*se)}
	got := disagreements(records)
	if len(got) != 1 || got[0].Round != 1 || got[0].Tool != "b" || math.Abs(got[0].StandardErrors-6.1) > 1e-9 {
		t.Errorf("disagreements %+v, want b's of round 1, 6.1 standard errors", got)
	}
}

func TestSelectCases(t *testing.T) {
	cases, err := selectCases(plan(), []string{"gp", "eight-schools"}, []string{"numpyro-64", "nutpie"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range cases {
		for _, tool := range c.Tools {
			got = append(got, c.Name+"/"+tool.Name)
		}
	}
	if want := []string{"eight-schools/nutpie", "eight-schools/numpyro-64", "gp/nutpie"}; !slices.Equal(got, want) {
		t.Errorf("selected %v, want %v", got, want)
	}
	for _, wrong := range [][2][]string{{{"gq"}, nil}, {nil, {"stan"}}} {
		if _, err := selectCases(plan(), wrong[0], wrong[1]); err == nil || !strings.Contains(err.Error(), "one of") {
			t.Errorf("selectCases(%v): %v, want an error that lists the names", wrong, err)
		}
	}
}

func TestSignificant(t *testing.T) {
	for x, want := range map[float64]string{
		0.12345: "0.123", 1.5: "1.50", 12.34: "12.3", 123.4: "123", 56154.85: "56155", 0.00123456: "0.00123", 2: "2", 0: "0", -1.5: "-1.50",
	} {
		if got := significant(x); got != want {
			t.Errorf("significant(%v) = %s, want %s", x, got, want)
		}
	}
}

const measured = `{"tool": "nutpie", "version": "1", "model": "gp", "lengths": [1, 2], "leapfrogs": [10, 30], "seconds": [1, 2],
	"us_per_leapfrog": 50000, "gradient_us": null, "seconds_total": null, "min_ess_bulk": 6, "min_ess_per_leapfrog": 0.2,
	"min_ess_per_second": 4, "divergences": 1, "peak_rss_mb": 500, "posterior": {"length": {"mean": 1.6, "sd": 0.3, "ess": 6}}}`

func TestParseMeasurement(t *testing.T) {
	m, err := parseMeasurement([]byte(measured), false)
	if err != nil || *m.MicrosPerLeapfrog != 50000 || m.GradientMicros != nil || m.Posterior["length"].ESS != 6 {
		t.Errorf("parseMeasurement: %+v, %v", m, err)
	}
	for change, want := range map[[2]string]string{
		{`"us_per_leapfrog": 50000`, `"us_per_leapfrog": -3`}:    "us_per_leapfrog",
		{`"min_ess_bulk": 6`, `"min_ess_bulk": null`}:            "min_ess_bulk",
		{`"sd": 0.3`, `"sd": 0`}:                                 "length",
		{`{"length": {"mean": 1.6, "sd": 0.3, "ess": 6}}`, `{}`}: "no parameters",
		{`"min_ess_bulk": 6`, `"min_ess_bulk": NaN`}:             "not one JSON object",
	} {
		text := strings.Replace(measured, change[0], change[1], 1)
		if _, err := parseMeasurement([]byte(text), false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", change[1], err, want)
		}
	}
	if _, err := parseMeasurement([]byte(measured), true); err == nil || !strings.Contains(err.Error(), "seconds_total") {
		t.Errorf("start to summary without seconds_total: %v", err)
	}
}

func TestParseCommand(t *testing.T) {
	text := `{"model": "eight-schools", "chains": 4, "draws": 1000, "leapfrogs": 20000, "divergences": 3, "parameters": {
		"mu": {"mean": 4.4, "sd": 3.3, "ess_bulk": 3000, "rhat": 1}, "tau": {"mean": 3.6, "sd": 3.2, "ess_bulk": 2000, "rhat": null}}}`
	m, err := parseCommand([]byte(text), 0.25)
	if err != nil || *m.MinESSBulk != 2000 || *m.MinESSPerLeapfrog != 0.1 || *m.SecondsTotal != 0.25 || m.Divergences != 3 {
		t.Errorf("parseCommand: %+v, %v", m, err)
	}
	if _, err := parseCommand([]byte(strings.Replace(text, "2000,", "null,", 1)), 1); err == nil || !strings.Contains(err.Error(), "tau") {
		t.Errorf("ESS null: %v, want an error that names tau", err)
	}
}

// TestMeasureRunsThePrograms puts a shell script in the place of taskset and of the two programs, which prints what it was
// given, and checks the pinning, the threads and the flags.
func TestMeasureRunsThePrograms(t *testing.T) {
	dir := t.TempDir()
	write := func(name, script string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("taskset", "echo \"$@ GOMAXPROCS=$GOMAXPROCS XLA=$XLA_FLAGS\" >"+dir+"/seen; shift 2; exec \"$@\"\n")
	write("bin/dreybench", "cat <<'E'\n"+measured+"\nE\n")
	write("bin/drey", "echo broken >&2; exit 3\n")
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("GOMAXPROCS", "")
	t.Setenv("XLA_FLAGS", "")
	b := &bench{root: dir, out: dir, singleCore: "7", allCores: "6-7"}

	c := Case{Name: "gp", Precision: "f64", Model: "gp", Warmup: 300}
	m, err := b.measure(t.Context(), c, Tool{Program: programDrey, Chains: 1, Lengths: [2]int{10, 20}}, 4)
	if err != nil || m.Model != "gp" {
		t.Errorf("measure: %+v, %v", m, err)
	}
	seen, _ := os.ReadFile(filepath.Join(dir, "seen"))
	want := "-c 7 " + dir + "/bin/dreybench --chains 1 --warmup 300 --seed 4 --precision f64 --model gp --repeat-lengths 10,20" +
		" GOMAXPROCS=1 XLA=--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1\n"
	if string(seen) != want {
		t.Errorf("ran  %swant %s", seen, want)
	}

	c = Case{Name: "start-to-summary", Precision: "f64", Model: "eight-schools", StartToSummary: true, Warmup: 1000, Draws: 500}
	_, err = b.measure(t.Context(), c, Tool{Program: programCommand, Chains: 4}, 0)
	if err == nil || !strings.Contains(err.Error(), "exit status 3\nbroken") {
		t.Errorf("a program that fails: %v, want its status and its last words", err)
	}
	seen, _ = os.ReadFile(filepath.Join(dir, "seen"))
	want = "-c 6-7 " + dir + "/bin/drey run eight-schools --draws 500 --json --overwrite --out " + dir + "/run" +
		" --chains 4 --warmup 1000 --seed 0 --precision f64 GOMAXPROCS= XLA=\n"
	if string(seen) != want {
		t.Errorf("ran  %swant %s", seen, want)
	}
}

func TestMarkdown(t *testing.T) {
	r := &Results{Machine: Machine{CPU: "a CPU"}, Rounds: 2, Skipped: map[string]string{programNutpie: "no Python peers"}}
	for round := range 2 {
		r.Records = append(r.Records, recorded("radon", "drey", round, 0.5), recorded("radon", "numpyro", round, float64(10+round)))
	}
	cases, err := selectCases(plan(), []string{"radon"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, err := r.write(dir, cases)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| numpyro | 10.5 [10, 11] | – | – | – | 0 [0, 0] | – | 21× |",
		"| nutpie | – |",
		"| radon | µs per leapfrog | nutpie | 2.50× | – | not measured |",
		"skipped: nutpie (no Python peers)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in:\n%s", want, text)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "results.json")); err != nil {
		t.Error(err)
	}
}

func TestQuickKeepsTwoLengths(t *testing.T) {
	for _, c := range quick(plan()) {
		for _, tool := range c.Tools {
			if a, b := tool.Lengths[0], tool.Lengths[1]; !c.StartToSummary && !(0 < a && a < b) {
				t.Errorf("%s, %s: lengths %d and %d", c.Name, tool.Name, a, b)
			}
		}
	}
}
