package coordinator

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen; it measures nothing.
const patience = 30 * time.Second

// group is a group of coordinators in one process, over the loopback interface.
type group struct {
	t       *testing.T
	dir     string
	tls     *tls.Config
	members map[string]*Replica
	peers   []Peer
}

func newGroup(t *testing.T, n int, config *tls.Config) *group {
	g := &group{t: t, dir: t.TempDir(), tls: config, members: map[string]*Replica{}}
	for i, addr := range free(t, n) {
		g.peers = append(g.peers, Peer{fmt.Sprintf("c%d", i+1), addr})
	}
	t.Cleanup(func() {
		for name := range g.members {
			g.stop(name)
		}
	})
	g.start("c1", "c2", "c3")
	return g
}

// free returns addresses that nobody listens on now.
func free(t *testing.T, n int) []string {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all at the end, so that none is given out twice
		out = append(out, l.Addr().String())
	}
	return out
}

// open opens the disk of a coordinator.
func (g *group) open(name string) *Replica {
	g.t.Helper()
	cfg := ReplicaConfig{Name: name, Dir: filepath.Join(g.dir, name), Peers: g.peers, TLS: g.tls, Timeout: 300 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	for _, p := range g.peers {
		if p.Name == name {
			cfg.Listen = p.Addr
		}
	}
	r, err := OpenReplica(cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	g.members[name] = r
	return r
}

// start has coordinators take part, together with those that do.
func (g *group) start(names ...string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	var starting sync.WaitGroup
	for _, name := range names {
		r := g.open(name)
		starting.Go(func() {
			if err := errors.Join(r.Assemble(ctx), r.Start()); err != nil {
				g.t.Errorf("%s: %v", name, err)
			}
		})
	}
	if starting.Wait(); g.t.Failed() {
		g.t.FailNow()
	}
}

// join asks whoever leads for a coordinator's place, until it has it.
func (g *group) join(name string) {
	g.t.Helper()
	r := g.members[name]
	for start := time.Now(); time.Since(start) < patience; time.Sleep(5 * time.Millisecond) {
		for _, m := range g.members {
			if m.Admit(g.t.Context(), r.ID(), r.address(name)) == nil {
				return
			}
		}
	}
	g.t.Fatalf("%s does not join", name)
}

// wipe removes the disk of a coordinator that is stopped.
func (g *group) wipe(name string) {
	g.t.Helper()
	if err := os.RemoveAll(filepath.Join(g.dir, name)); err != nil {
		g.t.Fatal(err)
	}
}

// stop ends a coordinator and its connections, as a crash would.
func (g *group) stop(id string) {
	g.t.Helper()
	if err := g.members[id].Close(); err != nil {
		g.t.Error(err)
	}
	delete(g.members, id)
}

// propose sends a command to whoever leads, as often as it takes, and returns who that was.
func (g *group) propose(cmd Command) (Result, string) {
	g.t.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(5 * time.Millisecond) {
		for id, r := range g.members {
			ctx, cancel := context.WithTimeout(g.t.Context(), time.Second)
			out, err := r.Propose(ctx, cmd)
			cancel()
			if err == nil {
				return out, id
			}
			if !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrUnknown) && !errors.Is(err, context.DeadlineExceeded) {
				g.t.Fatal(err)
			}
		}
	}
	g.t.Fatalf("nobody takes %T", cmd)
	return Result{}, ""
}

// agree waits until all members have the machine of the one that leads.
func (g *group) agree() []byte {
	g.t.Helper()
	_, leader := g.propose(&Renew{})
	want := g.state(leader)
	for id := range g.members {
		for start := time.Now(); !bytes.Equal(g.state(id), want); time.Sleep(5 * time.Millisecond) {
			if time.Since(start) > patience {
				g.t.Fatalf("%s has another machine than %s", id, leader)
			}
		}
	}
	return want
}

func (g *group) state(id string) (out []byte) {
	g.members[id].View(func(m *Machine) { out = m.Encode() })
	return out
}

// mutual returns a configuration that both sides of a connection prove to be who they are with.
func mutual(t *testing.T) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"coordinator"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	own, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(own)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: trusted, ClientCAs: trusted,
		ClientAuth: tls.RequireAndVerifyClientCert, ServerName: "coordinator",
	}
}

