package chain_test

import (
	"math"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
)

// TestGradientSeconds: alone and in packs, on one thread and on more, there is a time; a limit ends the measurement with the time
// of a first call; data that are not the model's are an error.
func TestGradientSeconds(t *testing.T) {
	f := schoolsFixture(t, nil)
	for _, w := range [][2]int{{1, 1}, {1, 3}, {4, 1}, {3, 2}} {
		for _, limit := range []float64{0, math.Inf(1)} {
			got, err := chain.GradientSeconds(wasm.Engine{}, f.bundle, f.model.Columns, w[0], w[1], limit)
			if err != nil || !(got > 0) {
				t.Errorf("%d lanes, %d threads, limit %v: %v, %v", w[0], w[1], limit, got, err)
			}
		}
	}
	if _, err := chain.GradientSeconds(wasm.Engine{}, f.bundle, f.model.Columns[:1], 1, 1, 0); err == nil || !strings.Contains(err.Error(), "1 data columns for a program that takes 2") {
		t.Error(err)
	}
}
