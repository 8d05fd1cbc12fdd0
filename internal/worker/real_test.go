package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// real is the coordinator's shell over its journal, and the sink with its directory.
type real struct {
	t      *testing.T
	bus    *memory.Bus
	dir    string
	client transport.Transport
}

// coordinate runs a coordinator until ctx ends.
func (r *real) coordinate(ctx context.Context) error {
	j, err := coordinator.OpenJournal(r.dir)
	if err != nil {
		return err
	}
	defer j.Close()
	log := slog.New(slog.DiscardHandler)
	s, err := sink.New(sink.Config{Figures: true, Path: r.path, Files: store.Options{FS: shelltest.Unsynced{}}, Log: log})
	if err != nil {
		return err
	}
	sh, err := shell.New(shell.Config{Name: "coordinator", Machine: j, Transport: r.bus.Connect(), Sink: s, Adapter: runner.Adapter{}, Log: log})
	if err != nil {
		return err
	}
	return sh.Alone(ctx)
}

func (r *real) path(run transport.RunID) string { return filepath.Join(r.dir, string(run)) }

// submit submits a run and returns its name.
func (r *real) submit(cfg runner.Config, m runner.Model) transport.RunID {
	r.t.Helper()
	ctx := r.t.Context()
	j, manifest, err := runner.Manifest(cfg, m, runner.Terms{Lease: 2 * time.Second})
	if err != nil {
		r.t.Fatal(err)
	}
	inputs := r.client.Objects(transport.Inputs)
	if err := j.Put(ctx, inputs, manifest); err != nil {
		r.t.Fatal(err)
	}
	raw, err := transport.Encode(manifest)
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := transport.Pack(ctx, inputs, raw)
	if err != nil {
		r.t.Fatal(err)
	}
	reply, err := transport.Ask[*transport.Submitted](ctx, r.client, &transport.Submit{Command: transport.Command{Party: "client", Incarnation: 1, Sequence: 1}, Manifest: p})
	if err != nil {
		r.t.Fatal(err)
	}
	return reply.Run
}

// ended waits until a run is done.
func (r *real) ended(run transport.RunID) {
	r.t.Helper()
	for k := range uint64(6000) {
		s, err := transport.Ask[*transport.RunStatus](r.t.Context(), r.client, &transport.Status{Command: transport.Command{Party: "client", Incarnation: 1, Sequence: 2 + k}, Run: run})
		if err != nil || s.State == transport.Failed {
			r.t.Fatal(s, err)
		}
		if on, err := store.ReadRun(r.path(run)); s.State == transport.Complete && err == nil && on.State == store.Done {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.t.Fatal("the run has not ended in ten minutes")
}

// has checks that a run's directory has the draws of one without a cluster.
func (r *real) has(run transport.RunID, want map[string][][]float64) {
	r.t.Helper()
	draws, err := runner.Open(r.path(run))
	if err != nil {
		r.t.Fatal(err)
	}
	defer draws.Close()
	got := elements(r.t, draws)
	for name, x := range want {
		if !slices.EqualFunc(x, got[name], slices.Equal) {
			r.t.Errorf("%s: other draws than without a cluster", name)
		}
	}
}

// elements returns all draws of all sites of a run, and of the statistic energy.
func elements(t *testing.T, d runner.Draws) map[string][][]float64 {
	t.Helper()
	out := map[string][][]float64{}
	add := func(name string, a runner.Array, err error) {
		if err != nil {
			t.Fatal(err)
		}
		site := a.Site()
		for i := range site.Size() {
			x, err := a.Element(i)
			if err != nil {
				t.Fatal(err)
			}
			out[fmt.Sprint(name, i)] = x
		}
	}
	for _, s := range d.Run().Schema.Sites {
		a, err := d.Site(s.Name, store.Sampling)
		add(s.Name, a, err)
	}
	a, err := d.Stat("energy", store.Sampling)
	add("energy", a, err)
	return out
}

// TestCluster: coordinator, sink and one, two or five workers store the draws that a run without them makes, per chain and pooled,
// and where a worker dies.
func TestCluster(t *testing.T) {
	m, err := model.New("schools", tensor.F64, eightSchools, data)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(9)
	cfg := runner.DefaultConfig()
	cfg.Chains, cfg.Warmup, cfg.Draws, cfg.Batch, cfg.Seed, cfg.Thin, cfg.Engine = 5, 120, 70, 2, &seed, 2, runner.EngineWasm
	alone, err := runner.Run(t.Context(), cfg, runner.Model{Model: m}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := elements(t, alone.Draws)
	for _, c := range []struct {
		name    string
		workers int
		kill    bool
	}{{"1", 1, false}, {"2", 2, false}, {"5", 5, false}, {"kill", 2, true}} {
		if testing.Short() && !c.kill {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus, err := memory.New(transport.DefaultLimits())
				if err != nil {
					t.Fatal(err)
				}
				r := &real{t, bus, t.TempDir(), bus.Connect()}
				ctx, end := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- r.coordinate(ctx) }()
				synctest.Wait()
				run := r.submit(cfg, runner.Model{Model: m})
				life, finish := context.WithCancel(ctx)
				var waits []chan error
				for i := range c.workers {
					h := &hooked{Transport: bus.Connect()}
					mine, stop := context.WithCancel(life)
					defer stop()
					if c.kill && i == 0 {
						h.publish = onBlock(func(b *transport.Block, next func() error) error {
							if b.Index == 2 {
								h.kill()
								stop()
								return errDead
							}
							return next()
						})
					}
					wait := make(chan error, 1)
					go func() {
						wait <- worker.Run(mine, h, worker.Config{
							Name: transport.PartyID(fmt.Sprintf("w%d", i)), Host: "here", Version: "test", Slots: 1 + i%2, Engine: engines, Log: slog.New(slog.DiscardHandler),
						})
					}()
					waits = append(waits, wait)
				}
				r.ended(run)
				finish()
				for _, wait := range waits {
					if err := <-wait; err != nil {
						t.Error(err)
					}
				}
				end()
				if err := <-done; err != nil {
					t.Error(err)
				}
				r.has(run, want)
			})
		})
	}
}
