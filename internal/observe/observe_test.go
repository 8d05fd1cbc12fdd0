package observe_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/observe"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve serves metrics, and returns what gets a path.
func serve(t *testing.T, m *observe.Metrics, ready func() error, profiles bool) func(path string) (int, string) {
	s, err := observe.Serve(observe.Config{Listen: "127.0.0.1:0", Metrics: m, Ready: ready, Profiles: profiles, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return func(path string) (int, string) {
		r, err := http.Get("http://" + s.Addr() + path)
		must(t, err)
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		must(t, err)
		return r.StatusCode, string(text)
	}
}

func TestHealth(t *testing.T) {
	problem := errors.New("no leader is known")
	ready := func() error { return problem }
	get := serve(t, observe.NewMetrics("coordinator", "v0"), func() error { return ready() }, false)
	for _, c := range []struct {
		path   string
		status int
		text   string
	}{{"/healthz", 200, "ok"}, {"/readyz", 503, "no leader is known"}, {"/debug/pprof/", 404, ""}, {"/metrics", 200, `drey_info{daemon="coordinator",version="v0"} 1`}} {
		if status, text := get(c.path); status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %s", c.path, status, text)
		}
	}
	problem = nil
	if status, _ := get("/readyz"); status != 200 {
		t.Errorf("/readyz: %d once it is ready", status)
	}
	if status, _ := serve(t, observe.NewMetrics("worker", "v0"), ready, true)("/debug/pprof/cmdline"); status != 200 {
		t.Errorf("profiles: %d", status)
	}
}

func TestLinesAreCounted(t *testing.T) {
	m := observe.NewMetrics("coordinator", "v0")
	log := slog.New(m.Handler(slog.DiscardHandler)).With("run", "r").WithGroup("g")
	log.Info("lease expired", "pack", 3) // DiscardHandler is enabled for nothing, so that nothing counts
	_, text := serve(t, m, nil, false)("/metrics")
	if strings.Contains(text, "lease expired") {
		t.Error("a line that no one reads was counted")
	}
	m = observe.NewMetrics("coordinator", "v0")
	log = slog.New(m.Handler(slog.NewTextHandler(io.Discard, nil))).With("run", "r").WithGroup("g")
	log.Info("lease expired", "pack", 3)
	log.Info("lease expired", "pack", 4)
	_, text = serve(t, m, nil, false)("/metrics")
	if want := `drey_log_lines_total{event="lease expired",level="info"} 2`; !strings.Contains(text, want) {
		t.Errorf("no %s in\n%s", want, text)
	}
}

// TestMessagesAreMetrics: what a worker and a coordinator send becomes their metrics.
func TestMessagesAreMetrics(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	bus, err := memory.New(transport.DefaultLimits())
	must(t, err)
	worker, coordinator := observe.NewMetrics("worker", "v0"), observe.NewMetrics("coordinator", "v0")
	w, c := worker.Transport(bus.Connect()), coordinator.Transport(bus.Connect())
	beats, err := c.Subscribe(ctx, transport.Filter{Channel: transport.Heartbeats})
	must(t, err)
	must(t, transport.Send(ctx, w, &transport.Heartbeat{Worker: "w", LeapfrogRate: 1234, Busy: 0.5, Packs: []transport.PackProgress{
		{Lease: transport.LeaseRef{Run: "r"}, Uncommitted: 3}, {Lease: transport.LeaseRef{Run: "r", Pack: 1}, Uncommitted: 1},
	}}))
	_, err = beats.Next(ctx)
	must(t, err)
	_, err = transport.Ask[*transport.Done](ctx, w, &transport.Catchup{Command: transport.Command{Party: "w"}, Run: "r"})
	if transport.KindOf(err) != transport.Unavailable {
		t.Errorf("nobody serves: %v", err)
	}
	_, err = w.Objects(transport.Results).Put(ctx, []byte("x"))
	must(t, err)
	status := &transport.RunStatus{Run: "r", State: transport.Sampling, Committed: 500, Target: 4000, NestedRHat: 1.25, Parameters: []transport.ParameterStatus{
		{Name: "a", RHat: 1.5, ESS: 50}, {Name: "b", RHat: math.NaN(), ESS: math.NaN()}, {Name: "c", RHat: 1.01, ESS: 20},
	}}
	must(t, transport.Send(ctx, c, status))
	_, text := serve(t, worker, nil, false)("/metrics")
	for _, want := range []string{
		"drey_worker_leapfrogs_per_second 1234", "drey_worker_busy_ratio 0.5", "drey_worker_packs 2", "drey_worker_uncommitted_blocks 4",
		`drey_messages_total{channel="hb",direction="sent",outcome="ok"} 1`, `drey_messages_total{channel="ctl",direction="sent",outcome="unavailable"} 1`,
		`drey_request_seconds_count{verb="catchup"} 1`, `drey_objects_total{bucket="drey-results",direction="sent",outcome="ok"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("worker: no %s", want)
		}
	}
	get := serve(t, coordinator, nil, false)
	_, text = get("/metrics")
	for _, want := range []string{
		`drey_run_committed_draws{run="r"} 500`, `drey_run_target_draws{run="r"} 4000`, `drey_run_rhat{run="r"} 1.5`, `drey_run_ess{run="r"} 20`,
		`drey_run_nested_rhat{run="r"} 1.25`, `drey_messages_total{channel="hb",direction="received",outcome="ok"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("coordinator: no %s", want)
		}
	}
	status.State = transport.Complete
	must(t, transport.Send(ctx, c, status))
	if _, text = get("/metrics"); strings.Contains(text, `run="r"`) {
		t.Error("a run that has ended still has metrics")
	}
}
