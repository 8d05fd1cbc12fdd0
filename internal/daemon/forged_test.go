package daemon_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// TestForeignCodeIsRefused: a program that calls foreign code is refused at submission; where a coordinator does not look, the worker
// refuses it, the run fails with the reason, and another run goes on.
func TestForeignCodeIsRefused(t *testing.T) {
	if err := forgery(t, job.Check).submit(t, true); transport.KindOf(err) != transport.Refused || !strings.Contains(err.Error(), "custom call of run_anything") {
		t.Errorf("the coordinator says %v", err)
	}
	f := forgery(t, nil)
	if err := f.submit(t, true); err != nil {
		t.Fatal(err)
	}
	if s := f.ended(t); s.State != transport.Failed || !strings.Contains(s.Error, "custom call of run_anything") {
		t.Errorf("%s: %q", s.State, s.Error)
	}
	if err := f.submit(t, false); err != nil {
		t.Fatal(err)
	}
	if s := f.ended(t); s.State != transport.Complete {
		t.Errorf("a good run after it: %s: %q", s.State, s.Error)
	}
}

// forger is a client of a coordinator and a worker that it may send anything.
type forger struct {
	client *client.Client
	run    transport.RunID // the last that was submitted
}

// forgery returns a forger, and a coordinator that checks programs as it is told.
func forgery(t *testing.T, check func(context.Context, transport.Objects, *transport.Manifest) error) *forger {
	t.Helper()
	bus, err := memory.New(transport.DefaultLimits())
	must(t, err)
	j, err := coordinator.OpenJournal(t.TempDir())
	must(t, err)
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	s, err := sink.New(sink.Config{Figures: true, Path: func(id transport.RunID) string { return filepath.Join(dir, string(id)) }, Log: log})
	must(t, err)
	sh, err := shell.New(shell.Config{Name: "c", Machine: j, Transport: bus.Connect(), Sink: s, Adapter: runner.Adapter{}, Check: check, Log: log})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- sh.Alone(ctx) }()
	go func() {
		ended <- worker.Run(ctx, bus.Connect(), worker.Config{Name: "w", Version: "test", Slots: 1, Engine: wasm.Engine{}, Log: log})
	}()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
		must(t, <-ended)
		must(t, j.Close())
	})
	c, err := client.New(bus.Connect(), "client", nil)
	must(t, err)
	return &forger{client: c}
}

// submit submits a run of a small model, whose program may be forged: it is as any other, but for what it calls.
func (f *forger) submit(t *testing.T, forged bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := model.New("normal", tensor.F64, func(c *model.Context, _ struct{}) { c.Sample("x", dist.Normal(0, 1)) }, nil)
	must(t, err)
	cfg := runner.DefaultConfig()
	seed := uint64(1)
	cfg.Seed, cfg.Chains, cfg.Warmup, cfg.Draws = &seed, 1, 20, 20
	work, manifest, err := runner.Manifest(cfg, runner.Model{Model: m}, runner.DefaultTerms())
	must(t, err)
	must(t, work.Put(ctx, f.client.Put(), manifest))
	if forged {
		text, err := f.client.Put().Get(ctx, manifest.Program.Digest, int64(manifest.Program.Size))
		must(t, err)
		text = bytes.Replace(text, []byte("stablehlo.multiply "), []byte("stablehlo.custom_call @run_anything"), 1)
		manifest.Program.Digest, err = f.client.Put().Put(ctx, text)
		must(t, err)
		manifest.Program.Size = uint64(len(text))
	}
	f.run, err = f.client.Submit(ctx, manifest, "")
	return err
}

// ended waits until the run has, and returns how.
func (f *forger) ended(t *testing.T) *transport.RunStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := f.client.Watch(ctx, f.run, func(*transport.RunStatus) {})
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
