package transporttest

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/transport"
)

func event(run transport.RunID, party transport.PartyID, payload string) transport.Envelope {
	s := transport.Subject{Channel: transport.Events, Run: run, Party: party}
	return transport.Envelope{Subject: s, Payload: []byte(payload)}
}

// expectTexts takes messages and checks their payloads.
func expectTexts(t *testing.T, s transport.Subscription, texts ...string) {
	t.Helper()
	for _, text := range texts {
		r := next(t, s)
		if got := string(r.Envelope().Payload); got != text {
			t.Fatalf("received %q, want %q", got, text)
		}
		acknowledge(t, r)
		want(t, transport.Invalid, r.Reply(within(t), nil))
	}
}

func fromTheStart(t *testing.T, open Open) {
	connect := open(t, Limits())
	publisher, reader := connect(t), connect(t)
	for _, e := range []transport.Envelope{event("a", "w1", "1"), event("b", "w1", "2"), event("a", "w2", "3")} {
		must(t, publisher.Publish(within(t), e))
	}
	of := func(run transport.RunID, party transport.PartyID) transport.Subscription {
		return subscribe(t, reader, transport.Filter{Channel: transport.Events, Run: run, Party: party})
	}
	all, ofA, ofW1, again := of("", ""), of("a", ""), of("", "w1"), of("a", "")
	must(t, publisher.Publish(within(t), event("a", "w1", "4")))
	expectTexts(t, all, "1", "2", "3", "4")
	expectTexts(t, ofA, "1", "3", "4")
	expectTexts(t, ofW1, "1", "2", "4")
	expectTexts(t, again, "1", "3", "4")
	nothing(t, ofA)
}

func oldestDropped(t *testing.T, open Open) {
	limits := Limits()
	limits.HistoryBytes = 2 * transport.MaxMessage
	connect := open(t, limits)
	publisher := connect(t)
	for n := range 6 {
		must(t, publisher.Publish(within(t), event("a", "w", strings.Repeat(strconv.Itoa(n), transport.MaxMessage/2))))
	}
	s := subscribe(t, connect(t), transport.Filter{Channel: transport.Events})
	if first := next(t, s).Envelope().Payload[0]; first == '0' {
		t.Fatal("a history of six half messages has the first though only four have room")
	}
	for {
		if last := next(t, s).Envelope().Payload[0]; last == '5' {
			break
		}
	}
}

func toAll(t *testing.T, open Open) {
	connect := open(t, Limits())
	publisher, reader := connect(t), connect(t)
	heartbeat := func(party transport.PartyID, text string) transport.Envelope {
		return transport.Envelope{Subject: transport.Subject{Channel: transport.Heartbeats, Party: party}, Payload: []byte(text)}
	}
	a := subscribe(t, reader, transport.Filter{Channel: transport.Heartbeats})
	b := subscribe(t, connect(t), transport.Filter{Channel: transport.Heartbeats})
	ofW1 := subscribe(t, reader, transport.Filter{Channel: transport.Heartbeats, Party: "w1"})
	must(t, publisher.Publish(within(t), heartbeat("w2", "1")))
	must(t, publisher.Publish(within(t), heartbeat("w1", "2")))
	expectTexts(t, a, "1", "2")
	expectTexts(t, b, "1", "2")
	expectTexts(t, ofW1, "2")
	nothing(t, ofW1)
}

func request(verb, payload string) transport.Envelope {
	s := transport.Subject{Channel: transport.Control, Verb: verb, Party: "worker-1"}
	return transport.Envelope{Subject: s, Payload: []byte(payload)}
}

// echo serves until the test ends: the reply is the payload twice.
func echo(t *testing.T, c transport.Transport, served func()) {
	s := subscribe(t, c, transport.Filter{Channel: transport.Control})
	go func() {
		for {
			r, err := s.Next(t.Context())
			if err != nil {
				return
			}
			served()
			p := r.Envelope().Payload
			if err := r.Reply(t.Context(), append(bytes.Clone(p), p...)); err != nil && t.Context().Err() == nil {
				t.Error(err)
			}
		}
	}()
}

func requestReply(t *testing.T, open Open) {
	connect := open(t, Limits())
	echo(t, connect(t), func() {})
	c := connect(t)
	for _, text := range []string{"one", "", strings.Repeat("x", transport.MaxMessage/2)} {
		reply, err := c.Request(within(t), request("lease", text))
		must(t, err)
		if string(reply) != text+text {
			t.Fatalf("a reply of %d bytes to %d", len(reply), len(text))
		}
	}
}

