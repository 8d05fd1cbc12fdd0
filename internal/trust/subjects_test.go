package trust_test

import (
	"bytes"
	"testing"

	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
)

// TestWorkerIsOnlyItself: a worker does what workers do, publishes as nobody else, asks for nothing that is a client's, and
// writes no object of another role. What is refused disturbs nothing.
func TestWorkerIsOnlyItself(t *testing.T) {
	c := open(t)
	w, err := c.dial(t, load(t, c.dir, trust.Worker).ClientTLS(), "worker-1")
	must(t, err)
	coordinator, err := c.dial(t, load(t, c.dir, trust.Coordinator).ClientTLS(), "coordinator")
	must(t, err)
	serve(t, coordinator)
	allowed := []transport.Subject{
		{Channel: transport.Draws, Run: "r", Party: "worker-1"}, {Channel: transport.Statistics, Run: "r", Pack: 3, Party: "worker-1"},
		{Channel: transport.Events, Run: "r", Party: "worker-1"}, {Channel: transport.Heartbeats, Party: "worker-1"},
	}
	for _, s := range allowed {
		must(t, w.Publish(soon(t), transport.Envelope{Subject: s, Payload: []byte{1}}))
	}
	for _, s := range allowed[:3] {
		s.Party = "worker-2"
		refused(t, s, w.Publish(soon(t), transport.Envelope{Subject: s, Payload: []byte{1}}))
	}
	ask := func(verb string, party transport.PartyID) error {
		_, err := w.Request(soon(t), transport.Envelope{Subject: transport.Subject{Channel: transport.Control, Verb: verb, Party: party}})
		return err
	}
	must(t, ask("lease", "worker-1"))
	for _, verb := range []string{"submit", "stop", "commit", "drainworker", "join"} {
		refused(t, transport.Subject{Verb: verb}, ask(verb, "worker-1"))
	}
	refused(t, transport.Subject{Verb: "lease"}, ask("lease", "worker-2"))
	_, err = w.Request(soon(t), transport.Envelope{Subject: transport.Subject{Channel: transport.Copies, Verb: "fetch", Party: "coordinator"}})
	refused(t, transport.Subject{Verb: "fetch"}, err)
	c.await(t, "Publish Violation")
	big := bytes.Repeat([]byte{7}, 400_000)
	name, err := coordinator.Objects(transport.Inputs).Put(soon(t), big)
	must(t, err)
	got, err := w.Objects(transport.Inputs).Get(soon(t), name, 1<<20)
	if err != nil || !bytes.Equal(got, big) {
		t.Errorf("a program: %d bytes, %v", len(got), err)
	}
	_, err = w.Objects(transport.Results).Put(soon(t), big)
	must(t, err)
	must(t, w.Publish(soon(t), transport.Envelope{Subject: allowed[0], Payload: []byte{2}}))
}

// serve replies to all requests.
func serve(t *testing.T, c transport.Transport) {
	requests, err := c.Subscribe(soon(t), transport.Filter{Channel: transport.Control})
	must(t, err)
	go func() {
		for {
			r, err := requests.Next(t.Context())
			if err != nil {
				return
			}
			_ = transport.Answer(t.Context(), r, &transport.Done{}, nil)
		}
	}()
}

func refused(t *testing.T, s transport.Subject, err error) {
	t.Helper()
	if transport.KindOf(err) != transport.Refused || err == nil {
		t.Errorf("%s: %v, want an error that is refused", s, err)
	}
}

// TestClient: a client submits, watches and reads logs, and makes no draws.
func TestClient(t *testing.T) {
	c := open(t)
	client, err := c.dial(t, load(t, c.dir, trust.Client).ClientTLS(), "client-7")
	must(t, err)
	coordinator, err := c.dial(t, load(t, c.dir, trust.Coordinator).ClientTLS(), "coordinator-1")
	must(t, err)
	serve(t, coordinator)
	_, err = client.Request(soon(t), transport.Envelope{Subject: transport.Subject{Channel: transport.Control, Verb: "submit", Party: "client-7"}})
	must(t, err)
	_, err = client.Objects(transport.Inputs).Put(soon(t), []byte("program"))
	must(t, err)
	live, err := client.Subscribe(soon(t), transport.Filter{Channel: transport.Progress, Run: "r"})
	must(t, err)
	must(t, coordinator.Publish(soon(t), transport.Envelope{Subject: transport.Subject{Channel: transport.Progress, Run: "r"}, Payload: []byte{5}}))
	_, err = live.Next(soon(t))
	must(t, err)
	must(t, coordinator.Publish(soon(t), transport.Envelope{Subject: transport.Subject{Channel: transport.Events, Run: "r", Party: "coordinator-1"}, Payload: []byte{6}}))
	logs, err := client.Subscribe(soon(t), transport.Filter{Channel: transport.Events, Run: "r"})
	must(t, err)
	line, err := logs.Next(soon(t))
	if err != nil || line.Envelope().Payload[0] != 6 {
		t.Errorf("the log: %v, %v", line, err)
	}
	draws := transport.Subject{Channel: transport.Draws, Run: "r", Party: "client-7"}
	refused(t, draws, client.Publish(soon(t), transport.Envelope{Subject: draws, Payload: []byte{1}}))
	_, err = client.Request(soon(t), transport.Envelope{Subject: transport.Subject{Channel: transport.Control, Verb: "lease", Party: "client-7"}})
	refused(t, transport.Subject{Verb: "lease"}, err)
}
