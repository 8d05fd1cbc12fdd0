package kernels_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestRows has the table of NumPyro's _leaf_idx_to_ckpt_idxs.
func TestRows(t *testing.T) {
	want := [][2]int{{1, 0}, {0, 0}, {2, 1}, {0, 1}, {2, 1}, {1, 1}, {3, 2}, {0, 2}, {2, 1}, {1, 1}, {3, 2}, {1, 2}, {3, 2}, {2, 2}, {4, 3}, {0, 3}}
	f := traceFunc(t, []*tensor.Array{i32(0)}, func(v []tensor.Value) []tensor.Value {
		low, high := kernels.Rows(v[0])
		return []tensor.Value{low, high}
	})
	for n, w := range want {
		out := runFunc(t, f, []*tensor.Array{i32(int32(n))})
		if low, high := int(out[0].Float64s()[0]), int(out[1].Float64s()[0]); low != w[0] || high != w[1] {
			t.Errorf("leaf %d: rows %d … %d, want %d … %d", n, low, high, w[0], w[1])
		}
	}
}
