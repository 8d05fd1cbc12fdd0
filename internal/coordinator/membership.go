package coordinator

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// Members returns the ids of the coordinators that vote, as far as this one knows; nil once it is closed.
func (r *Replica) Members() []string {
	future := r.raft.GetConfiguration()
	if future.Error() != nil {
		return nil
	}
	var out []string
	for _, m := range membersOf(future.Configuration()) {
		if m.Votes {
			out = append(out, m.ID)
		}
	}
	return out
}

// ErrNoPlace is in the error of Admit of a coordinator that can't be taken in, however often it asks.
var ErrNoPlace = errors.New("there is no place for it in the group")

// Admit takes the coordinator with an id and an address into the group, in the place of those that had its name and whose disk is lost.
// Only the leader can. First it is sent what was decided, without a vote. Once it has that, its predecessor goes, and it votes. So there
// are never more votes that nobody can give than the loss itself took, and whoever votes remembers. The error of a step that takes
// time says so: Admit is to be called again, and goes on where it ended, at another leader too.
func (r *Replica) Admit(ctx context.Context, id, addr string) error {
	future := r.raft.GetConfiguration()
	if err := future.Error(); err != nil {
		return r.explain(err)
	}
	group := membersOf(future.Configuration())
	var lost []Member
	for _, m := range group {
		switch {
		case m.ID == id && m.Votes:
			return nil
		case m.ID != id && NameOf(m.ID) == NameOf(id):
			lost = append(lost, m)
		}
	}
	if err := r.gone(ctx, lost); err != nil {
		return err
	}
	if !has(group, id) {
		if len(lost) == 0 {
			return fmt.Errorf("coordinator: %s: %w of %s", NameOf(id), ErrNoPlace, names(group))
		}
		if err := r.raft.AddNonvoter(raft.ServerID(id), at(id, addr), 0, 0).Error(); err != nil {
			return r.explain(err)
		}
	}
	if err := r.caughtUp(ctx, id, addr); err != nil {
		return err
	}
	for _, m := range lost {
		if err := r.raft.RemoveServer(raft.ServerID(m.ID), 0, 0).Error(); err != nil {
			return r.explain(err)
		}
	}
	if err := r.raft.AddVoter(raft.ServerID(id), at(id, addr), 0, 0).Error(); err != nil {
		return r.explain(err)
	}
	return nil
}

// gone returns an error if one of the members whose place is wanted is there.
func (r *Replica) gone(ctx context.Context, lost []Member) error {
	for _, m := range lost {
		s, err := r.network.ask(ctx, m.Addr)
		if m.ID == r.id || err == nil && s.ID == m.ID {
			return fmt.Errorf("coordinator: %w: coordinator %s is there, at %s, with its disk: two can't have one --id", ErrNoPlace, NameOf(m.ID), m.Addr)
		}
	}
	return nil
}

// fewCommands is how far behind a coordinator may be that is to vote: the log still has what it lacks.
const fewCommands = commandsKept / 2

// caughtUp returns an error until a coordinator has nearly all that was decided.
func (r *Replica) caughtUp(ctx context.Context, id, addr string) error {
	s, err := r.network.ask(ctx, addr)
	switch decided := r.raft.CommitIndex(); {
	case err != nil:
		return fmt.Errorf("coordinator: %s does not answer at %s: %w", NameOf(id), addr, err)
	case s.ID != id:
		return fmt.Errorf("coordinator: at %s is %s, not %s", addr, s.ID, id)
	case s.Last+fewCommands < decided:
		return fmt.Errorf("coordinator: %s has %d of %d commands", NameOf(id), s.Last, decided)
	}
	return nil
}