func nobodyAnswers(t *testing.T, open Open) {
	connect := open(t, Limits())
	c := connect(t)
	_, err := c.Request(within(t), request("lease", ""))
	want(t, transport.Unavailable, err)
	s := subscribe(t, c, transport.Filter{Channel: transport.Control})
	must(t, s.Close())
	_, err = c.Request(within(t), request("lease", ""))
	want(t, transport.Unavailable, err)
}

func oneOfSeveral(t *testing.T, open Open) {
	const requests = 40
	connect := open(t, Limits())
	served := make(chan struct{}, 2*requests)
	for range 3 {
		echo(t, connect(t), func() { served <- struct{}{} })
	}
	c := connect(t)
	for range requests {
		_, err := c.Request(within(t), request("lease", "x"))
		must(t, err)
	}
	if len(served) != requests {
		t.Fatalf("%d requests were served %d times", requests, len(served))
	}
}

// ofEachParty: of a service that is addressed each party gets its own requests, and nobody those of one that is not there.
func ofEachParty(t *testing.T, open Open) {
	connect := open(t, Limits())
	c := connect(t)
	copies := func(party transport.PartyID) transport.Envelope {
		return transport.Envelope{Subject: transport.Subject{Channel: transport.Copies, Verb: "fetch", Party: party}, Payload: []byte(party)}
	}
	for _, party := range []transport.PartyID{"c1", "c2"} {
		s := subscribe(t, connect(t), transport.Filter{Channel: transport.Copies, Party: party})
		go func() {
			for {
				r, err := s.Next(t.Context())
				if err != nil {
					return
				}
				if err := r.Reply(t.Context(), []byte(string(party)+" for "+string(r.Envelope().Payload))); err != nil && t.Context().Err() == nil {
					t.Error(err)
				}
			}
		}()
	}
	for _, party := range []transport.PartyID{"c1", "c2", "c1", "c2"} {
		reply, err := c.Request(within(t), copies(party))
		must(t, err)
		if want := string(party + " for " + party); string(reply) != want {
			t.Fatalf("%q, want %q", reply, want)
		}
	}
	_, err := c.Request(within(t), copies("c3"))
	want(t, transport.Unavailable, err)
}

func noReply(t *testing.T, open Open) {
	connect := open(t, Limits())
	s, c := subscribe(t, connect(t), transport.Filter{Channel: transport.Control}), connect(t)
	ctx, cancel := context.WithCancel(within(t))
	taken := make(chan transport.Received, 1)
	go func() {
		r, err := s.Next(t.Context())
		if err != nil {
			t.Error(err)
		}
		taken <- r
		cancel() // the one who asks has no more time
	}()
	_, err := c.Request(ctx, request("lease", ""))
	want(t, transport.Unavailable, err)
	late := <-taken
	must(t, late.Reply(within(t), []byte("nobody waits for this")))
	must(t, late.Ack(within(t)))
	must(t, late.Retry(within(t)))
	want(t, transport.Invalid, late.Reply(within(t), make([]byte, transport.MaxMessage+1)))
}

func failuresTravel(t *testing.T, open Open) {
	connect := open(t, Limits())
	s, c := subscribe(t, connect(t), transport.Filter{Channel: transport.Control}), connect(t)
	go func() {
		r, err := s.Next(t.Context())
		if err == nil {
			_, err = transport.Open(r.Envelope())
		}
		if err != nil {
			t.Error(err)
			return
		}
		refusal := transport.Errorf(transport.StaleEpoch, "renew", "the lease is another's")
		if err := transport.Answer(t.Context(), r, nil, refusal); err != nil {
			t.Error(err)
		}
	}()
	_, err := transport.Ask[*transport.RenewReply](within(t), c, &transport.Renew{Command: transport.Command{Party: "worker-1"}})
	want(t, transport.StaleEpoch, err)
	if !strings.Contains(err.Error(), "renew: the lease is another's") {
		t.Fatalf("the error lost its text: %v", err)
	}
}

