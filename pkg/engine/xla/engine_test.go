package xla_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// open returns XLA's engine with an empty cache, or skips the test for want of it.
func open(t testing.TB) engine.Engine {
	t.Helper()
	if err := xla.Built(); err != nil {
		require.Skip(t, "xla", err.Error())
	}
	if _, err := plugin.Find(require.Platform()); err != nil {
		require.Skip(t, "xla", err.Error())
	}
	e, err := xla.Open(require.Platform(), xla.Config{Programs: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestContract(t *testing.T) { enginetest.Run(t, open(t), enginetest.NoAllocation) }

func TestClose(t *testing.T) {
	n := 2
	if testing.Short() {
		n = 1
	}
	enginetest.Close(t, open(t), 1, n)
}

// TestTrigamma: XLA has no such function beyond its polygamma, which is wrong for what is small, large or infinite.
func TestTrigamma(t *testing.T) {
	x := []float64{math.Inf(1), math.Inf(-1), math.NaN(), 0, -3, -1e200, -1e9 - 0.25, -2.75, 1e-300, 1e-9, 0.25, 0.5, 1, 10, 1e5, 1 << 27, 1<<27 + 1, 1e12, 1e30}
	for _, d := range []tensor.DType{tensor.F64, tensor.F32} {
		in := tensor.ArrayOf(d, []int{len(x)}, x)
		f, err := tensor.Trace("trigamma", d, []tensor.Param{{Name: "x", DType: d, Shape: in.Shape}}, func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{v[0].Trigamma()}
		})
		if err != nil {
			t.Fatal(err)
		}
		if problem := enginetest.CloseTo(open(t), enginetest.Case{Func: f, Args: []*tensor.Array{in}}, 1); problem != "" {
			t.Error(problem)
		}
	}
}
