package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// Peer is a coordinator of a group. An ID belongs to a disk: a coordinator whose disk is lost comes back under another ID
// (Replica.Add, Replica.Remove), since the old one may have voted.
type Peer struct{ ID, Addr string }

// ReplicaConfig says how a coordinator joins its group.
type ReplicaConfig struct {
	ID        string
	Dir       string         // for the log and snapshots; made if it is not there
	Transport raft.Transport // Listen, or raft's in-memory one
	// Peers are all coordinators of a new group, this one among them: each member is given the same. Empty for one that joins a
	// group by Replica.Add. A coordinator that finds its state in Dir goes by that instead.
	Peers []Peer
	// Timeout is how long a leader may be silent before another is elected: default 500 ms, and 50 ms for a group of one, which
	// has nobody to wait for.
	Timeout time.Duration
	Log     *slog.Logger
}

// Replica is a machine that a group of coordinators keeps by Raft. Its methods may be called from several goroutines.
type Replica struct {
	raft  *raft.Raft
	store *raftboltdb.BoltStore
	fsm   *replicated
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

// OpenReplica starts a coordinator.
func OpenReplica(cfg ReplicaConfig) (*Replica, error) {
	if cfg.ID == "" {
		return nil, errors.New("coordinator: a coordinator of a group needs an id")
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("coordinator: %w", err)
	}
	logs := logWriter{cfg.Log}
	store, err := raftboltdb.New(raftboltdb.Options{
		Path: filepath.Join(cfg.Dir, logFile), BoltOptions: &bbolt.Options{Timeout: lockTimeout},
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, errInUse(cfg.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("coordinator: open %s in %s: %w", logFile, cfg.Dir, err)
	}
	r := &Replica{store: store, fsm: &replicated{machine: new(Machine)}}
	snapshots, err := raft.NewFileSnapshotStore(cfg.Dir, snapshotsKept, logs)
	if err == nil {
		err = r.start(cfg, snapshots, logs)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("coordinator: start in %s: %w", cfg.Dir, err), store.Close())
	}
	return r, nil
}

// CheckFree returns an error if another coordinator runs in a directory: what else that one keeps must not be opened either.
func CheckFree(dir string) error {
	path := filepath.Join(dir, logFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout, ReadOnly: true})
	if errors.Is(err, berrors.ErrTimeout) {
		return errInUse(dir)
	}
	if err != nil {
		return fmt.Errorf("coordinator: open %s: %w", path, err)
	}
	return db.Close()
}

func errInUse(dir string) error {
	return fmt.Errorf("coordinator: %s is in use by another coordinator: stop it, or choose another directory", dir)
}

// start makes a new group where there is none, and begins to take part.
func (r *Replica) start(cfg ReplicaConfig, snapshots raft.SnapshotStore, logs io.Writer) error {
	known, err := raft.HasExistingState(r.store, r.store, snapshots)
	if err != nil {
		return err
	}
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(cfg.ID)
	conf.LogOutput, conf.LogLevel = logs, "INFO"
	conf.HeartbeatTimeout = cfg.timeout()
	conf.ElectionTimeout = conf.HeartbeatTimeout
	conf.LeaderLeaseTimeout = conf.HeartbeatTimeout / 2
	if len(cfg.Peers) == 1 {
		conf.LeaderLeaseTimeout = conf.HeartbeatTimeout // how often a leader wakes to see that it has a majority: its own
	}
	conf.CommitTimeout = conf.HeartbeatTimeout / 10
	conf.SnapshotThreshold, conf.TrailingLogs = snapshotEvery, commandsKept
	if !known && len(cfg.Peers) > 0 {
		var group raft.Configuration
		for _, p := range cfg.Peers {
			group.Servers = append(group.Servers, raft.Server{ID: raft.ServerID(p.ID), Address: raft.ServerAddress(p.Addr)})
		}
		if err := raft.BootstrapCluster(conf, r.store, r.store, snapshots, cfg.Transport, group); err != nil {
			return err
		}
	}
	r.raft, err = raft.NewRaft(conf, r.fsm, r.store, r.store, snapshots, cfg.Transport)
	return err
}

func (c *ReplicaConfig) timeout() time.Duration {
	switch {
	case c.Timeout > 0:
		return c.Timeout
	case len(c.Peers) == 1:
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

// Members returns the ids of the coordinators that vote, as far as this one knows; nil once it is closed.
func (r *Replica) Members() []string {
	future := r.raft.GetConfiguration()
	if future.Error() != nil {
		return nil
	}
	var out []string
	for _, s := range future.Configuration().Servers {
		if s.Suffrage == raft.Voter {
			out = append(out, string(s.ID))
		}
	}
	return out
}

// Add makes a coordinator a member of the group. Only the leader can.
func (r *Replica) Add(p Peer) error {
	if err := r.raft.AddVoter(raft.ServerID(p.ID), raft.ServerAddress(p.Addr), 0, 0).Error(); err != nil {
		return r.explain(err)
	}
	return nil
}

// Remove ends the membership of a coordinator. Only the leader can.
func (r *Replica) Remove(id string) error {
	if err := r.raft.RemoveServer(raft.ServerID(id), 0, 0).Error(); err != nil {
		return r.explain(err)
	}
	return nil
}

// Close leaves the group for now: the coordinator can be opened again. It waits until everything has ended.
func (r *Replica) Close() error {
	if err := errors.Join(r.raft.Shutdown().Error(), r.store.Close()); err != nil {
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
