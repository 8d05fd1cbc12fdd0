package worker_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// wide is a model whose chains have large states.
func wide(c *model.Context, _ struct{}) { c.Plate("n", 1000).Sample("x", dist.Normal(0, 1)) }

// TestLargeStates: a worker that dies leaves packs whose states, all together, no message has room for: another one takes all of them.
func TestLargeStates(t *testing.T) {
	m, err := model.New("wide", tensor.F64, wide, nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(4)
	cfg := runner.DefaultConfig()
	cfg.Chains, cfg.Warmup, cfg.Draws, cfg.Batch, cfg.Seed, cfg.Engine = 6, 30, 10, 1, &seed, runner.EngineWasm
	alone, err := runner.Run(t.Context(), cfg, runner.Model{Model: m}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := elements(t, alone.Draws)
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
		work := func(ctx context.Context, name transport.PartyID, over transport.Transport) <-chan error {
			end := make(chan error, 1)
			go func() {
				end <- worker.Run(ctx, over, worker.Config{Name: name, Host: "here", Version: "test", Slots: cfg.Chains, Engine: engines, Log: slog.New(slog.DiscardHandler)})
			}()
			return end
		}
		first, stop := context.WithCancel(ctx)
		h := &hooked{Transport: bus.Connect()}
		var states, begun atomic.Int64
		h.publish = onBlock(func(b *transport.Block, next func() error) error {
			if b.Index > 0 {
				return errDead
			}
			err := next()
			states.Add(int64(b.Content.Size))
			if begun.Add(1) == int64(cfg.Chains) {
				h.kill()
				stop()
			}
			return err
		})
		if err := <-work(first, "first", h); err != nil {
			t.Error(err)
		}
		if n := states.Load(); n <= transport.MaxMessage {
			t.Errorf("the states have %d bytes: a message has room for them", n)
		}
		heir := work(ctx, "heir", bus.Connect())
		r.ended(run)
		end()
		for _, ended := range []<-chan error{heir, done} {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		r.has(run, want)
	})
}
