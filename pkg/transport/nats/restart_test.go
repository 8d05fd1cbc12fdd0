package nats

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

func drawn(n byte, party transport.PartyID) transport.Envelope {
	return transport.Envelope{Subject: transport.Subject{Channel: transport.Draws, Run: "r", Party: party}, Payload: []byte{n}}
}

// TestRestart: a server that is started again has what it has confirmed, less what was acknowledged; connections come back
// by themselves, and a publication begun while the server was away ends well.
func TestRestart(t *testing.T) {
	cfg := ServerConfig{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"}
	first, err := Start(cfg)
	must(t, err)
	connection := Config{URL: first.URL(), Party: "sink"}
	limits := transport.DefaultLimits()
	limits.AckWait = 500 * time.Millisecond // a server that restarts forgets who was to get a message next
	must(t, Prepare(soon(t), connection, limits, 1))
	c := dial(t, connection)
	for n := range byte(3) {
		must(t, c.Publish(soon(t), drawn(n, "w")))
	}
	name, err := c.Objects(transport.Results).Put(soon(t), []byte("kept"))
	must(t, err)
	s, err := c.Subscribe(soon(t), transport.Filter{Channel: transport.Draws})
	must(t, err)
	r, err := s.Next(soon(t))
	must(t, err)
	must(t, r.Ack(soon(t)))
	must(t, s.Close())
	cfg.Listen = first.server.Addr().String() // the port that it had
	must(t, first.Close())
	published := make(chan error, 1)
	go func() { published <- c.Publish(soon(t), drawn(3, "w")) }()
	start(t, cfg)
	must(t, <-published)
	s, err = c.Subscribe(soon(t), transport.Filter{Channel: transport.Draws})
	must(t, err)
	got := map[byte]bool{}
	for len(got) < 3 {
		r, err := s.Next(soon(t))
		must(t, err)
		got[r.Envelope().Payload[0]] = true
		must(t, r.Ack(soon(t)))
	}
	if got[0] {
		t.Error("the message that was acknowledged came again")
	}
	if data, err := c.Objects(transport.Results).Get(soon(t), name, 10); err != nil || string(data) != "kept" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestPermissions: subjects are such that a server lets a worker publish as itself only.
func TestPermissions(t *testing.T) {
	worker := Permissions{
		Publish:   []string{"drey.draws.*.*.w1", "drey.stats.*.*.w1", "drey.hb.w1", "drey.ev.*.w1", "drey.ctl.*.w1"},
		Subscribe: []string{"drey.inbox.w1.>", "drey.dec.*", "drey.to.w1"},
	}
	s := start(t, ServerConfig{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Admit: func(c Claim) (*Permissions, error) {
		if c.User != "w1" || c.Password != "secret" {
			return nil, errors.New("unknown user")
		}
		return &worker, nil
	}})
	must(t, Prepare(soon(t), Config{Server: s, Party: "c"}, transport.DefaultLimits(), 1))
	c := dial(t, Config{URL: s.URL(), Party: "w1", Password: "secret"})
	must(t, c.Publish(soon(t), drawn(1, "w1")))
	if err := c.Publish(soon(t), drawn(1, "w2")); transport.KindOf(err) != transport.Refused {
		t.Errorf("published as another: %v, want an error that is refused", err)
	}
	ask := transport.Subject{Channel: transport.Control, Verb: "lease", Party: "w2"}
	if _, err := c.Request(soon(t), transport.Envelope{Subject: ask}); transport.KindOf(err) != transport.Refused {
		t.Errorf("asked as another: %v, want an error that is refused", err)
	}
	must(t, c.Publish(soon(t), drawn(2, "w1")))
	if _, err := Connect(soon(t), Config{URL: s.URL(), Party: "w1", Password: "guess"}); transport.KindOf(err) != transport.Refused {
		t.Errorf("connected with a wrong password: %v, want an error that is refused", err)
	}
}

func TestBadConfig(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	at, file := taken.Addr().String(), filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, cfg := range []ServerConfig{
		{}, {StoreDir: t.TempDir(), Listen: "nowhere"}, {StoreDir: t.TempDir(), Listen: "127.0.0.1:99999"}, {StoreDir: t.TempDir(), Listen: at}, {StoreDir: file},
		{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Cluster: &Cluster{Listen: at}},
	} {
		if _, err := Start(cfg); transport.KindOf(err) != transport.Invalid || err == nil {
			t.Errorf("%+v: %v, want an error that is invalid", cfg, err)
		}
	}
	for _, cfg := range []Config{{Party: "p"}, {Party: "a.b", URL: "nats://127.0.0.1:1"}, {Party: "p", URL: "nats://127.0.0.1:1,http://" + at}} {
		if _, err := Connect(soon(t), cfg); transport.KindOf(err) != transport.Invalid || err == nil {
			t.Errorf("%+v: %v, want an error that is invalid", cfg, err)
		}
	}
	if _, err := Connect(soon(t), Config{Party: "p", URL: "nats://127.0.0.1:1"}); transport.KindOf(err) != transport.Unavailable || err == nil {
		t.Errorf("nobody listens: %v, want an error that is unavailable", err)
	}
}
