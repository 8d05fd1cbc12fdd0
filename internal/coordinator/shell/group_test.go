package shell_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// patience is how long a test waits for what must happen; it measures nothing.
const patience = 120 * time.Second

// group is three coordinators in one process, which share a directory of runs.
type group struct {
	t     *testing.T
	dir   string
	bus   *memory.Bus
	peers []coordinator.Peer
	log   *lines
	leads chan string // who has begun to lead

	ends     map[string]func()
	replicas map[string]*coordinator.Replica
	client   transport.Transport
	command  uint64
}

func newGroup(t *testing.T) *group {
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	g := &group{
		t: t, dir: t.TempDir(), bus: bus, log: &lines{}, leads: make(chan string, 64), client: bus.Connect(),
		ends: map[string]func(){}, replicas: map[string]*coordinator.Replica{},
	}
	networks := map[string]*raft.NetworkTransport{}
	for i := range 3 {
		id := fmt.Sprintf("c%d", i+1)
		networks[id] = g.listen("127.0.0.1:0")
		g.peers = append(g.peers, coordinator.Peer{ID: id, Addr: string(networks[id].LocalAddr())})
	}
	for _, p := range g.peers {
		g.open(p.ID, networks[p.ID])
	}
	t.Cleanup(func() {
		for _, end := range g.ends {
			end()
		}
		_ = g.client.Close()
	})
	return g
}

func (g *group) listen(addr string) *raft.NetworkTransport {
	g.t.Helper()
	network, err := coordinator.Listen(addr, "", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		g.t.Fatal(err)
	}
	return network
}

// open starts a coordinator, from its disk where it has one.
func (g *group) open(id string, network raft.Transport) {
	g.t.Helper()
	log := slog.New(slog.NewTextHandler(g.log, nil)).With("coordinator", id)
	r, err := coordinator.OpenReplica(coordinator.ReplicaConfig{
		ID: id, Dir: filepath.Join(g.dir, id), Transport: network, Peers: g.peers, Timeout: 500 * time.Millisecond, Log: log,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	s, err := sink.New(sink.Config{Path: func(run transport.RunID) string { return filepath.Join(g.dir, string(run)) }, Files: store.Options{FS: quick{}}, Log: log})
	if err != nil {
		g.t.Fatal(err)
	}
	link := g.bus.Connect()
	sh, err := shell.New(shell.Config{
		Name: transport.PartyID(id), Machine: r, Transport: link, Sink: s, Adapter: shelltest.Adapter{}, OnLead: func() { g.leads <- id }, Log: log,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var follows sync.WaitGroup
	follows.Go(func() {
		if err := sh.Follow(ctx, r); err != nil {
			g.t.Error(err)
		}
	})
	g.replicas[id] = r
	g.ends[id] = func() {
		cancel()
		follows.Wait()
		if err := r.Close(); err != nil {
			g.t.Error(err)
		}
		_ = link.Close()
		delete(g.ends, id)
	}
}

// leader waits until somebody leads who has not died.
func (g *group) leader() string {
	g.t.Helper()
	for {
		select {
		case id := <-g.leads:
			if g.ends[id] != nil {
				return id
			}
		case <-time.After(patience):
			g.t.Fatal("nobody leads")
		}
	}
}

func (g *group) next() transport.Command {
	g.command++
	return transport.Command{Party: "client", Incarnation: 1, Sequence: g.command}
}

// until waits until a run is so far.
func (g *group) until(run transport.RunID, is func(*transport.RunStatus) bool) {
	g.t.Helper()
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(g.t.Context(), 5*time.Second)
		s, err := transport.Ask[*transport.RunStatus](ctx, g.client, &transport.Status{Command: g.next(), Run: run})
		cancel()
		if err == nil && is(s) {
			return
		}
	}
	g.t.Fatalf("the run does not go on:\n%s", g.log.b.String())
}

// TestGroup: the leader of three coordinators dies in warmup, comes back, and the next leader dies in sampling: each that follows goes on
// from what the group has decided, with the directory of runs that they share. Elections take real time.
func TestGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: elections take seconds")
	}
	g := newGroup(t)
	leader := g.leader()
	m := smallRun()
	m.Draws, m.Lease = 400, 4000
	text, err := transport.Encode(shelltest.About(m))
	if err != nil {
		t.Fatal(err)
	}
	p, err := transport.Pack(t.Context(), g.client.Objects(transport.Inputs), text)
	if err != nil {
		t.Fatal(err)
	}
	submitted, err := transport.Ask[*transport.Submitted](t.Context(), g.client, &transport.Submit{Command: g.next(), Manifest: p})
	if err != nil {
		t.Fatal(err)
	}
	run := submitted.Run
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	for i := range 2 {
		w := shelltest.NewWorker(g.bus.Connect(), shelltest.WorkerConfig{
			Name: transport.PartyID(fmt.Sprintf("w%d", i)), Incarnation: 1, Slots: 2, Block: 30 * time.Millisecond, Renew: 500 * time.Millisecond,
		})
		workers.Go(func() { w.Run(ctx) })
	}
	for _, blocks := range []uint64{1, 10} {
		g.until(run, func(s *transport.RunStatus) bool { return s.Leases[0].Committed >= blocks })
		addr := ""
		for _, peer := range g.peers {
			if peer.ID == leader {
				addr = peer.Addr
			}
		}
		g.ends[leader]()
		dead := leader
		leader = g.leader()
		g.open(dead, g.listen(addr))
	}
	g.until(run, func(s *transport.RunStatus) bool { return s.State == transport.Complete })
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if r, err := store.ReadRun(filepath.Join(g.dir, string(run))); err == nil && r.State == store.Done {
			break
		}
		if time.Since(begin) > patience {
			t.Fatal("the run's directory does not say that it is done")
		}
	}
	ledger := make([][]transport.Digest, m.Packs())
	g.replicas[leader].View(func(machine *coordinator.Machine) {
		for p := range ledger {
			for _, d := range machine.Ledger(coordinator.RunID(run), uint32(p)) {
				ledger[p] = append(ledger[p], transport.Digest(d))
			}
		}
	})
	e, err := shelltest.NewExpect(run, m, shelltest.Adapter{}, m.Draws)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Check(filepath.Join(g.dir, string(run)), ledger, m.Draws); err != nil {
		t.Error(err)
	}
}
