package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// line is a measurement of a tool with a posterior mean.
func line(tool string, micros, mean float64) string {
	return fmt.Sprintf(`{"tool": %q, "version": "1", "model": "eight-schools", "precision": "f64", "chains": 1000, "us_per_leapfrog": %g,
		"min_ess_per_leapfrog": 0.1, "min_ess_per_second": null, "peak_rss_mb": 12, "posterior": {"mu": {"mean": %g, "sd": 3, "ess": 900}}}`+"\n", tool, micros, mean)
}

func TestReport(t *testing.T) {
	out := filepath.Join(t.TempDir(), "gpu.json")
	in := line("drey", 3, 4.4) + line("numpyro", 8, 4.5) + line("drey", 1, 4.4) + line("drey", 2, 4.4)
	text, err := report(strings.NewReader(in), "a GPU", out)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"\na GPU. ", "| eight-schools | 1000 | f64 | drey | 2 | 0.1 | – | 12 |\n", "| eight-schools | 1000 | f64 | numpyro | 8 | 0.1 | – | 12 |\n", "\ndrey: 1.\n", "\nnumpyro: 1.\n"} {
		if strings.Count(text, row) != 1 {
			t.Errorf("no single %q in\n%s", row, text)
		}
	}
	written, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var results struct {
		Machine string
		Runs    []Measurement
	}
	if err := json.Unmarshal(written, &results); err != nil || results.Machine != "a GPU" || len(results.Runs) != 4 {
		t.Errorf("%v, %v", results, err)
	}
}

// TestDisagreement: means that are ten standard errors apart fail the report, which is written all the same.
func TestDisagreement(t *testing.T) {
	text, err := report(strings.NewReader(line("drey", 3, 4.4)+line("numpyro", 8, 5.9)), "a GPU", filepath.Join(t.TempDir(), "gpu.json"))
	if err == nil || !strings.Contains(err.Error(), "mu") || text == "" {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := report(strings.NewReader("{"), "", filepath.Join(t.TempDir(), "gpu.json")); err == nil {
		t.Error("half an object is a measurement")
	}
}
