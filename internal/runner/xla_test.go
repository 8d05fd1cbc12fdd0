package runner_test

import (
	"context"
	"testing"

	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
	"github.com/drey-sampler/drey/pkg/store"
)

// TestXLAPack compares 64 chains that XLA runs at once with the exact posterior, in one pack and, narrower packs beside it, in
// more; nothing is lost, then or when the run is extended.
func TestXLAPack(t *testing.T) {
	if err := xla.Built(); err != nil {
		require.Skip(t, "xla", err.Error())
	}
	if _, err := plugin.Find("cpu"); err != nil {
		require.Skip(t, "xla", err.Error())
	}
	cfg := config(20260102)
	cfg.Chains, cfg.Warmup, cfg.Draws, cfg.Engine = 64, 300, 250, "xla:cpu"
	for _, batch := range []int{0, 25} {
		cfg.Batch, cfg.Dir, cfg.Save = batch, t.TempDir(), everySite()
		r, err := runner.Run(context.Background(), cfg, schoolsModel(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		compareWithExact(t, cfg, r)
		want := batch
		if batch == 0 {
			want = 64
		}
		if run := r.Draws.Run(); run.Settings.Batch != want || run.Counts.Leapfrogs < int64(2*cfg.Chains*cfg.Draws) || r.Draws.Notice(store.Sampling) != "" {
			t.Errorf("batches of %d, %+v, %q", run.Settings.Batch, run.Counts, r.Draws.Notice(store.Sampling))
		}
		if err := r.Draws.Close(); err != nil {
			t.Error(err)
		}
	}
	r, err := runner.Extend(context.Background(), cfg.Dir, 7, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Draws.Len(store.Sampling); n != 257 || r.Draws.Run().Settings.Batch != 25 {
		t.Errorf("extended to %d draws, in batches of %d", n, r.Draws.Run().Settings.Batch)
	}
	if err := r.Draws.Close(); err != nil {
		t.Error(err)
	}
}
