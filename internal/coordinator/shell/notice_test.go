package shell

import (
	"strings"
	"testing"
)

func TestNotice(t *testing.T) {
	wasm, gpu := `wasm drey-wasm-2 v1`, `xla:cuda 13 v1`
	for want, c := range map[string]candidates{
		"no worker is registered: start one":                {},
		"nothing is heard of any worker (3 are registered)": {silent: 3},
		`no worker has the engine xla: there are 2 of "wasm drey-wasm-2 v1"; start one with drey worker --engine xla`: {
			engine: "xla", there: map[string]int{wasm: 2}},
		`of the replay class of the one that began the run, "wasm drey-wasm-1 v0": there are 2 of "wasm drey-wasm-2 v1", 1 of "xla:cuda 13 v1"`: {
			class: "wasm drey-wasm-1 v0", there: map[string]int{wasm: 2, gpu: 1}},
		`class of the one that began the run, "xla:cuda 12 v1"`: {engine: "xla", class: "xla:cuda 12 v1", there: map[string]int{gpu: 1}},
		"1 workers take no packs of as many as 64 chains (their --batch), and no other suits": {
			width: 64, narrow: 1, there: map[string]int{wasm: 1}},
		"all workers that suit the run, 2, are busy": {there: map[string]int{wasm: 3}, suit: 2, busy: 2},
	} {
		if got := c.notice(); !strings.Contains(got, want) {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
	if got := (&candidates{there: map[string]int{wasm: 2}, suit: 2, busy: 1}).notice(); got != "" {
		t.Errorf("a worker is free: %q", got)
	}
}
