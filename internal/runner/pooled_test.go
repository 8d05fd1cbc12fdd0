package runner_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
)

// together is a run of so many chains that they adapt together by default.
func together(seed uint64) runner.Config {
	cfg := short(seed)
	cfg.Chains, cfg.Warmup = 18, 450
	return cfg
}

// TestPooled: neither the number of workers nor the width of packs changes a draw of a pooled run; that it was one is recorded; and it has
// other draws than chains that adapt on their own.
func TestPooled(t *testing.T) {
	dir := run(t, together(5))
	want := digests(t, dir)
	for name, change := range map[string]func(*runner.Config){
		"one worker": func(c *runner.Config) { c.Workers = 1 }, "seven workers": func(c *runner.Config) { c.Workers = 7 },
		"packs of 5": func(c *runner.Config) { c.Batch = 5 }, "pooled": func(c *runner.Config) { c.Adapt = runner.AdaptPooled },
	} {
		cfg := together(5)
		change(&cfg)
		if got := digests(t, run(t, cfg)); got != want {
			t.Errorf("%s: digests %v, want %v", name, got, want)
		}
	}
	cfg := together(5)
	cfg.Adapt = runner.AdaptPerChain
	alone := run(t, cfg)
	if got := digests(t, alone); got[0] == want[0] || got[1] == want[1] {
		t.Error("chains that adapt on their own have the same draws")
	}
	for dir, want := range map[string]string{dir: runner.AdaptPooled, alone: runner.AdaptPerChain, run(t, short(5)): runner.AdaptPerChain} {
		if r, err := store.ReadRun(dir); err != nil || r.Settings.Adapt != want {
			t.Errorf("adaptation %q is recorded, want %q (%v)", r.Settings.Adapt, want, err)
		}
	}
	cfg.Adapt = "alone"
	if cfg.Validate() == nil {
		t.Error("an unknown adaptation is taken")
	}
}

// TestPooledResume: a pooled run that is interrupted again and again, in warmup too, and extended has the draws of one that never stopped.
func TestPooledResume(t *testing.T) {
	cfg := together(9)
	cfg.Draws, cfg.Thin, cfg.Batch = 400, 4, 4
	want := digests(t, run(t, cfg))
	cfg.Dir, cfg.Draws = filepath.Join(t.TempDir(), "run"), 300
	stop := errors.New("enough")
	warmup, sampling := 0, 0
	for {
		ctx, cancel := context.WithCancelCause(context.Background())
		events := func(p runner.Progress) {
			if p.Done {
				return
			}
			if p.Chains[0].Phase == runner.PhaseSampling {
				sampling++
			} else {
				warmup++
			}
			cancel(stop)
		}
		var r *runner.Result
		var err error
		if warmup+sampling == 0 {
			r, err = runner.Run(ctx, cfg, schoolsModel(t), events)
		} else {
			r, err = runner.Resume(ctx, cfg.Dir, schoolsModel(t), events)
		}
		cancel(nil)
		if r != nil {
			r.Draws.Close()
		}
		if err == nil {
			break
		}
		if !errors.Is(err, stop) || r == nil {
			t.Fatal(err)
		}
	}
	r, err := runner.Extend(context.Background(), cfg.Dir, 100, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Draws.Close()
	if got := digests(t, cfg.Dir); got != want || warmup+sampling == 0 {
		t.Errorf("after %d stops in warmup and %d in sampling: digests %v, want %v", warmup, sampling, got, want)
	}
	t.Logf("%d stops in warmup, %d in sampling", warmup, sampling)
}
