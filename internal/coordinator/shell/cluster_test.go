package shell_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/faulty"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// cluster is a coordinator with a journal, a sink and workers over a bus in memory, all in virtual time.
type cluster struct {
	t       *testing.T
	dir     string
	bus     *memory.Bus
	files   store.Options
	adapter shelltest.Adapter
	plan    faulty.Plan                       // of workers' and coordinator's connections; none where it has no seed
	wrap    func(shell.Machine) shell.Machine // what stands between shell and machine
	verify  func(_, _, _ []byte) error        // of manifests
	log     *lines

	client  transport.Transport
	inputs  [][]byte // objects that were put
	command uint64
	disk    [][]byte // the log of commands, which outlives the coordinator
	journal *journal
	link    *faulty.Transport // the coordinator's
	end     func()            // of the coordinator
	workers map[string]func()
	born    int
}

// lines collects a log.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	limits := transport.DefaultLimits()
	bus, err := memory.New(limits)
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{t: t, dir: t.TempDir(), bus: bus, files: store.Options{FS: shelltest.Unsynced{}}, workers: map[string]func(){}, log: &lines{}, client: bus.Connect()}
}

// journal is a coordinator.Journal without a file: a log in memory, which is read again from its beginning.
type journal struct {
	mu      sync.Mutex // guards the fields below
	machine *coordinator.Machine
	log     *[][]byte
}

func openJournal(log *[][]byte) *journal {
	j := &journal{machine: new(coordinator.Machine), log: log}
	for _, text := range *log {
		cmd, err := coordinator.DecodeCommand(text)
		if err != nil {
			panic(err)
		}
		j.machine.Apply(cmd)
	}
	return j
}

func (j *journal) Propose(ctx context.Context, cmd coordinator.Command) (coordinator.Result, error) {
	text := coordinator.EncodeCommand(cmd)
	own, err := coordinator.DecodeCommand(text)
	if err != nil || ctx.Err() != nil {
		return coordinator.Result{}, errors.Join(err, ctx.Err())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	*j.log = append(*j.log, text)
	return j.machine.Apply(own), nil
}

func (j *journal) View(f func(*coordinator.Machine)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(j.machine)
}

func (c *cluster) path(run transport.RunID) string { return filepath.Join(c.dir, string(run)) }

// start begins the coordinator, from its disk. The function returned ends it as kill does: what it had in memory is lost.
func (c *cluster) start() {
	c.t.Helper()
	j := openJournal(&c.disk)
	log := slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := sink.New(sink.Config{Figures: true, Path: c.path, Files: c.files, Log: log})
	if err != nil {
		c.t.Fatal(err)
	}
	c.link = faulty.Wrap(c.bus.Connect(), c.faults())
	cfg := shell.Config{Name: "coordinator", Machine: j, Transport: c.link, Sink: s, Adapter: c.adapter, Verify: c.verify, Log: log}
	if c.wrap != nil {
		cfg.Machine = c.wrap(j)
	}
	sh, err := shell.New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sh.Alone(ctx) }()
	c.journal = j
	c.end = func() {
		cancel()
		<-done
		if err := c.link.Close(); err != nil {
			c.t.Error(err)
		}
		c.end = nil
	}
}

// faults returns the plan of the next connection: another seed for each.
func (c *cluster) faults() faulty.Plan {
	p := c.plan
	p.Seed += uint64(c.born) * 1000
	return p
}

// stop ends all that runs.
func (c *cluster) stop() {
	for _, end := range c.workers {
		end()
	}
	if c.end != nil {
		c.end()
	}
	if err := c.client.Close(); err != nil {
		c.t.Error(err)
	}
}

