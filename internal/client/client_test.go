package client_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// coordinator answers as a test tells it, and notes what it was asked.
type coordinator struct {
	transport transport.Transport
	mu        sync.Mutex // guards the fields below
	asked     []transport.Sealed
	answer    func(n int, m transport.Sealed) (transport.Message, error) // n counts from 0
}

// open returns a client and the coordinator that it talks to, which begins to listen after a while.
func open(t *testing.T, signing *trust.SigningKey, late time.Duration, answer func(int, transport.Sealed) (transport.Message, error)) (*client.Client, *coordinator) {
	bus, err := memory.New(transport.DefaultLimits())
	must(t, err)
	c := &coordinator{transport: bus.Connect(), answer: answer}
	t.Cleanup(func() { must(t, c.transport.Close()) })
	time.AfterFunc(late, func() {
		requests, err := c.transport.Subscribe(t.Context(), transport.Filter{Channel: transport.Control})
		if err == nil {
			c.serve(t.Context(), requests)
		}
	})
	out, err := client.New(bus.Connect(), "client-1", signing)
	must(t, err)
	t.Cleanup(func() { must(t, out.Close()) })
	return out, c
}

func (c *coordinator) serve(ctx context.Context, requests transport.Subscription) {
	for {
		r, err := requests.Next(ctx)
		if err != nil {
			return
		}
		m, err := transport.Open(r.Envelope())
		var reply transport.Message
		if err == nil {
			c.mu.Lock()
			reply, err = c.answer(len(c.asked), m)
			c.asked = append(c.asked, m)
			c.mu.Unlock()
		}
		_ = transport.Answer(ctx, r, reply, err)
	}
}

func (c *coordinator) requests() []transport.Sealed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]transport.Sealed(nil), c.asked...)
}

func done(int, transport.Sealed) (transport.Message, error) { return &transport.Done{}, nil }