func objects(t *testing.T, open Open) {
	connect := open(t, Limits())
	a, b := connect(t).Objects(transport.Inputs), connect(t).Objects(transport.Inputs)
	big := make([]byte, 3<<20+17)
	for i := range big {
		big[i] = byte(i * i >> 7)
	}
	for _, data := range [][]byte{big, {}, []byte("small"), big} {
		name, err := a.Put(within(t), data)
		must(t, err)
		if name != transport.DigestOf(data) {
			t.Fatalf("an object's name is %s, its digest %s", name, transport.DigestOf(data))
		}
		got, err := b.Get(within(t), name, int64(len(data)))
		must(t, err)
		if !bytes.Equal(got, data) {
			t.Fatalf("%d bytes came back of %d, or others", len(got), len(data))
		}
	}
	name := transport.DigestOf(big)
	_, err := b.Get(within(t), name, int64(len(big))-1)
	want(t, transport.Invalid, err)
	_, err = connect(t).Objects(transport.Results).Get(within(t), name, transport.MaxObject)
	want(t, transport.NotFound, err)
	must(t, a.Delete(within(t), name))
	must(t, a.Delete(within(t), name))
	_, err = b.Get(within(t), name, transport.MaxObject)
	want(t, transport.NotFound, err)
}

func invalidMessages(t *testing.T, open Open) {
	c := open(t, Limits())(t)
	for name, e := range map[string]transport.Envelope{
		"too long":         {Subject: message(1).Subject, Payload: make([]byte, transport.MaxMessage+1)},
		"long ID":          {Subject: message(1).Subject, ID: strings.Repeat("x", 1000)},
		"no run":           {Subject: transport.Subject{Channel: transport.Draws, Party: "w"}},
		"wildcard":         {Subject: transport.Subject{Channel: transport.Draws, Run: "*", Party: "w"}},
		"dots":             {Subject: transport.Subject{Channel: transport.Draws, Run: "a.b", Party: "w"}},
		"superfluous verb": {Subject: transport.Subject{Channel: transport.Draws, Run: "a", Party: "w", Verb: "x"}},
		"no channel":       {Subject: transport.Subject{Channel: 99, Run: "a", Party: "w"}},
		"a request":        request("lease", ""),
	} {
		if err := c.Publish(within(t), e); transport.KindOf(err) != transport.Invalid {
			t.Errorf("%s: %v, want an error that is invalid", name, err)
		}
	}
	_, err := c.Request(within(t), message(1))
	want(t, transport.Invalid, err)
}

func invalidFilters(t *testing.T, open Open) {
	c := open(t, Limits())(t)
	for _, f := range []transport.Filter{
		{Channel: 99},
		{Channel: transport.Draws, Run: "run"},
		{Channel: transport.Control, Party: "w"},
		{Channel: transport.Copies},
		{Channel: transport.Copies, Run: "run", Party: "c"},
		{Channel: transport.Heartbeats, Run: "run"},
		{Channel: transport.Decisions, Party: "w"},
		{Channel: transport.Events, Run: "a.b"},
		{Channel: transport.Events, Run: ">"},
	} {
		if _, err := c.Subscribe(within(t), f); transport.KindOf(err) != transport.Invalid || err == nil {
			t.Errorf("%+v: %v, want an error that is invalid", f, err)
		}
	}
}

func payloadsAreCopies(t *testing.T, open Open) {
	connect := open(t, Limits())
	c, s := connect(t), draws(t, connect(t))
	e := message(5)
	must(t, c.Publish(within(t), e))
	clear(e.Payload)
	r := expect(t, s, 5)[0]
	clear(r.Envelope().Payload)
	must(t, r.Retry(within(t)))
	acknowledge(t, expect(t, s, 5)...)
}

func closed(t *testing.T, open Open) {
	connect := open(t, Limits())
	c := connect(t)
	var waiting []chan error
	for _, f := range []transport.Filter{{Channel: transport.Draws}, {Channel: transport.Events}, {Channel: transport.Heartbeats}, {Channel: transport.Control}} {
		s, ended := subscribe(t, c, f), make(chan error, 1)
		go func() {
			_, err := s.Next(t.Context())
			ended <- err
		}()
		waiting = append(waiting, ended)
	}
	must(t, c.Close())
	must(t, c.Close())
	for _, ended := range waiting {
		want(t, transport.Unavailable, <-ended)
	}
	want(t, transport.Unavailable, c.Publish(within(t), message(1)))
	_, err := c.Request(within(t), request("lease", ""))
	want(t, transport.Unavailable, err)
	_, err = c.Subscribe(within(t), transport.Filter{Channel: transport.Draws})
	want(t, transport.Unavailable, err)
	publish(t, connect(t), 2) // others go on
}
