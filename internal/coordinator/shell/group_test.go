package shell_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

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

// group is coordinators in one process, each with a directory of its own.
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
	for i := range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all at the end, so that none is given out twice
		g.peers = append(g.peers, coordinator.Peer{Name: fmt.Sprintf("c%d", i+1), Addr: l.Addr().String()})
	}
	t.Cleanup(func() {
		for _, end := range g.ends {
			end()
		}
		_ = g.client.Close()
	})
	return g
}

// path returns the directory of a run at a coordinator.
func (g *group) path(id string, run transport.RunID) string {
	return filepath.Join(g.dir, id, "runs", string(run))
}

// start starts coordinators, each from its disk where it has one; those without wait for one another.
func (g *group) start(names ...string) {
	g.t.Helper()
	var starting sync.WaitGroup
	for _, name := range names {
		r, err := coordinator.OpenReplica(coordinator.ReplicaConfig{
			Name: name, Dir: filepath.Join(g.dir, name, "raft"), Peers: g.peers, Listen: g.address(name), Timeout: 500 * time.Millisecond, Log: g.logger(name),
		})
		if err != nil {
			g.t.Fatal(err)
		}
		g.replicas[name] = r
		starting.Go(func() {
			if err := errors.Join(r.Assemble(g.t.Context()), r.Start()); err != nil {
				g.t.Error(err)
			}
		})
	}
	starting.Wait()
	for _, name := range names {
		g.follow(name, g.replicas[name])
	}
}

func (g *group) logger(name string) *slog.Logger {
	return slog.New(slog.NewTextHandler(g.log, nil)).With("coordinator", name)
}

// follow has a coordinator do what it does until it is ended.
func (g *group) follow(name string, r *coordinator.Replica) {
	g.t.Helper()
	id, log := transport.PartyID(r.ID()), g.logger(name)
	link := g.bus.Connect()
	s, err := sink.New(sink.Config{
		Path: func(run transport.RunID) string { return g.path(name, run) }, Files: store.Options{FS: shelltest.Unsynced{}}, Figures: true, Log: log,
		Group: &sink.Group{Name: id, Transport: link, Members: shell.Parties(r)},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	sh, err := shell.New(shell.Config{
		Name: id, Machine: r, Transport: link, Sink: s, Adapter: shelltest.Adapter{}, Membership: r,
		OnLead: func() { g.leads <- name }, Log: log,
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
	g.ends[name] = func() {
		cancel()
		follows.Wait()
		if err := r.Close(); err != nil {
			g.t.Error(err)
		}
		_ = link.Close()
		delete(g.ends, name)
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

// begin submits a run and starts two workers, which the function returned ends.
func (g *group) begin(m *transport.Manifest) (transport.RunID, func()) {
	g.t.Helper()
	text, err := transport.Encode(shelltest.About(m))
	if err != nil {
		g.t.Fatal(err)
	}
	p, err := transport.Pack(g.t.Context(), g.client.Objects(transport.Inputs), text)
	if err != nil {
		g.t.Fatal(err)
	}
	submitted, err := transport.Ask[*transport.Submitted](g.t.Context(), g.client, &transport.Submit{Command: g.next(), Manifest: p})
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(g.t.Context())
	var workers sync.WaitGroup
	for i := range 2 {
		w := shelltest.NewWorker(g.bus.Connect(), shelltest.WorkerConfig{
			Name: transport.PartyID(fmt.Sprintf("w%d", i)), Incarnation: 1, Slots: 2, Block: 30 * time.Millisecond, Renew: 500 * time.Millisecond,
		})
		workers.Go(func() { w.Run(ctx) })
	}
	return submitted.Run, func() {
		cancel()
		workers.Wait()
	}
}

// address returns where a coordinator's Raft listens.
func (g *group) address(name string) string {
	for _, p := range g.peers {
		if p.Name == name {
			return p.Addr
		}
	}
	g.t.Fatalf("no coordinator %s", name)
	return ""
}

// check waits until every coordinator that runs has all of a run, and compares it with the undisturbed one.
func (g *group) check(run transport.RunID, m *transport.Manifest) {
	g.t.Helper()
	g.until(run, func(s *transport.RunStatus) bool { return s.State == transport.Complete })
	e, err := shelltest.NewExpect(run, m, shelltest.Adapter{}, m.Draws)
	if err != nil {
		g.t.Fatal(err)
	}
	for id := range g.ends {
		for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			if r, err := store.ReadRun(g.path(id, run)); err == nil && r.State == store.Done {
				break
			}
			if time.Since(begin) > patience {
				g.t.Fatalf("the run's directory of %s does not say that it is done\n%s", id, g.log.b.String())
			}
		}
		ledger := make([][]transport.Digest, m.Packs())
		g.replicas[id].View(func(machine *coordinator.Machine) {
			for p := range ledger {
				for _, d := range machine.Ledger(coordinator.RunID(run), uint32(p)) {
					ledger[p] = append(ledger[p], transport.Digest(d))
				}
			}
		})
		if err := e.Check(g.path(id, run), ledger, m.Draws); err != nil {
			g.t.Errorf("%s: %v", id, err)
		}
	}
}

// TestGroup: the leader of three coordinators dies in warmup, comes back, and the next leader dies in sampling: each that follows goes on
// from what the group has decided, and in the end each of the three has all draws by itself. Elections take real time.
func TestGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: elections take seconds")
	}
	g := newGroup(t)
	g.start("c1", "c2", "c3")
	leader := g.leader()
	m := smallRun()
	m.Draws, m.Lease = 400, 4000
	run, end := g.begin(m)
	defer end()
	for _, blocks := range []uint64{1, 10} {
		g.until(run, func(s *transport.RunStatus) bool { return s.Leases[0].Committed >= blocks })
		g.ends[leader]()
		dead := leader
		leader = g.leader()
		g.start(dead)
	}
	g.check(run, m)
}

// TestLostCoordinator: the leader and all of its disk are lost in the middle of a run. Another leads and goes on; the lost one is started again,
// joins in the place of what it was, and fetches what was drawn before. Then one of the others is lost for good. In the end all that
// are left have all draws.
func TestLostCoordinator(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: elections take seconds")
	}
	g := newGroup(t)
	g.start("c1", "c2", "c3")
	lost := g.leader()
	m := smallRun()
	m.Draws, m.Lease = 600, 4000
	run, end := g.begin(m)
	defer end()
	g.until(run, func(s *transport.RunStatus) bool { return s.Leases[0].Committed >= 8 })
	old := g.replicas[lost].ID()
	g.ends[lost]()
	if err := os.RemoveAll(filepath.Join(g.dir, lost)); err != nil {
		t.Fatal(err)
	}
	leader := g.leader()
	g.start(lost)
	back := g.replicas[lost].ID()
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := transport.Ask[*transport.Done](ctx, g.client, &transport.Join{Command: transport.Command{Party: transport.PartyID(back)}, Address: g.address(lost)})
		cancel()
		if err == nil {
			break
		}
		if time.Since(begin) > patience {
			t.Fatal(err)
		}
	}
	if members := g.replicas[leader].Members(); len(members) != 3 || slices.Contains(members, old) || !slices.Contains(members, back) {
		t.Errorf("members: %v", members)
	}
	g.until(run, func(s *transport.RunStatus) bool { return s.State != transport.Complete })
	for _, p := range g.peers {
		if p.Name != lost && p.Name != leader {
			g.ends[p.Name]()
		}
	}
	g.check(run, m)
}
