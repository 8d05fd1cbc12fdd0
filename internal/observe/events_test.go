package observe_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/observe"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// TestEvents: a daemon's warnings about runs are lines of the runs' logs, as are lines that are named; all lines stay in its own log,
// as far as its level wants them.
func TestEvents(t *testing.T) {
	bus, err := memory.New(transport.DefaultLimits())
	must(t, err)
	sender, reader := bus.Connect(), bus.Connect()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lines, err := reader.Subscribe(ctx, transport.Filter{Channel: transport.Events, Run: "r1"})
	must(t, err)
	defer lines.Close()
	var own bytes.Buffer
	events := observe.NewEvents("w1", "program compiled")
	log := slog.New(events.Handler(slog.NewTextHandler(&own, &slog.HandlerOptions{Level: slog.LevelWarn}))).With("worker", "w1")
	run := transport.RunID("r1")
	log.Info("lease", "run", run)                  // the coordinator says that
	log.Warn("no packs")                           // of no run
	log.Warn("elsewhere", "run", "r2")             // of another
	log.WithGroup("g").Warn("nowhere", "run", run) // its run is g.run
	log.Info("program compiled", "run", run, "seconds", 1.5)
	log.With("run", run).Error("pack failed", "pack", 3, "reason", fmt.Errorf("NaN at %s", strings.Repeat("x", 4000)), "empty", "")
	go events.Serve(ctx, sender)
	var got []*transport.LogRecord
	for range 3 {
		r, err := lines.Next(ctx)
		must(t, err)
		m, err := transport.Open(r.Envelope())
		must(t, err)
		got = append(got, m.(*transport.LogRecord))
		if len(got) == 2 {
			log.Warn("last", "run", run)
		}
	}
	var text []string
	for _, m := range got {
		line := fmt.Sprintf("%s %d %s", m.Party, m.Level, m.Text)
		for _, a := range m.Attributes {
			line += fmt.Sprintf(" %s=%.12s", a.Key, a.Value)
		}
		text = append(text, line)
	}
	want := "w1 0 program compiled worker=w1 seconds=1.5\nw1 8 pack failed worker=w1 pack=3 reason=NaN at xxxxx\nw1 4 last worker=w1"
	if strings.Join(text, "\n") != want || got[0].Sequence >= got[1].Sequence {
		t.Errorf("published\n%s\nwant\n%s", strings.Join(text, "\n"), want)
	}
	if s := own.String(); strings.Contains(s, "compiled") || !strings.Contains(s, "no packs") || !strings.Contains(s, "pack failed") {
		t.Errorf("its own log has\n%s", s)
	}
}

// TestEventsAreBounded: of very many lines the first are published, and how many were left out.
func TestEventsAreBounded(t *testing.T) {
	bus, err := memory.New(transport.DefaultLimits())
	must(t, err)
	sender, reader := bus.Connect(), bus.Connect()
	lines, err := reader.Subscribe(t.Context(), transport.Filter{Channel: transport.Events, Run: "r"})
	must(t, err)
	defer lines.Close()
	events := observe.NewEvents("w")
	log := slog.New(events.Handler(slog.DiscardHandler))
	for range 1000 {
		log.Warn("again", "run", "r")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		events.Serve(ctx, sender)
	}()
	n := 0
	for {
		r, err := lines.Next(t.Context())
		must(t, err)
		m, err := transport.Open(r.Envelope())
		must(t, err)
		if n++; n == 1 {
			log.Warn("the last", "run", "r")
		}
		if x := m.(*transport.LogRecord); x.Text == "the last" {
			if len(x.Attributes) != 1 || x.Attributes[0].Key != "lines_left_out" || x.Attributes[0].Value != fmt.Sprint(1000-(n-1)) {
				t.Errorf("after %d lines: %v", n, x.Attributes)
			}
			break
		}
	}
	stop()
	<-ended
}
