package coordinator

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// A coordinator of a group has a name, which people give it, and an id, its name and an incarnation of random letters. The id is drawn
// when the coordinator first starts in an empty directory, and kept in the file that has its log and its votes: with them it is lost.
// So what has forgotten a vote has another id than what gave it, and Raft counts them as two (ADR 0013).

// incarnation is how many letters of an id follow its name and a hyphen: 40 random bits.
const incarnation = 8

// MaxCoordinator is the most letters that a coordinator's name has.
const MaxCoordinator = MaxName - 1 - incarnation

// NameOf returns the name in the id of a coordinator of a group.
func NameOf(id string) string { return id[:max(0, len(id)-1-incarnation)] }

// identityKey is where the id is, beside Raft's own keys.
var identityKey = []byte("drey id")

// identify returns the id that belongs to a disk, and draws it where there is none.
func (r *Replica) identify() (string, error) {
	stored, err := r.store.Get(identityKey)
	name, dir := r.cfg.Name, r.cfg.Dir
	switch id := string(stored); {
	case err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound):
		return "", err
	case r.alone() && err == nil:
		return "", fmt.Errorf("%s is that of coordinator %s of a group: name all of it in --peers, or choose another directory", dir, NameOf(id))
	case r.alone():
		if g := r.known.Servers; len(g) > 0 && string(g[0].ID) != name {
			return "", fmt.Errorf("%s is that of coordinator %s, and this one is %s: start it with --id %s, or choose another directory", dir, g[0].ID, name, g[0].ID)
		}
		return name, nil
	case err == nil && NameOf(id) != name:
		return "", fmt.Errorf("%s is that of coordinator %s, and this one is %s: start it with --id %s, or choose another directory", dir, NameOf(id), name, NameOf(id))
	case err == nil:
		return id, nil
	}
	blank, err := r.blank()
	if err != nil {
		return "", err
	}
	if !blank {
		return "", fmt.Errorf("%s is that of a coordinator that was alone: start it without --peers, or choose another directory", dir)
	}
	id := name + "-" + strings.ToLower(rand.Text()[:incarnation])
	return id, r.store.Set(identityKey, []byte(id))
}

// blank reports whether this disk has neither voted nor been told anything.
func (r *Replica) blank() (bool, error) {
	known, err := raft.HasExistingState(r.store, r.store, r.snapshots)
	return !known, err
}

// recall returns the group that a disk knows of without Raft running: that of its last snapshot, or of the log after it.
func (r *Replica) recall() (raft.Configuration, error) {
	var group raft.Configuration
	snapshots, err := r.snapshots.List()
	if err != nil {
		return group, err
	}
	first, err := r.store.FirstIndex()
	if err != nil {
		return group, err
	}
	if len(snapshots) > 0 {
		group, first = snapshots[0].Configuration, max(first, snapshots[0].Index+1)
	}
	last, err := r.store.LastIndex()
	if err != nil || last == 0 {
		return group, err
	}
	for i := first; i <= last; i++ {
		var entry raft.Log
		if err := r.store.GetLog(i, &entry); err != nil {
			return group, fmt.Errorf("read command %d of the log: %w", i, err)
		}
		if entry.Type == raft.LogConfiguration {
			group = raft.DecodeConfiguration(bytes.Clone(entry.Data))
		}
	}
	return group, nil
}

// Member is a coordinator of a group by its id.
type Member struct {
	ID, Addr string
	Votes    bool // else it is on its way into the group
}

// membersOf returns what a configuration of Raft holds.
func membersOf(c raft.Configuration) []Member {
	var out []Member
	for _, s := range c.Servers {
		_, addr := locate(s.Address)
		out = append(out, Member{string(s.ID), addr, s.Suffrage == raft.Voter})
	}
	return out
}

// has reports whether an id is among members.
func has(group []Member, id string) bool {
	return slices.ContainsFunc(group, func(m Member) bool { return m.ID == id })
}
