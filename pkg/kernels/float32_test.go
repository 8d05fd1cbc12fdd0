package kernels_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestFloat32 samples in f32, from a start so far out that f32 weights would overflow.
func TestFloat32(t *testing.T) {
	d := normal(0.3, 2, 1)
	spec := kernels.Spec[kernels.Params, kernels.NUTSState, adapt.State]{
		Name: "f32", Kernel: kernels.DefaultNUTS(), Target: d, Float: tensor.F32, Env: noEnv, Capacity: 500,
	}
	s := newSampler(t, spec, adapt.DefaultAdaptation())
	var draws [3][][]float64
	for chain := range uint32(4) {
		rows, _ := s.draw(1, chain, []float64{40, -200, 100}, 500, 2000, 1)
		for i := range draws {
			c := make([]float64, len(rows))
			for j, r := range rows {
				c[j] = r[i]
			}
			draws[i] = append(draws[i], c)
		}
	}
	for i, sd := range []float64{0.3, 2, 1} {
		requireMoments(t, []string{"first", "second", "third"}[i], draws[i], 0, sd)
	}
}
