package coordinator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Peer is a coordinator by its name.
type Peer struct{ Name, Addr string }

// ReplicaConfig says how a coordinator takes part in its group.
type ReplicaConfig struct {
	Name string // of at most MaxCoordinator letters, digits, - and _
	Dir  string // for the log and snapshots; made if it is not there
	// Peers are all coordinators of the group, this one among them: each is given the same. With less than two it is alone, and opens no port.
	Peers  []Peer
	Listen string      // HOST:PORT for the others; this one's address in Peers is where they reach it
	TLS    *tls.Config // of connections, which should ask for certificates of both sides; nil for TCP
	// Timeout is how long a leader may be silent before another is elected: default 500 ms, and 50 ms for a group of one, which
	// has nobody to wait for.
	Timeout time.Duration
	Log     *slog.Logger
}

// Replica is a machine that a group of coordinators keeps by Raft. Its methods may be called from several goroutines.
type Replica struct {
	cfg       ReplicaConfig
	id        string
	store     *raftboltdb.BoltStore
	snapshots raft.SnapshotStore
	fsm       *replicated
	network   *network // nil where it is alone
	transport raft.Transport
	started   chan struct{} // closed once raft is there
	raft      *raft.Raft

	mu    sync.Mutex         // guards the field below
	known raft.Configuration // what the disk knew of the group before Start
}

// ErrNotLeader is in the error of a command that another coordinator has to take.
var ErrNotLeader = errors.New("this coordinator does not lead")

// ErrUnknown is in the error of a command that may or may not have been applied: send it again, which is harmless.
var ErrUnknown = errors.New("whether the command was applied is not known")

// A snapshot takes the place of the log after so many commands, and so many of them are kept beside it, for a coordinator that has
// been away a moment. A command of a busy sink has a hundred kilobytes: the log stays at a few hundred megabytes at most.
const (
	snapshotEvery = 2048
	commandsKept  = 512
)

// logFile is the log's name in a coordinator's directory.
const logFile = "raft.db"

const (
	snapshotsKept = 2
	aloneTimeout  = 50 * time.Millisecond
	groupTimeout  = 500 * time.Millisecond
	lockTimeout   = 300 * time.Millisecond // for the disk of a coordinator that is just ending
)

// aloneAt stands for the address of a coordinator that has no others.
const aloneAt = "alone"

// OpenReplica opens a coordinator's disk, which it has for itself then, and tells others who it is. It takes part after Assemble and Start.
func OpenReplica(cfg ReplicaConfig) (*Replica, error) {
	if cfg.Name == "" || len(cfg.Name) > MaxCoordinator {
		return nil, fmt.Errorf("coordinator: a coordinator of a group needs a name of 1 to %d letters", MaxCoordinator)
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("coordinator: %w", err)
	}
	store, err := raftboltdb.New(raftboltdb.Options{
		Path: filepath.Join(cfg.Dir, logFile), BoltOptions: &bbolt.Options{Timeout: lockTimeout},
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("coordinator: %s is in use by another coordinator: stop it, or choose another directory", cfg.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("coordinator: open %s in %s: %w", logFile, cfg.Dir, err)
	}
	r := &Replica{cfg: cfg, store: store, fsm: &replicated{machine: new(Machine)}, started: make(chan struct{})}
	if err := r.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("coordinator: %w", err), store.Close())
	}
	return r, nil
}

func (r *Replica) alone() bool { return len(r.cfg.Peers) < 2 }

// open reads who the coordinator is and what it knows of its group, and listens for the others.
func (r *Replica) open() (err error) {
	logs := logWriter{r.cfg.Log}
	if r.snapshots, err = raft.NewFileSnapshotStore(r.cfg.Dir, snapshotsKept, logs); err != nil {
		return err
	}
	if r.known, err = r.recall(); err != nil {
		return err
	}
	if r.id, err = r.identify(); err != nil {
		return err
	}
	if r.alone() {
		_, r.transport = raft.NewInmemTransport(aloneAt)
		return nil
	}
	r.network = &network{tls: r.cfg.TLS, id: r.id, advertise: r.address(r.cfg.Name), account: r.account, log: r.cfg.Log}
	if err := listen(r.cfg.Listen, r.network); err != nil {
		return err
	}
	r.transport = raft.NewNetworkTransport(r.network, connections, requestTimeout, logs)
	return nil
}

// address returns where a peer is reached, "" if it is none.
func (r *Replica) address(name string) string {
	for _, p := range r.cfg.Peers {
		if p.Name == name {
			return p.Addr
		}
	}
	return ""
}

// ID returns who this coordinator is in its group: its name if it is alone, else its name and an incarnation that belongs to its disk.
func (r *Replica) ID() string { return r.id }

// Start has the coordinator take part: vote, and lead where it is elected. A group has been assembled before (Assemble).
func (r *Replica) Start() (err error) {
	conf := r.config()
	if r.alone() {
		blank, err := r.blank()
		if err == nil && blank {
			err = r.found(raft.Server{ID: raft.ServerID(r.id), Address: aloneAt})
		}
		if err != nil {
			return fmt.Errorf("coordinator: start in %s: %w", r.cfg.Dir, err)
		}
	}
	if r.raft, err = raft.NewRaft(conf, r.fsm, r.store, r.store, r.snapshots, r.transport); err != nil {
		return fmt.Errorf("coordinator: start in %s: %w", r.cfg.Dir, err)
	}
	close(r.started)
	if r.network != nil {
		r.network.serves.Store(true)
	}
	return nil
}