// TestCommandsAreRepeatedUnchanged: while no coordinator leads a request is sent again, as the same command; another error ends it.
func TestCommandsAreRepeatedUnchanged(t *testing.T) {
	c, co := open(t, nil, 50*time.Millisecond, func(n int, m transport.Sealed) (transport.Message, error) {
		if n < 2 {
			return nil, transport.Errorf(transport.Unavailable, "stop", "no majority")
		}
		return &transport.Done{}, nil
	})
	must(t, c.Stop(soon(t), "r", "enough"))
	asked := co.requests()
	if len(asked) != 3 {
		t.Fatalf("asked %d times, want 3", len(asked))
	}
	for _, m := range asked {
		if stop := m.(*transport.Stop); *stop != *asked[0].(*transport.Stop) || stop.Command.Party != "client-1" || stop.Reason != "enough" {
			t.Errorf("asked %+v", stop)
		}
	}
	must(t, c.Resume(soon(t), "r"))
	if a, b := asked[0].(*transport.Stop).Command, co.requests()[3].(*transport.Resume).Command; a.Incarnation != b.Incarnation || b.Sequence <= a.Sequence {
		t.Errorf("commands %+v and %+v", a, b)
	}
	c, co = open(t, nil, 0, func(int, transport.Sealed) (transport.Message, error) {
		return nil, transport.Errorf(transport.NotFound, "extend", "no run")
	})
	if err := c.Extend(soon(t), "r", 5); transport.KindOf(err) != transport.NotFound || len(co.requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(co.requests()))
	}
	c, _ = open(t, nil, time.Hour, done)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Drain(ctx, "w"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestFind(t *testing.T) {
	runs := []transport.RunSummary{{Run: "schools-a1", Name: "schools"}, {Run: "schools-b2", Name: "schools"}, {Run: "gp-c3", Name: ""}}
	c, _ := open(t, nil, 0, func(int, transport.Sealed) (transport.Message, error) { return &transport.RunList{Runs: runs}, nil })
	for word, want := range map[string]transport.RunID{"schools-a1": "schools-a1", "schools": "schools-b2", "schools-b": "schools-b2", "gp": "gp-c3", "schools-": "", "x": "", "": ""} {
		r, err := c.Find(soon(t), word)
		if r.Run != want || (want == "") != (transport.KindOf(err) == transport.NotFound && err != nil) {
			t.Errorf("%q means %q, %v; want %q", word, r.Run, err, want)
		}
	}
}

// manifest is one that passes its check.
func manifest() *transport.Manifest {
	return &transport.Manifest{Chains: 1, Width: 1, Super: 1, Block: 1, Thin: 1, Lease: 1, Inits: []transport.InitSpec{{Program: "init"}}, Starts: []transport.StartSpec{{}}}
}

// TestErrorsNameWhatThereIs: who names a run that is not there is told which are, the latest first; a URL of something else is refused.
func TestErrorsNameWhatThereIs(t *testing.T) {
	var runs []transport.RunSummary
	c, _ := open(t, nil, 0, func(int, transport.Sealed) (transport.Message, error) { return &transport.RunList{Runs: runs}, nil })
	says := func(want string) {
		t.Helper()
		if _, err := c.Find(soon(t), "nosuch"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	says("it has none yet")
	for _, id := range []transport.RunID{"a", "b", "c", "d", "e", "f", "g"} {
		runs = append(runs, transport.RunSummary{Run: id, State: transport.Complete})
	}
	says("it has g (done), f (done), e (done), d (done), c (done), 2 more")
	runs = append(runs, transport.RunSummary{Run: "nosuch-1"}, transport.RunSummary{Run: "nosuch-2"})
	says(`2 runs begin with "nosuch": name one by its whole id: nosuch-2 (waiting), nosuch-1`)
	for _, url := range []string{"http://127.0.0.1:4222", "127.0.0.1", "127.0.0.1:4222", "nats://", "nats://a:4222,b", ""} {
		if _, err := client.Dial(soon(t), url, nil); err == nil || transport.KindOf(err) != transport.Invalid || !strings.Contains(err.Error(), "nats://HOST:PORT") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := client.Dial(soon(t), "nats://127.0.0.1:1", nil); err == nil || !strings.Contains(err.Error(), "nobody answers at nats://127.0.0.1:1") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestWaiting: who waits for a cluster without a leader is told so, once.
func TestWaiting(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for four seconds")
	}
	begun, told := time.Now(), []string{}
	c, _ := open(t, nil, 0, func(int, transport.Sealed) (transport.Message, error) {
		if time.Since(begun) < 4*time.Second {
			return nil, transport.Errorf(transport.Unavailable, "stop", "no majority")
		}
		return &transport.Done{}, nil
	})
	c.Waiting = func(reason error) { told = append(told, reason.Error()) }
	must(t, c.Stop(soon(t), "r", ""))
	if len(told) != 1 || !strings.Contains(told[0], "no majority") {
		t.Errorf("told %q", told)
	}
}

func TestSubmitSigns(t *testing.T) {
	key, err := trust.NewSigningKey()
	must(t, err)
	_, public, err := key.PEM()
	must(t, err)
	root, err := trust.ParseRoot(public)
	must(t, err)
	c, co := open(t, key, 0, func(int, transport.Sealed) (transport.Message, error) { return &transport.Submitted{Run: "r"}, nil })
	id, err := c.Submit(soon(t), manifest(), "name")
	if err != nil || id != "r" {
		t.Fatal(id, err)
	}
	m := co.requests()[0].(*transport.Submit)
	text, err := m.Manifest.Unpack(soon(t), co.transport.Objects(transport.Inputs), 1<<20)
	must(t, err)
	if err := root.Verify(text, m.Key, m.Signature); err != nil || m.Name != "name" {
		t.Errorf("%q: %v", m.Name, err)
	}
}

// TestWatch: each status is shown, asked for where the broadcast is lost, and the end ends it.
func TestWatch(t *testing.T) {
	state := func(s transport.RunState) *transport.RunStatus { return &transport.RunStatus{Run: "r", State: s} }
	asked := make(chan int, 10)
	c, co := open(t, nil, 0, func(n int, _ transport.Sealed) (transport.Message, error) {
		asked <- n
		return state([]transport.RunState{transport.Waiting, transport.Complete}[n]), nil
	})
	go func() {
		<-asked
		_ = transport.Send(t.Context(), co.transport, state(transport.Warming))
	}()
	var seen []transport.RunState
	last, err := c.Watch(soon(t), "r", func(s *transport.RunStatus) { seen = append(seen, s.State) })
	if err != nil || last.State != transport.Complete || len(seen) != 3 || seen[1] != transport.Warming {
		t.Errorf("%v, %v, %v", last, err, seen)
	}
}

func TestLogs(t *testing.T) {
	c, co := open(t, nil, time.Hour, done)
	for i, run := range []transport.RunID{"r", "other", "r"} {
		must(t, transport.Send(soon(t), co.transport, &transport.LogRecord{Run: run, Party: "p", Sequence: uint64(i), Text: "line"}))
	}
	var got []uint64
	must(t, c.Logs(soon(t), "r", false, func(l *transport.LogRecord) { got = append(got, l.Sequence) }))
	if len(got) != 2 || got[0] != 0 || got[1] != 2 {
		t.Errorf("lines %v, want 0 and 2", got)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	if err := c.Logs(ctx, "r", true, func(l *transport.LogRecord) { cancel(enough) }); !errors.Is(err, enough) {
		t.Errorf("followed until %v", err)
	}
}

// TestPull: files are written whole and only into the directory; a coordinator that names others is refused.
func TestPull(t *testing.T) {
	var files []transport.File
	c, co := open(t, nil, 0, func(int, transport.Sealed) (transport.Message, error) { return &transport.Pulled{Files: files}, nil })
	put := func(name, text string) transport.File {
		d, err := co.transport.Objects(transport.Outcome).Put(soon(t), []byte(text))
		must(t, err)
		return transport.File{Name: name, Object: transport.Object{Digest: d, Size: uint64(len(text))}}
	}
	files = []transport.File{put("data.arrow", "col"), put("data.arrow", "umns"), put("segment-000000.arrow", "draws"), put("run.json", "{}")}
	dir := filepath.Join(t.TempDir(), "run")
	must(t, c.Pull(soon(t), "r", dir))
	for name, want := range map[string]string{"data.arrow": "columns", "segment-000000.arrow": "draws", "run.json": "{}"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if err := c.Pull(soon(t), "r", dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over another run: %v", err)
	}
	for _, name := range []string{"../run.json", "/run.json", "a/run.json", ""} {
		files = []transport.File{put(name, "{}")}
		if err := c.Pull(soon(t), "r", filepath.Join(t.TempDir(), "run")); transport.KindOf(err) != transport.Refused || err == nil {
			t.Errorf("a file named %q: %v", name, err)
		}
	}
	files = []transport.File{put("run.json", "{}")}
	files[0].Object.Size = 1
	if err := c.Pull(soon(t), "r", filepath.Join(t.TempDir(), "run")); transport.KindOf(err) != transport.Invalid || err == nil {
		t.Errorf("a file larger than it should be: %v", err)
	}
}
