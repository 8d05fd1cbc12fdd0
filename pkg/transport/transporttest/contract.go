// Package transporttest is the contract of transport.Transport as a test, which every transport passes.
package transporttest

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Connect returns a new connection to one bus, closed at the end of the test.
type Connect func(t *testing.T) transport.Transport

// Open makes a bus of its own for a test.
type Open func(t *testing.T, limits transport.Limits) Connect

// patience is how long a test waits for what must happen: it says that something hangs, not how fast it is.
const patience = 20 * time.Second

// moment is how long a test looks for what must not happen. A transport that is right passes however long it is.
const moment = 40 * time.Millisecond

// hour is an AckWait that no test lives to see.
const hour = time.Hour

// Limits are those of tests that say nothing about them.
func Limits() transport.Limits {
	l := transport.DefaultLimits()
	l.AckWait = hour
	return l
}

// Run checks that a transport without faults keeps the contract.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"queue/each to one", eachToOne},
		{"queue/in order", inOrder},
		{"queue/redelivered after AckWait", redelivered},
		{"queue/acknowledged is final", final},
		{"queue/retry", retried},
		{"queue/a closed subscription gives back", givenBack},
		{"queue/a closed connection gives back", connectionGivesBack},
		{"queue/pending is bounded", pendingBounded},
		{"queue/a full queue makes publishers wait", fullQueue},
		{"queue/full by bytes", fullByBytes},
		{"queue/the same ID twice", sameID},
		{"queue/many at once", manyAtOnce},
		{"history/from the start", fromTheStart},
		{"history/the oldest are dropped", oldestDropped},
		{"broadcast/to all of the moment", toAll},
		{"service/request and reply", requestReply},
		{"service/nobody answers", nobodyAnswers},
		{"service/one of several", oneOfSeveral},
		{"service/of each party", ofEachParty},
		{"service/no reply in time", noReply},
		{"service/failures travel", failuresTravel},
		{"objects", objects},
		{"invalid/messages", invalidMessages},
		{"invalid/filters", invalidFilters},
		{"payloads are copies", payloadsAreCopies},
		{"closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open) })
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// message returns an envelope of a queue that holds a number.
func message(n int) transport.Envelope {
	s := transport.Subject{Channel: transport.Draws, Run: "run", Pack: transport.PackID(n % 7), Party: "worker-1"}
	return transport.Envelope{Subject: s, ID: fmt.Sprintf("message %d", n), Payload: binary.LittleEndian.AppendUint64(nil, uint64(n))}
}

// number is the inverse of message.
func number(t *testing.T, r transport.Received) int {
	t.Helper()
	e := r.Envelope()
	if len(e.Payload) != 8 {
		t.Fatalf("a payload of %d bytes, want 8", len(e.Payload))
	}
	n := int(binary.LittleEndian.Uint64(e.Payload))
	if want := message(n).Subject; e.Subject != want {
		t.Fatalf("message %d came on %s, want %s", n, e.Subject, want)
	}
	return n
}

func publish(t *testing.T, c transport.Transport, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		must(t, c.Publish(within(t), message(n)))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want checks the kind of an error.
func want(t *testing.T, kind transport.Kind, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that is %s", kind)
	}
	if k := transport.KindOf(err); k != kind {
		t.Fatalf("%v: %s, want %s", err, k, kind)
	}
}

func subscribe(t *testing.T, c transport.Transport, f transport.Filter) transport.Subscription {
	t.Helper()
	s, err := c.Subscribe(within(t), f)
	must(t, err)
	return s
}

func draws(t *testing.T, c transport.Transport) transport.Subscription {
	t.Helper()
	return subscribe(t, c, transport.Filter{Channel: transport.Draws})
}

func next(t *testing.T, s transport.Subscription) transport.Received {
	t.Helper()
	r, err := s.Next(within(t))
	must(t, err)
	return r
}

// expect takes messages and checks their numbers and order.
func expect(t *testing.T, s transport.Subscription, numbers ...int) []transport.Received {
	t.Helper()
	var out []transport.Received
	for _, n := range numbers {
		r := next(t, s)
		if got := number(t, r); got != n {
			t.Fatalf("message %d, want %d", got, n)
		}
		out = append(out, r)
	}
	return out
}

// nothing checks that no message comes.
func nothing(t *testing.T, s transport.Subscription) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), moment)
	defer cancel()
	r, err := s.Next(ctx)
	if err == nil {
		t.Fatalf("a message on %s, want none", r.Envelope().Subject)
	}
	want(t, transport.Unavailable, err)
}

func acknowledge(t *testing.T, all ...transport.Received) {
	t.Helper()
	for _, r := range all {
		must(t, r.Ack(within(t)))
	}
}