func (r *Replica) config() *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(r.id)
	conf.LogOutput, conf.LogLevel = logWriter{r.cfg.Log}, "INFO"
	conf.HeartbeatTimeout = r.cfg.timeout()
	conf.ElectionTimeout = conf.HeartbeatTimeout
	conf.LeaderLeaseTimeout = conf.HeartbeatTimeout / 2
	if r.alone() {
		conf.LeaderLeaseTimeout = conf.HeartbeatTimeout // how often a leader wakes to see that it has a majority: its own
	}
	conf.CommitTimeout = conf.HeartbeatTimeout / 10
	conf.SnapshotThreshold, conf.TrailingLogs = snapshotEvery, commandsKept
	return conf
}

// found makes a new group on this disk.
func (r *Replica) found(servers ...raft.Server) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	group := raft.Configuration{Servers: servers}
	if err := raft.BootstrapCluster(r.config(), r.store, r.store, r.snapshots, r.transport, group); err != nil {
		return err
	}
	r.known = group
	return nil
}

func (c *ReplicaConfig) timeout() time.Duration {
	switch {
	case c.Timeout > 0:
		return c.Timeout
	case len(c.Peers) < 2:
		return aloneTimeout
	}
	return groupTimeout
}

// Propose has the group apply a command, and returns what came of it once a majority has it on disk. The error is one of
// ErrNotLeader, ErrUnknown, or of ctx, after which it is not known either.
func (r *Replica) Propose(ctx context.Context, cmd Command) (Result, error) {
	done := make(chan raft.ApplyFuture, 1)
	go func() { // it ends with the command, or with the replica
		future := r.raft.Apply(EncodeCommand(cmd), 0)
		_ = future.Error()
		done <- future
	}()
	select {
	case <-ctx.Done():
		return Result{}, ctx.Err()
	case future := <-done:
		if err := future.Error(); err != nil {
			return Result{}, r.explain(err)
		}
		return future.Response().(Result), nil
	}
}

// explain says what an error of Raft means to whoever proposed.
func (r *Replica) explain(err error) error {
	if errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrLeadershipTransferInProgress) {
		if addr := r.Leader(); addr != "" {
			return fmt.Errorf("coordinator: %w: %s does", ErrNotLeader, addr)
		}
		return fmt.Errorf("coordinator: %w, nor is another known to: try again", ErrNotLeader)
	}
	return fmt.Errorf("coordinator: %w: %w", ErrUnknown, err)
}

// View calls f with the machine as far as this coordinator knows: that of a leader after Lead has returned is what was decided,
// that of others may be behind. f must neither change nor keep it.
func (r *Replica) View(f func(*Machine)) {
	r.fsm.mu.Lock()
	defer r.fsm.mu.Unlock()
	f(r.fsm.machine)
}

// Leadership returns a channel that says true when this coordinator begins to lead, and false when it ends.
func (r *Replica) Leadership() <-chan bool { return r.raft.LeaderCh() }

// Lead makes sure that a new leader has all that was decided before it, and returns its term, for Tick.
func (r *Replica) Lead() (term uint64, err error) {
	if err := r.raft.Barrier(0).Error(); err != nil {
		return 0, r.explain(err)
	}
	return r.raft.CurrentTerm(), nil
}

// Leader returns the address of the coordinator that leads, "" if none is known to.
func (r *Replica) Leader() string {
	addr, _ := r.raft.LeaderWithID()
	return string(addr)
}

// Close leaves the group for now: the coordinator can be opened again. It waits until everything has ended.
func (r *Replica) Close() error {
	var errs []error
	select {
	case <-r.started:
		errs = append(errs, r.raft.Shutdown().Error())
	default:
	}
	if n, ok := r.transport.(*raft.NetworkTransport); ok {
		errs = append(errs, n.Close())
	}
	if err := errors.Join(append(errs, r.store.Close())...); err != nil {
		return fmt.Errorf("coordinator: close: %w", err)
	}
	return nil
}

// replicated is the machine as Raft sees it.
type replicated struct {
	mu      sync.Mutex // guards machine
	machine *Machine
}

// Apply panics at a command that this program can't read: a coordinator that went on without it would not be a copy any more.
func (f *replicated) Apply(l *raft.Log) any {
	cmd, err := DecodeCommand(l.Data)
	if err != nil {
		panic(fmt.Sprintf("%v (command %d of the log)", err, l.Index))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.machine.Apply(cmd)
}

func (f *replicated) Snapshot() (raft.FSMSnapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return frozen(f.machine.Encode()), nil
}

func (f *replicated) Restore(from io.ReadCloser) error {
	defer from.Close()
	b, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("coordinator: read a snapshot: %w", err)
	}
	m, err := Decode(b)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.machine = m
	return nil
}

// frozen is an encoded machine.
type frozen []byte

func (s frozen) Persist(to raft.SnapshotSink) error {
	if _, err := to.Write(s); err != nil {
		return errors.Join(err, to.Cancel())
	}
	return to.Close()
}

func (s frozen) Release() {}

// logWriter hands Raft's lines to a logger, as debugging.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(line []byte) (int, error) {
	w.log.Debug("raft", "line", strings.TrimSpace(string(line)))
	return len(line), nil
}
