// Command gpureport reads the measurements that scripts/gpu-bench.sh made, one JSON object a line as bench/README.md defines
// it, on standard input, writes them with a description of the machine to one file and prints a section of Markdown. It
// fails where drey and NumPyro did not sample the same posterior.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// Measurement is what the report needs of one run.
type Measurement struct {
	Tool              string   `json:"tool"`
	Version           string   `json:"version"`
	Model             string   `json:"model"`
	Precision         string   `json:"precision"`
	Chains            int      `json:"chains"`
	MicrosPerLeapfrog *float64 `json:"us_per_leapfrog"`
	MinESSPerLeapfrog float64  `json:"min_ess_per_leapfrog"`
	MinESSPerSecond   *float64 `json:"min_ess_per_second"`
	PeakRSSMB         *float64 `json:"peak_rss_mb"`

	Posterior map[string]struct{ Mean, SD, ESS float64 } `json:"posterior"`
}

// setting is what both tools measure.
type setting struct {
	model, precision string
	chains           int
}

func (m *Measurement) setting() setting { return setting{m.Model, m.Precision, m.Chains} }

func main() {
	machine := flag.String("machine", "", "what the runs were made on")
	out := flag.String("out", "gpu.json", "the file of results")
	flag.Parse()
	text, err := report(os.Stdin, *machine, *out)
	fmt.Print(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gpureport:", err)
		os.Exit(1)
	}
}

// report writes the results to a file and returns them as Markdown. The error joins all disagreements.
func report(in io.Reader, machine, out string) (string, error) {
	var raw []json.RawMessage
	var all []Measurement
	for d := json.NewDecoder(in); ; {
		var line json.RawMessage
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return "", err
		}
		var m Measurement
		if err := json.Unmarshal(line, &m); err != nil {
			return "", err
		}
		raw, all = append(raw, line), append(all, m)
	}
	text, err := json.MarshalIndent(map[string]any{"machine": machine, "runs": raw}, "", " ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil {
		return "", err
	}
	return markdown(all, machine), disagreements(all)
}

// columns are the figures of the table.
var columns = []struct {
	name string
	of   func(m *Measurement) *float64
}{
	{"µs per leapfrog", func(m *Measurement) *float64 { return m.MicrosPerLeapfrog }},
	{"min-ESS per leapfrog", func(m *Measurement) *float64 { return &m.MinESSPerLeapfrog }},
	{"min-ESS per second", func(m *Measurement) *float64 { return m.MinESSPerSecond }},
	{"peak host memory, MB", func(m *Measurement) *float64 { return m.PeakRSSMB }},
}

// markdown returns a table with a row for each setting and tool, medians over the rounds, and the versions below.
func markdown(all []Measurement, machine string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## On a GPU\n\n%s. `scripts/gpu-bench.sh`; medians.\n\n| model | chains | precision | tool |", machine)
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", c.name)
	}
	b.WriteString("\n|---|---|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	var done []int
	for i := range all {
		same := func(m *Measurement) bool { return m.setting() == all[i].setting() && m.Tool == all[i].Tool }
		if slices.ContainsFunc(done, func(k int) bool { return same(&all[k]) }) {
			continue
		}
		done = append(done, i)
		m := all[i].setting()
		fmt.Fprintf(&b, "| %s | %d | %s | %s |", m.model, m.chains, m.precision, all[i].Tool)
		for _, c := range columns {
			var values []float64
			for k := range all {
				if x := c.of(&all[k]); same(&all[k]) && x != nil {
					values = append(values, *x)
				}
			}
			fmt.Fprintf(&b, " %s |", median(values))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for i, m := range all {
		if !slices.ContainsFunc(all[:i], func(o Measurement) bool { return o.Tool == m.Tool && o.Version == m.Version }) {
			fmt.Fprintf(&b, "%s: %s.\n", m.Tool, m.Version)
		}
	}
	return b.String()
}

// median prints that of values; "–" where nothing was measured.
func median(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	slices.Sort(values)
	n := len(values)
	return fmt.Sprintf("%.3g", (values[(n-1)/2]+values[n/2])/2)
}

// allowedErrors is how many standard errors of a difference two means may lie apart, as in bench/cmd/peers.
const allowedErrors = 6

// disagreements compares the posterior means of each measurement with those of the other tool.
func disagreements(all []Measurement) error {
	var problems []error
	for i, m := range all {
		for _, o := range all[:i] {
			if o.setting() != m.setting() || o.Tool == m.Tool {
				continue
			}
			for name, x := range m.Posterior {
				y, ok := o.Posterior[name]
				off := math.Abs(x.Mean-y.Mean) / math.Sqrt(x.SD*x.SD/x.ESS+y.SD*y.SD/y.ESS)
				if ok && !(off <= allowedErrors) {
					problems = append(problems, fmt.Errorf("%s, %d chains: the means of %s are %.3g standard errors apart: speeds of different posteriors do not compare", m.Model, m.Chains, name, off))
				}
			}
		}
	}
	return errors.Join(problems...)
}