// TestLossOfOne: three coordinators go on when the one that leads dies, at any point of a history, and have what one machine would
// have; the dead one catches up when it is back, from a snapshot too.
func TestLossOfOne(t *testing.T) {
	networks := map[string]*tls.Config{"tcp": nil}
	if !testing.Short() {
		networks["tls"] = mutual(t)
	}
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 3, network)
			cmds := history(11, 90)
			alone := new(Machine)
			dead := ""
			for i, cmd := range cmds {
				_, leader := g.propose(cmd)
				wire, _ := DecodeCommand(EncodeCommand(cmd))
				alone.Apply(wire)
				switch i {
				case 30:
					g.stop(leader)
					dead = leader
				case 60:
					if err := g.members[leader].raft.Snapshot().Error(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !bytes.Equal(g.agree(), alone.Encode()) {
				t.Error("two of three coordinators have another machine than one alone")
			}
			g.start(dead)
			if !bytes.Equal(g.agree(), alone.Encode()) {
				t.Error("the coordinator that is back has another machine")
			}
		})
	}
}

// TestAllRestart: coordinators that all die have, when they start again from disk, everything that was replied to, from a snapshot
// and the log after it.
func TestAllRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: elections take seconds")
	}
	g := newGroup(t, 3, nil)
	cmds := history(12, 80)
	for i, cmd := range cmds {
		_, leader := g.propose(cmd)
		if i == 40 {
			if err := g.members[leader].raft.Snapshot().Error(); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := g.agree()
	for _, p := range g.peers {
		g.stop(p.Name)
	}
	g.start("c1", "c2", "c3")
	if !bytes.Equal(g.agree(), want) {
		t.Error("coordinators that start again have another machine")
	}
}

// TestMinority: one coordinator of three takes no commands.
func TestMinority(t *testing.T) {
	g := newGroup(t, 3, nil)
	_, leader := g.propose(&Register{"a", 1, "wasm", 0})
	for _, p := range g.peers {
		if p.Name != leader {
			g.stop(p.Name)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := g.members[leader].Propose(ctx, &Register{"b", 1, "wasm", 0}); err == nil {
		t.Error("a coordinator that lost the others takes a command")
	}
}

// TestAlone: a group of one leads, applies, and is where it was when it starts again; terms grow, so that Tick gives grace.
func TestAlone(t *testing.T) {
	cfg := ReplicaConfig{Name: "only", Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	var last []byte
	var before uint64
	for range 2 {
		r, err := OpenReplica(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Assemble(t.Context()), r.Start()); err != nil {
			t.Fatal(err)
		}
		if leads := <-r.Leadership(); !leads || r.Leader() != aloneAt {
			t.Fatalf("%q leads", r.Leader())
		}
		term, err := r.Lead()
		if err != nil || term <= before {
			t.Fatalf("term %d after %d: %v", term, before, err)
		}
		before = term
		r.View(func(m *Machine) {
			if last != nil && !bytes.Equal(m.Encode(), last) {
				t.Error("it has another machine when it starts again")
			}
		})
		if out, err := r.Propose(t.Context(), &Tick{term, 0}); err != nil || out.Code != OK {
			t.Fatal(out, err)
		}
		r.View(func(m *Machine) { last = m.Encode() })
		if _, err := OpenReplica(cfg); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("two coordinators have one directory: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Propose(t.Context(), &Tick{term, 1}); !errors.Is(err, ErrUnknown) {
			t.Errorf("a command to a coordinator that has ended: %v", err)
		}
	}
	if _, err := OpenReplica(ReplicaConfig{Dir: t.TempDir()}); err == nil {
		t.Error("a coordinator without a name starts")
	}
}

// TestFollower: a coordinator that does not lead says who does.
func TestFollower(t *testing.T) {
	g := newGroup(t, 3, nil)
	_, leader := g.propose(&Renew{})
	g.agree()
	for id, r := range g.members {
		if id == leader {
			continue
		}
		if _, err := r.Propose(t.Context(), &Renew{}); !errors.Is(err, ErrNotLeader) || !strings.Contains(err.Error(), g.members[leader].ID()+"@"+g.members[leader].address(leader)+" does") {
			t.Errorf("%s: %v", id, err)
		}
	}
}
