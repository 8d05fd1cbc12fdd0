package observe

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Events publish lines that a daemon logs about a run, so that who reads the run's log has them, whichever machine they were logged on.
// A daemon that logs more than can be published leaves lines out, and says how many.
type Events struct {
	party transport.PartyID
	also  []string // texts of lines that are no warnings
	queue chan *transport.LogRecord

	mu       sync.Mutex // guards the fields below
	sequence uint64
	lost     int
}

// Bounds of events.
const (
	queuedEvents = 64                    // lines that wait
	eventPause   = 50 * time.Millisecond // between lines: twenty a second, from however many packs
	longestText  = 1 << 10               // of a text or value, in bytes
)

// NewEvents returns events in the name of a party: warnings and errors, and lines of lesser levels that have one of some texts.
func NewEvents(party transport.PartyID, also ...string) *Events {
	return &Events{party: party, also: also, queue: make(chan *transport.LogRecord, queuedEvents)}
}

// Serve publishes lines until ctx ends. What can't be published is lost: it is in the daemon's own log.
func (e *Events) Serve(ctx context.Context, t transport.Transport) {
	for {
		var m *transport.LogRecord
		select {
		case m = <-e.queue:
		case <-ctx.Done():
			return
		}
		if err := transport.Send(ctx, t, m); err != nil {
			e.drop()
		}
		pause := time.NewTimer(eventPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}

// Handler returns a handler that hands records on, and has those published that are events of a run, which their attribute run names.
func (e *Events) Handler(next slog.Handler) slog.Handler {
	return &publishing{Handler: next, events: e}
}

type publishing struct {
	slog.Handler
	events *Events
	attrs  []slog.Attr
	inner  bool // within a group, whose attributes are not the record's
}

// Enabled reports true: what is published need not be what the daemon's own log has.
func (p *publishing) Enabled(context.Context, slog.Level) bool { return true }

func (p *publishing) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn || slices.Contains(p.events.also, r.Message) {
		p.events.take(r, p.attrs, p.inner)
	}
	if !p.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return p.Handler.Handle(ctx, r)
}

func (p *publishing) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *p
	out.Handler = p.Handler.WithAttrs(attrs)
	if !p.inner {
		out.attrs = append(p.attrs[:len(p.attrs):len(p.attrs)], attrs...)
	}
	return &out
}

func (p *publishing) WithGroup(name string) slog.Handler {
	out := *p
	out.Handler, out.inner = p.Handler.WithGroup(name), true
	return &out
}

// take puts a record of a run into the queue; inner says that the record's own attributes are those of a group.
func (e *Events) take(r slog.Record, more []slog.Attr, inner bool) {
	m := &transport.LogRecord{Party: e.party, Time: r.Time.UnixNano(), Level: int64(r.Level), Text: clip(r.Message)}
	add := func(a slog.Attr) bool {
		if value := a.Value.Resolve().String(); a.Key == "run" {
			m.Run = transport.RunID(value)
		} else if value != "" {
			m.Attributes = append(m.Attributes, transport.Attribute{Key: a.Key, Value: clip(value)})
		}
		return true
	}
	for _, a := range more {
		add(a)
	}
	if !inner {
		r.Attrs(add)
	}
	if !transport.IsToken(string(m.Run)) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sequence++
	m.Sequence = e.sequence
	if e.lost > 0 {
		m.Attributes = append(m.Attributes, transport.Attribute{Key: "lines_left_out", Value: strconv.Itoa(e.lost)})
	}
	select {
	case e.queue <- m:
		e.lost = 0
	default:
		e.lost++
	}
}

// drop notes that a line was lost.
func (e *Events) drop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost++
}

// clip returns the beginning of a text.
func clip(text string) string {
	if len(text) <= longestText {
		return text
	}
	return string([]rune(text)[:longestText/4]) + "…" // no rune has more than four bytes
}