// work starts a worker and returns its connection, and a function that kills it and waits for its end.
func (c *cluster) work(cfg shelltest.WorkerConfig) (*faulty.Transport, func()) {
	c.born++
	if cfg.Name == "" {
		cfg.Name = transport.PartyID(fmt.Sprintf("w%d", c.born))
	}
	if cfg.Incarnation == 0 {
		cfg.Incarnation = uint64(c.born)
	}
	if cfg.Slots == 0 {
		cfg.Slots = 2
	}
	if cfg.Block == 0 {
		cfg.Block = time.Second
	}
	link := faulty.Wrap(c.bus.Connect(), c.faults())
	w := shelltest.NewWorker(link, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	key := fmt.Sprint(c.born)
	kill := func() {
		cancel()
		<-done
		_ = link.Close()
		delete(c.workers, key)
	}
	c.workers[key] = kill
	return link, kill
}

func (c *cluster) next() transport.Command {
	c.command++
	return transport.Command{Party: "client", Incarnation: 1, Sequence: c.command}
}

// submit submits a run.
func (c *cluster) submit(m *transport.Manifest) transport.RunID {
	c.t.Helper()
	request := c.submission(m)
	for {
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		reply, err := transport.Ask[*transport.Submitted](ctx, c.client, request)
		cancel()
		if err == nil {
			return reply.Run
		}
		if transport.KindOf(err) != transport.Unavailable {
			c.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (c *cluster) submission(m *transport.Manifest) *transport.Submit {
	c.t.Helper()
	text, err := transport.Encode(shelltest.About(m))
	if err != nil {
		c.t.Fatal(err)
	}
	c.inputs = append(c.inputs, text)
	p, err := transport.Pack(c.t.Context(), c.client.Objects(transport.Inputs), text)
	if err != nil {
		c.t.Fatal(err)
	}
	return &transport.Submit{Command: c.next(), Name: "arithmetic", Manifest: p}
}

// status asks how a run is; nil while nobody answers.
func (c *cluster) status(run transport.RunID) *transport.RunStatus {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	s, err := transport.Ask[*transport.RunStatus](ctx, c.client, &transport.Status{Command: c.next(), Run: run})
	if err != nil {
		return nil
	}
	return s
}

// until waits in virtual time until a run's status is what is wanted.
func (c *cluster) until(run transport.RunID, what string, is func(*transport.RunStatus) bool) *transport.RunStatus {
	c.t.Helper()
	for range 6_000 {
		if s := c.status(run); s != nil && is(s) {
			return s
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.t.Fatalf("after ten minutes run %s is not %s: %+v\n%s", run, what, c.status(run), c.log.b.String())
	return nil
}

// ended waits until a run is done, and its directory says so.
func (c *cluster) ended(run transport.RunID) {
	c.t.Helper()
	c.until(run, "done", func(s *transport.RunStatus) bool { return s.State == transport.Complete })
	for range 600 {
		if r, err := store.ReadRun(c.path(run)); err == nil && r.State == store.Done {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.t.Fatalf("the directory of run %s does not say that it is done", run)
}

// check holds what a run has stored against the undisturbed run: one whose decisions do without the packs that the ledger says, where it
// has a deadline.
func (c *cluster) check(run transport.RunID, m *transport.Manifest, draws uint64) {
	c.t.Helper()
	e, err := shelltest.NewExpectWithout(run, m, c.adapter, draws, c.late(run, m))
	if err != nil {
		c.t.Fatal(err)
	}
	ledger := make([][]transport.Digest, m.Packs())
	c.journal.View(func(machine *coordinator.Machine) {
		for p := range ledger {
			for _, d := range machine.Ledger(coordinator.RunID(run), uint32(p)) {
				ledger[p] = append(ledger[p], transport.Digest(d))
			}
		}
	})
	if err := e.Check(c.path(run), ledger, draws); err != nil {
		c.t.Error(err)
	}
	c.replay()
}

// replay: the log of a coordinator that has ended makes the same machine again (I5).
func (c *cluster) replay() {
	c.t.Helper()
	if c.end != nil {
		c.end()
	}
	if !bytes.Equal(openJournal(&c.disk).machine.Encode(), c.journal.machine.Encode()) {
		c.t.Error("I5: the log makes another machine when it is read again")
	}
}

// smallRun is a run of 3 packs with a warmup of two windows, whose last block goes beyond its draws.
func smallRun() *transport.Manifest {
	m := shelltest.NewManifest(10, 4)
	m.Draws = 95
	m.Pooled = true
	m.Warmup = []transport.Step{{Draws: 5}, {Draws: 7, Barrier: true}, {Draws: 3, Barrier: true, Window: 1}}
	return shelltest.About(m)
}
