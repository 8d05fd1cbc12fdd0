package runner_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
)

// run makes a run in a new directory and returns the directory.
func run(t testing.TB, cfg runner.Config) string {
	t.Helper()
	cfg.Dir = filepath.Join(t.TempDir(), "run")
	r, err := runner.Run(context.Background(), cfg, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Draws.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg.Dir
}

// digests returns the digests of a run's draws of warmup and sampling.
func digests(t testing.TB, dir string) [2]string {
	t.Helper()
	r, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out [2]string
	for i, phase := range []store.Phase{store.Warmup, store.Sampling} {
		if out[i], err = r.Digest(phase); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func short(seed uint64) runner.Config {
	cfg := config(seed)
	cfg.Warmup, cfg.Draws, cfg.SaveWarmup = 150, 120, true
	return cfg
}

// column returns the draws of tau in a chain.
func column(t testing.TB, d runner.Draws, chain int) []float64 {
	t.Helper()
	a, err := d.Site("tau", store.Sampling)
	if err != nil {
		t.Fatal(err)
	}
	x, err := a.Element(0)
	if err != nil {
		t.Fatal(err)
	}
	return x[chain]
}

// TestBitsOfARun: neither the number of cores and workers nor where the draws go changes a draw.
func TestBitsOfARun(t *testing.T) {
	want := digests(t, run(t, short(5)))
	one := short(5)
	one.Workers = 1
	if got := digests(t, run(t, one)); got != want {
		t.Errorf("one worker: digests %v, want %v", got, want)
	}
	many := short(5)
	many.Workers = 7
	before := runtime.GOMAXPROCS(1)
	got := digests(t, run(t, many))
	runtime.GOMAXPROCS(before)
	if got != want {
		t.Errorf("GOMAXPROCS 1: digests %v, want %v", got, want)
	}
	if got := digests(t, run(t, short(6))); got[0] == want[0] || got[1] == want[1] {
		t.Error("another seed gives the same draws")
	}
}

// TestBatches: the width of packs changes no draw, in memory or on disk, also where the run is stopped and goes on; it is
// recorded.
func TestBatches(t *testing.T) {
	cfg := short(5)
	cfg.Chains = 5
	want := digests(t, run(t, cfg))
	cfg.Batch = 3
	dir := run(t, cfg)
	if got := digests(t, dir); got != want {
		t.Errorf("batches of 3: digests %v, want %v", got, want)
	}
	if r, err := store.ReadRun(dir); err != nil || r.Settings.Batch != 3 {
		t.Errorf("batches of %d are recorded (%v)", r.Settings.Batch, err)
	}
	cfg.Draws, cfg.Thin, cfg.Batch = 400, 20, 0
	whole := digests(t, run(t, cfg))
	cfg.Batch, cfg.Dir = 9, filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	r, err := runner.Run(ctx, cfg, schoolsModel(t), func(p runner.Progress) {
		if !p.Done && p.Chains[4].Transitions > 1000 {
			cancel()
		}
	})
	cancel()
	if r == nil || !errors.Is(err, context.Canceled) || r.State != store.Interrupted || r.Draws.Run().Settings.Batch != 5 {
		t.Fatalf("an interrupted batch: %v", err)
	}
	r.Draws.Close()
	if r, err = runner.Resume(context.Background(), cfg.Dir, schoolsModel(t), nil); err != nil {
		t.Fatal(err)
	}
	r.Draws.Close()
	if got := digests(t, cfg.Dir); got != whole {
		t.Errorf("a batch that was interrupted: digests %v, want %v", got, whole)
	}
}

// TestChainsAreIndependent: chain 0 of 2 is chain 0 of 4, in memory and on disk.
func TestChainsAreIndependent(t *testing.T) {
	draws := func(chains int, dir string) runner.Draws {
		cfg := short(5)
		cfg.Chains, cfg.Dir = chains, dir
		r, err := runner.Run(context.Background(), cfg, schoolsModel(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Draws.Close() })
		return r.Draws
	}
	two, four, disk := draws(2, ""), draws(4, ""), draws(4, t.TempDir())
	for c := range 4 {
		if c < 2 && !slices.Equal(column(t, two, c), column(t, four, c)) {
			t.Errorf("chain %d of 2 is not that of 4", c)
		}
		if !slices.Equal(column(t, disk, c), column(t, four, c)) {
			t.Errorf("chain %d on disk is not that in memory", c)
		}
	}
	if slices.Equal(column(t, four, 0), column(t, four, 1)) {
		t.Error("two chains have the same draws")
	}
}

// TestExtend: a run extended, twice, has the draws and the counts of one long run, thinned or not. Blocks are as long as the first
// part, whose multiples the others are.
func TestExtend(t *testing.T) {
	for _, thin := range []int{1, 3} {
		cfg := short(8)
		cfg.Thin = thin
		want := run(t, cfg)
		cfg.Draws = 30
		dir := run(t, cfg)
		for _, more := range []int{30, 60} {
			r, err := runner.Extend(context.Background(), dir, more, schoolsModel(t), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Draws.Close()
		}
		if got, want := digests(t, dir), digests(t, want); got != want {
			t.Errorf("thin %d: digests %v, want %v", thin, got, want)
		}
		a, err := store.ReadRun(dir)
		if err != nil {
			t.Fatal(err)
		}
		b, err := store.ReadRun(want)
		if err != nil {
			t.Fatal(err)
		}
		if a.Counts != b.Counts || a.Settings.Draws != 120 || a.State != store.Done {
			t.Errorf("thin %d: %+v with %d draws, want %+v", thin, a.Counts, a.Settings.Draws, b.Counts)
		}
	}
}

// TestCountsOfDraws: draws that were made and do not count, because the run ends within a block, are not in the counts, on disk, in
// memory, or in what a run that was killed tells.
func TestCountsOfDraws(t *testing.T) {
	counts := func(dir string) store.RunCounts {
		r, err := store.ReadRun(dir)
		if err != nil {
			t.Fatal(err)
		}
		return r.Counts
	}
	cfg := short(8)
	cfg.Draws = 50
	want := counts(run(t, cfg))
	cfg.Draws = 30
	dir := run(t, cfg)
	if counts(dir) == want {
		t.Fatal("30 draws have the counts of 50")
	}
	r, err := runner.Extend(context.Background(), dir, 20, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Draws.Close()
	if got := counts(dir); got != want {
		t.Errorf("extended: %+v, want %+v", got, want)
	}
	text, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`"state": "done"`), []byte(`"state": "running"`), 1)
	if err := os.WriteFile(filepath.Join(dir, "run.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := summarise(t, dir).Run.Counts; got != want {
		t.Errorf("killed: %+v, want %+v", got, want)
	}
}

// TestInterruptAndResume: a run that is interrupted a tenth of a second after its chains began to move, again and again, has
// the draws of one that was not.
func TestInterruptAndResume(t *testing.T) {
	cfg := short(9)
	cfg.Draws, cfg.Thin = 5000, 20
	want := run(t, cfg)
	cfg.Dir = filepath.Join(t.TempDir(), "run")
	stop := errors.New("enough")
	interrupted, kept := 0, int64(0)
	for {
		ctx, cancel := context.WithCancelCause(context.Background())
		events := func(p runner.Progress) {
			if !p.Done {
				cancel(stop)
			}
		}
		var r *runner.Result
		var err error
		if interrupted == 0 {
			r, err = runner.Run(ctx, cfg, schoolsModel(t), events)
		} else {
			r, err = runner.Resume(ctx, cfg.Dir, schoolsModel(t), events)
		}
		cancel(nil)
		have := int64(0)
		if r != nil {
			have = r.Draws.Run().Counts.WarmupLeapfrogs + r.Draws.Run().Counts.Leapfrogs
			r.Draws.Close()
		}
		if err == nil {
			break
		}
		if !errors.Is(err, stop) || r == nil || r.State != store.Interrupted {
			t.Fatal(err)
		}
		if have <= kept {
			t.Errorf("%d leapfrogs are kept, %d were before", have, kept)
		}
		kept = have
		interrupted++
	}
	if got, want := digests(t, cfg.Dir), digests(t, want); got != want || interrupted == 0 {
		t.Errorf("after %d interruptions: digests %v, want %v", interrupted, got, want)
	}
	a, err := store.ReadRun(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := store.ReadRun(want); err != nil || a.Counts != b.Counts {
		t.Errorf("after %d interruptions: %+v, want %+v (%v)", interrupted, a.Counts, b.Counts, err)
	}
	t.Logf("%d interruptions", interrupted)
}

// TestInterruptedBeforeItBegan: a run that is cancelled at once leaves a directory that goes on.
func TestInterruptedBeforeItBegan(t *testing.T) {
	cfg := short(9)
	want := run(t, cfg)
	cfg.Dir = filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := runner.Run(ctx, cfg, schoolsModel(t), nil)
	if !errors.Is(err, context.Canceled) || r == nil || r.Draws.Len(store.Sampling) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	r.Draws.Close()
	if r, err = runner.Resume(context.Background(), cfg.Dir, schoolsModel(t), nil); err != nil {
		t.Fatal(err)
	}
	r.Draws.Close()
	if got, want := digests(t, cfg.Dir), digests(t, want); got != want {
		t.Errorf("digests %v, want %v", got, want)
	}
}

// killed stops a run without its end: as a kill does, it leaves what was durable at some flush.
func killed(t *testing.T, dir string, keep func(name string) bool) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "killed")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !keep(e.Name()) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, e.Name()), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestResumeAfterKill: what a kill can leave is a directory that goes on to the same draws: nothing but run.json, a ledger for readers
// that is older than the blocks, or a log that lacks its end.
func TestResumeAfterKill(t *testing.T) {
	cfg := short(10)
	want := run(t, cfg)
	cfg.Draws = 60
	dir := run(t, cfg)
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ledger := read("ledger")
	if r, err := runner.Extend(context.Background(), dir, 60, schoolsModel(t), nil); err != nil {
		t.Fatal(err)
	} else {
		r.Draws.Close()
	}
	log := read("coordinator.log")
	bare := killed(t, want, func(name string) bool { return name == "run.json" || name == "data.arrow" })
	stale := killed(t, dir, func(name string) bool { return name != "ledger" })
	torn := killed(t, dir, func(name string) bool { return name != "ledger" && name != "coordinator.log" })
	for path, b := range map[string][]byte{
		filepath.Join(stale, "ledger"): ledger, filepath.Join(torn, "ledger"): ledger, filepath.Join(torn, "coordinator.log"): log[:len(log)-10],
	} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := summarise(t, stale).Draws; n != 60 {
		t.Errorf("%d draws by an earlier ledger", n)
	}
	for name, dir := range map[string]string{"bare": bare, "an earlier ledger": stale, "a log that lacks its end": torn} {
		r, err := runner.Resume(context.Background(), dir, schoolsModel(t), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r.Draws.Close()
		if got, want := digests(t, dir), digests(t, want); got != want {
			t.Errorf("%s: digests %v, want %v", name, got, want)
		}
	}
}

// TestNoLog: a directory with draws and without its coordinator's log, as drey pull and earlier versions leave it, is read and does
// not go on.
func TestNoLog(t *testing.T) {
	dir := killed(t, run(t, short(10)), func(name string) bool { return name != "coordinator.log" })
	if n := summarise(t, dir).Draws; n != 120 {
		t.Errorf("%d draws", n)
	}
	if _, err := runner.Extend(context.Background(), dir, 10, schoolsModel(t), nil); err == nil || !strings.Contains(err.Error(), "can't go on") {
		t.Errorf("extended without a log: %v", err)
	}
	if n := summarise(t, dir).Draws; n != 120 {
		t.Errorf("%d draws after it", n)
	}
}

func summarise(t *testing.T, dir string) *runner.Summary {
	t.Helper()
	d, err := runner.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := runner.Summarise(d, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRefusals: what can't be run, and what a run directory can't go on with, is said before anything is written.
func TestRefusals(t *testing.T) {
	m := schoolsModel(t)
	for name, c := range map[string]struct {
		change func(*runner.Config)
		want   string
	}{
		"chains":        {func(c *runner.Config) { c.Chains = 0 }, "0 chains"},
		"draws":         {func(c *runner.Config) { c.Draws = -1 }, "-1 draws"},
		"too many":      {func(c *runner.Config) { c.Draws, c.Thin = 1<<20, 1<<13 }, "32 bits"},
		"engine":        {func(c *runner.Config) { c.Engine = "steam" }, `"steam"`},
		"metric":        {func(c *runner.Config) { c.Metric = "round" }, `"round"`},
		"save":          {func(c *runner.Config) { c.Save = []string{"nu"} }, `"nu"`},
		"exclude":       {func(c *runner.Config) { c.Exclude = []string{"mu", "tau", "theta", "theta_base"} }, "no site is left"},
		"both":          {func(c *runner.Config) { c.Save, c.Exclude = []string{"mu"}, []string{"mu"} }, `"mu"`},
		"init value":    {func(c *runner.Config) { c.InitStrategy = "value" }, "--init"},
		"init strategy": {func(c *runner.Config) { c.InitStrategy = "anywhere" }, "anywhere"},
		"init text":     {func(c *runner.Config) { c.Init.Text = []byte("{") }, "init"},
		"init number":   {func(c *runner.Config) { c.Init = runner.Document{Text: []byte(`{"mu": "a"}`), Source: "i.json"} }, `i.json: site "mu"`},
		"init shape":    {func(c *runner.Config) { c.Init.Text = []byte(`{"theta": [1, 2]}`) }, "shape [2], want [8]"},
		"init ragged":   {func(c *runner.Config) { c.Init.Text = []byte(`{"theta": [[1], [2, 3]]}`) }, "row 1"},
		"init site":     {func(c *runner.Config) { c.Init.Text = []byte(`{"nu": 1}`) }, `"nu"`},
		"init list":     {func(c *runner.Config) { c.Init.Text = []byte(`[{}, {}, {}]`) }, "3 starts"},
		"mass text":     {func(c *runner.Config) { c.InverseMassMatrix.Text = []byte("[]") }, "inverse mass matrix"},
		"mass site":     {func(c *runner.Config) { c.InverseMassMatrix.Text = []byte(`{"theta": [1]}`) }, `"theta" is no latent site`},
		"mass size":     {func(c *runner.Config) { c.InverseMassMatrix.Text = []byte(`{"mu": [1, 2]}`) }, "2 variances, want 1"},
		"mass sign":     {func(c *runner.Config) { c.InverseMassMatrix.Text = []byte(`{"mu": [0]}`) }, "not positive"},
		"mass asymmetric": {func(c *runner.Config) {
			c.Metric = "unit"
			c.InverseMassMatrix.Text = []byte(`{"sites": ["mu", "tau"], "dense": [[1, 2], [3, 4]]}`)
		}, "not symmetric"},
		"mass for diag": {func(c *runner.Config) {
			c.InverseMassMatrix.Text = []byte(`{"sites": ["mu", "tau"], "dense": [[1, 0], [0, 4]]}`)
		}, "--metric diag-draws"},
		"mass indefinite": {func(c *runner.Config) {
			c.Metric = "dense"
			c.InverseMassMatrix.Text = []byte(`{"sites": ["mu", "theta_base"], "dense": [[1,0,0,0,0,0,0,0,0], [0,1,0,0,0,0,0,0,0], [0,0,1,0,0,0,0,0,0],
				[0,0,0,1,0,0,0,0,0], [0,0,0,0,1,0,0,0,0], [0,0,0,0,0,1,0,0,0], [0,0,0,0,0,0,1,0,0], [0,0,0,0,0,0,0,1,2], [0,0,0,0,0,0,0,2,4]]}`)
		}, "not positive definite"},
	} {
		cfg := short(1)
		c.change(&cfg)
		_, err := runner.Run(context.Background(), cfg, m, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %s", name, err, c.want)
		}
	}
	dir := run(t, short(1))
	if _, err := runner.Extend(context.Background(), dir, 0, m, nil); err == nil {
		t.Error("extended by nothing")
	}
	other := m
	other.Model = otherModel(t)
	if _, err := runner.Resume(context.Background(), dir, other, nil); err == nil || !strings.Contains(err.Error(), "the model has changed") {
		t.Errorf("resumed by another model: %v", err)
	}
	other.Model = otherData(t)
	if _, err := runner.Resume(context.Background(), dir, other, nil); err == nil || !strings.Contains(err.Error(), "the data differ") {
		t.Errorf("resumed with other data: %v", err)
	}
}

// TestInputs: starts and an inverse mass matrix are kept in the directory, and a resumed run has them.
func TestInputs(t *testing.T) {
	cfg := short(2)
	cfg.Chains, cfg.Metric = 2, "dense"
	cfg.Init = runner.Document{Text: []byte(`[{"mu": 1.5, "tau": 2}, {"mu": 3}]`), Source: "starts.json"}
	cfg.InverseMassMatrix = runner.Document{Text: []byte(`{"sites": ["tau", "mu"], "dense": [[2, 0.5], [0.5, 4]]}`), Source: "m.json"}
	want := run(t, cfg)
	bare := killed(t, want, func(name string) bool {
		return !strings.HasPrefix(name, "segment") && !strings.HasPrefix(name, "blocks") && name != "ledger" && name != "coordinator.log"
	})
	r, err := runner.Resume(context.Background(), bare, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Draws.Close()
	if digests(t, bare) != digests(t, want) {
		t.Error("a resumed run has other draws")
	}
	files := r.Draws.Run().Files
	if len(files) != 3 || files[1].Source != "starts.json" || files[2].Source != "m.json" {
		t.Errorf("inputs %+v", files)
	}
	cfg.Init.Text = []byte(`{"mu": 1.5}`)
	if digests(t, run(t, cfg)) == digests(t, want) {
		t.Error("other starts give the same draws")
	}
}

// TestProgress: events come in order, and the last one says that all is done.
func TestProgress(t *testing.T) {
	cfg := config(3)
	cfg.Draws, cfg.Thin, cfg.Kernel, cfg.TrajectoryLength = 4000, 100, chain.HMC, 2
	var n atomic.Int64
	var last runner.Progress
	r, err := runner.Run(context.Background(), cfg, schoolsModel(t), func(p runner.Progress) {
		n.Add(1)
		if p.Elapsed < last.Elapsed || last.Done {
			t.Errorf("event at %v after one at %v", p.Elapsed, last.Elapsed)
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Draws.Close()
	if !last.Done || len(last.Chains) != 4 {
		t.Fatalf("last event %+v", last)
	}
	for i, c := range last.Chains {
		if c.Phase != runner.PhaseDone || c.Draws != cfg.Draws || c.Transitions != c.AllDone || c.StepSize <= 0 || c.LeapfrogsPerDraw < 1 {
			t.Errorf("chain %d: %+v", i, c)
		}
	}
	if n.Load() < 2 {
		t.Errorf("%d events", n.Load())
	}
}
