package bench

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// A loop that left evaluations out would be the fastest of all: three turns end where three evaluations one by one do.
func TestGradientEvaluatesEachTurn(t *testing.T) {
	m, err := Model(model.F64, "radon")
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGradient(wasm.Engine{}, m, b)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	const turns = 3
	if err := g.Run(turns); err != nil {
		t.Fatal(err)
	}
	got := g.loop.Results()[0].Float64s()

	at := engine.ArrayOf(tensor.F64, b.LogDensity.In[0].Shape, g.start).Float64s()
	start := append([]float64(nil), at...)
	for range turns {
		in := [][]byte{engine.Bytes(tensor.ArrayOf(tensor.F64, []int{len(at)}, at))}
		for _, c := range m.Columns {
			in = append(in, c.Bytes)
		}
		out, err := chain.Evaluate(wasm.Engine{}, b.LogDensity, in)
		if err != nil {
			t.Fatal(err)
		}
		value := out[0].Float64s()[0]
		for i, d := range out[1].Float64s() {
			at[i] += (d + value) * nudge
		}
	}
	for i := range at {
		// The programs' sums may be ordered differently: a part in 1e9 of the step taken, and rounding of the position.
		step := at[i] - start[i]
		if math.Abs(got[i]-at[i]) > 1e-9*math.Abs(step)+4e-16*math.Abs(at[i]) || step == 0 {
			t.Fatalf("element %d is %v after %d turns, want %v, from %v", i, got[i], turns, at[i], start[i])
		}
	}
}
