package daemon_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/daemon"
	"github.com/drey-sampler/drey/internal/trust"
)

func TestParsePeers(t *testing.T) {
	got, err := daemon.ParsePeers("a=host-a,b=10.0.0.2:5000,c=[::1]:7")
	want := []daemon.Peer{{ID: "a", Host: "host-a", Port: daemon.DefaultPeerPort}, {ID: "b", Host: "10.0.0.2", Port: 5000}, {ID: "c", Host: "::1", Port: 7}}
	if err != nil || len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := daemon.ParsePeers(""); err != nil || got != nil {
		t.Errorf("none: %v, %v", got, err)
	}
	for _, bad := range []string{"a", "a=", "=host", "a b=host", "a=h:0", "a=h:65535", "a=h:x", "a=h,a=g", "a=h,"} {
		if got, err := daemon.ParsePeers(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestValidate(t *testing.T) {
	good := daemon.CoordinatorConfig{Dir: "d", Listen: daemon.DefaultListen, ID: "a"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	three := []daemon.Peer{{ID: "a", Host: "h", Port: 1}, {ID: "b", Host: "i", Port: 1}, {ID: "c", Host: "j", Port: 1}}
	for want, change := range map[string]func(*daemon.CoordinatorConfig){
		"--dir is missing":        func(c *daemon.CoordinatorConfig) { c.Dir = "" },
		"--id":                    func(c *daemon.CoordinatorConfig) { c.ID = "a.b" },
		"--listen":                func(c *daemon.CoordinatorConfig) { c.Listen = "nowhere" },
		"want HOST:PORT":          func(c *daemon.CoordinatorConfig) { c.Listen = "nowhere:70000" },
		`--peers has no "x"`:      func(c *daemon.CoordinatorConfig) { c.ID, c.Peers = "x", three },
		"want 1 to 55 letters":    func(c *daemon.CoordinatorConfig) { c.ID = strings.Repeat("x", 56) },
		"not of a coordinator":    func(c *daemon.CoordinatorConfig) { c.Credentials = credentials(t, trust.Worker) },
		"those of a client, not ": func(c *daemon.CoordinatorConfig) { c.Credentials = credentials(t, trust.Client) },
	} {
		bad := good
		change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	worker := daemon.WorkerConfig{Slots: -1, Common: daemon.Common{Credentials: credentials(t, trust.Coordinator)}}
	for _, want := range []string{"--nats is missing", "--slots -1", "not of a worker"} {
		if err := worker.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func credentials(t *testing.T, role trust.Role) *trust.Credentials {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "certs")
	if err := trust.WriteTrial(dir, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	c, err := trust.Load(filepath.Join(dir, string(role)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDaemons: a coordinator becomes ready, says so by its health, answers, and has its directory for itself; a worker joins it; both end when they are told to, and
// the coordinator starts again from its disk.
func TestDaemons(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	for range 2 {
		observed, ready := &addresses{found: make(chan string, 1)}, make(chan string, 2)
		common := daemon.Common{Observe: "127.0.0.1:0", Log: slog.New(observed), Ready: func(url string) { ready <- url }}
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 2)
		go func() {
			ended <- daemon.RunCoordinator(running, daemon.CoordinatorConfig{Common: common, Dir: dir, Listen: "127.0.0.1:0", ID: "coordinator"})
		}()
		url := <-ready
		if text := get(t, <-observed.found+"/readyz"); text != "ok\n" {
			t.Errorf("a coordinator that is ready says %q", text)
		}
		second := daemon.CoordinatorConfig{Common: daemon.Common{Log: slog.New(slog.DiscardHandler)}, Dir: dir, Listen: "127.0.0.1:0", ID: "coordinator"}
		if err := daemon.RunCoordinator(running, second); err == nil || !strings.Contains(err.Error(), "is in use by another coordinator") {
			t.Errorf("a second coordinator in the same directory: %v", err)
		}
		go func() {
			ended <- daemon.RunWorker(running, daemon.WorkerConfig{Common: common, NATS: url, Engine: "wasm", Slots: 1})
		}()
		<-ready
		c, err := client.Dial(ctx, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for { // it registers after it is connected
			workers, err := c.Workers(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(workers) > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		stop()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Errorf("ended with %v", err)
		}
	}
}

// addresses notes where metrics and health are.
type addresses struct{ found chan string }

func (a *addresses) Enabled(context.Context, slog.Level) bool { return true }

func (a *addresses) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "metrics and health" {
		r.Attrs(func(x slog.Attr) bool {
			if x.Key == "at" {
				select {
				case a.found <- x.Value.String():
				default:
				}
			}
			return true
		})
	}
	return nil
}

func (a *addresses) WithAttrs([]slog.Attr) slog.Handler { return a }

func (a *addresses) WithGroup(string) slog.Handler { return a }

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
