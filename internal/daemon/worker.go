package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/drey-sampler/drey/internal/observe"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

// Validate returns an error that joins all problems.
func (c *WorkerConfig) Validate() error {
	var problems []error
	if c.NATS == "" {
		problems = append(problems, errors.New("daemon: --nats is missing: the URL of the cluster, nats://HOST:PORT"))
	} else {
		problems = append(problems, checkURL(c.NATS))
	}
	if c.Slots < 0 || c.Slots > worker.MaxSlots {
		problems = append(problems, fmt.Errorf("daemon: --slots %d: want 1 to %d", c.Slots, worker.MaxSlots))
	}
	if c.Batch < 0 || c.Batch > math.MaxInt32 {
		problems = append(problems, fmt.Errorf("daemon: --batch %d: want 1 or more", c.Batch))
	}
	if c.Credentials != nil && c.Credentials.Identity.Role != trust.Worker {
		problems = append(problems, fmt.Errorf("daemon: the credentials are those of a %s, not of a worker", c.Credentials.Identity.Role))
	}
	return errors.Join(problems...)
}

// RunWorker runs a worker until ctx ends or the cluster drains it, neither of which is an error; it has then handed over what it
// held.
func RunWorker(ctx context.Context, cfg WorkerConfig) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	var open parts
	defer func() { err = errors.Join(err, open.close()) }()
	name, err := trust.NewParty(cfg.Credentials, "worker")
	if err != nil {
		return err
	}
	metrics := observe.NewMetrics("worker", cfg.Version)
	events := observe.NewEvents(name, "program compiled")
	log := slog.New(events.Handler(metrics.Handler(cfg.Log.Handler()))).With("worker", string(name))
	var connected atomic.Bool
	ready := func() error {
		if !connected.Load() {
			return errors.New("the worker is not connected to the cluster yet")
		}
		return nil
	}
	if err := cfg.observe(&open, metrics, ready, log); err != nil {
		return err
	}
	engine, err := runner.OpenEngine(cfg.Engine)
	if err != nil {
		return err
	}
	_, lanes := runner.XLAPlatform(cfg.Engine)
	slots := cfg.Slots
	if slots == 0 {
		if slots = runtime.GOMAXPROCS(0); lanes {
			slots = 1
		}
	}
	t, err := insist(ctx, log.With("url", nats.Redacted(cfg.NATS)), func(ctx context.Context) (transport.Transport, error) {
		c := nats.Config{URL: cfg.NATS, Party: name}
		if cfg.Credentials != nil {
			c.TLS = cfg.Credentials.ClientTLS()
		}
		return nats.Connect(ctx, c)
	})
	if err != nil {
		return fmt.Errorf("daemon: the cluster at %s: %w", nats.Redacted(cfg.NATS), err)
	}
	if t == nil {
		return nil
	}
	open.add(t.Close)
	open.add(publish(events, t))
	connected.Store(true)
	cfg.announce(ctx, ready, nats.Redacted(cfg.NATS))
	host, err := os.Hostname()
	if err != nil {
		host = "" // only people read it
	}
	return worker.Run(ctx, metrics.Transport(t), worker.Config{
		Name: name, Host: host, Version: cfg.Version, Slots: slots, Width: cfg.Batch, Engine: engine, Lanes: lanes, Verify: cfg.verify(), Log: log,
	})
}

// publish publishes events until the function that it returns is called.
func publish(events *observe.Events, t transport.Transport) (end func() error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		events.Serve(ctx, t)
	}()
	return func() error {
		stop()
		<-ended
		return nil
	}
}
