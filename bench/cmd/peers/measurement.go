package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Measurement is the JSON object that each tool's program prints: bench/README.md defines the keys. A pointer is nil where
// the program printed null, because its run does not measure that.
type Measurement struct {
	Tool        string    `json:"tool"`
	Version     string    `json:"version"`
	Model       string    `json:"model"`
	Precision   string    `json:"precision"`
	Chains      int       `json:"chains"`
	Warmup      int       `json:"warmup"`
	Seed        int       `json:"seed"`
	Lengths     []int     `json:"lengths"`
	Leapfrogs   []int64   `json:"leapfrogs"`
	Seconds     []float64 `json:"seconds"`
	Divergences int       `json:"divergences"`

	MicrosPerLeapfrog *float64 `json:"us_per_leapfrog"`
	GradientMicros    *float64 `json:"gradient_us"`
	MinESSBulk        *float64 `json:"min_ess_bulk"`
	MinESSPerLeapfrog *float64 `json:"min_ess_per_leapfrog"`
	MinESSPerSecond   *float64 `json:"min_ess_per_second"`
	SecondsTotal      *float64 `json:"seconds_total"`
	CompileSeconds    *float64 `json:"compile_seconds"`
	PeakRSSMB         *float64 `json:"peak_rss_mb"`

	Posterior map[string]Estimate `json:"posterior"`
}

// Estimate is a parameter's posterior mean and standard deviation, and the bulk ESS that the mean's error follows from.
type Estimate struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
	ESS  float64 `json:"ess"`
}

// parseMeasurement reads a program's standard output and checks that it measured what the case wants.
func parseMeasurement(stdout []byte, startToSummary bool) (Measurement, error) {
	var m Measurement
	if err := json.Unmarshal(bytes.TrimSpace(stdout), &m); err != nil {
		return m, fmt.Errorf("its output is not one JSON object: %w", err)
	}
	problems := []error{positive("min_ess_bulk", m.MinESSBulk), positive("min_ess_per_leapfrog", m.MinESSPerLeapfrog)}
	if startToSummary {
		problems = append(problems, positive("seconds_total", m.SecondsTotal))
	} else {
		problems = append(problems, positive("us_per_leapfrog", m.MicrosPerLeapfrog), positive("min_ess_per_second", m.MinESSPerSecond))
	}
	return m, errors.Join(append(problems, checkPosterior(m.Posterior))...)
}

func positive(name string, value *float64) error {
	switch {
	case value == nil:
		return fmt.Errorf("%s is missing", name)
	case !(*value > 0):
		return fmt.Errorf("%s is %v, not positive: if it is a time, the machine is too busy to subtract two runs", name, *value)
	}
	return nil
}

// checkPosterior refuses a posterior that the comparison of the tools could not use.
func checkPosterior(posterior map[string]Estimate) error {
	if len(posterior) == 0 {
		return errors.New("it printed no parameters")
	}
	for name, e := range posterior {
		if !(e.SD > 0 && e.ESS > 0) {
			return fmt.Errorf("the sd or the ESS of %s is missing or not positive", name)
		}
	}
	return nil
}

// commandOutput is what `drey run --json` prints, as far as a measurement needs it.
type commandOutput struct {
	Model       string `json:"model"`
	Precision   string `json:"precision"`
	Chains      int    `json:"chains"`
	Warmup      int    `json:"warmup"`
	Draws       int    `json:"draws"`
	Seed        int    `json:"seed"`
	Divergences int    `json:"divergences"`
	Leapfrogs   int64  `json:"leapfrogs"`
	Parameters  map[string]struct {
		Mean *float64 `json:"mean"`
		SD   *float64 `json:"sd"`
		ESS  *float64 `json:"ess_bulk"`
	} `json:"parameters"`
}

// parseCommand turns the output of `drey run --json`, a run of seconds from process start to exit, into a measurement.
func parseCommand(stdout []byte, seconds float64) (Measurement, error) {
	var out commandOutput
	if err := json.Unmarshal(bytes.TrimSpace(stdout), &out); err != nil {
		return Measurement{}, fmt.Errorf("its output is not one JSON object: %w", err)
	}
	m := Measurement{
		Tool: "drey", Model: out.Model, Precision: out.Precision, Chains: out.Chains, Warmup: out.Warmup, Seed: out.Seed,
		Lengths: []int{out.Draws}, Leapfrogs: []int64{out.Leapfrogs}, Seconds: []float64{seconds},
		Divergences: out.Divergences, SecondsTotal: &seconds, Posterior: map[string]Estimate{},
	}
	least := math.Inf(1)
	for name, p := range out.Parameters {
		if p.Mean == nil || p.SD == nil || p.ESS == nil {
			return m, fmt.Errorf("parameter %s has no finite mean, sd or ess_bulk", name)
		}
		m.Posterior[name] = Estimate{Mean: *p.Mean, SD: *p.SD, ESS: *p.ESS}
		least = math.Min(least, *p.ESS)
	}
	if out.Leapfrogs <= 0 {
		return m, errors.New("it printed no leapfrogs")
	}
	if err := checkPosterior(m.Posterior); err != nil {
		return m, err
	}
	perLeapfrog := least / float64(out.Leapfrogs)
	m.MinESSBulk, m.MinESSPerLeapfrog = &least, &perLeapfrog
	return m, nil
}
