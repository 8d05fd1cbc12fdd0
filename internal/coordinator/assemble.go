package coordinator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Account is what a coordinator tells others of itself.
type Account struct {
	ID     string
	Peers  []Peer   // that it was given
	Group  []Member // that it knows of; none where it knows of no group
	Leader string   // id of who leads, "" where it knows of nobody
	Blank  bool     // its disk has neither a log nor a vote
	Last   uint64   // command of its log
}

// account returns what this coordinator tells others.
func (r *Replica) account() (s Account, err error) {
	s = Account{ID: r.id, Peers: r.cfg.Peers}
	select {
	case <-r.started:
		future := r.raft.GetConfiguration()
		if err := future.Error(); err != nil {
			return s, err
		}
		_, leader := r.raft.LeaderWithID()
		s.Group, s.Leader, s.Last = membersOf(future.Configuration()), string(leader), r.raft.LastIndex()
	default:
		r.mu.Lock()
		s.Group = membersOf(r.known)
		r.mu.Unlock()
	}
	if s.Blank, err = r.blank(); err != nil {
		return s, err
	}
	if s.Last == 0 {
		s.Last, err = r.store.LastIndex()
	}
	return s, err
}

// Pauses between questions to the others, and between lines in the log about what is waited for.
const (
	firstAsk = 50 * time.Millisecond
	lastAsk  = time.Second
	sayEvery = 10 * time.Second
)

// Assemble waits until this coordinator may take part in a group. One that knows its group may at once. One with an empty disk asks
// the others, until either all of them say that they are as empty (the first by name then founds the group), or some of them are a group
// that has a leader, which it is then to join. It returns an error where neither can come, and that of ctx if that ends before.
func (r *Replica) Assemble(ctx context.Context) error {
	if r.alone() {
		return nil
	}
	var said string
	var when time.Time
	seen := map[string]string{} // the last id of each peer
	for pause := firstAsk; ; pause = min(2*pause, lastAsk) {
		own, err := r.account()
		if err != nil {
			return fmt.Errorf("coordinator: %w", err)
		}
		v := judge(own, r.survey(ctx, seen))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case v.err != nil:
			return fmt.Errorf("coordinator: %w", v.err)
		case v.found != nil:
			if err := r.found(v.found...); err != nil {
				return fmt.Errorf("coordinator: found a group in %s: %w", r.cfg.Dir, err)
			}
			r.cfg.Log.Info("founded a group", "id", r.id)
			return nil
		case v.wait == "":
			return nil
		}
		if v.wait != said || time.Since(when) >= sayEvery {
			said, when = v.wait, time.Now()
			r.cfg.Log.Warn("waiting for other coordinators: this one's directory is empty", "reason", v.wait)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answer is what came of asking a peer.
type answer struct {
	peer Peer
	Account
	err  error
	seen string // the last id that it said, now or before: "" if it never did
}

// survey asks all others how they are, and notes who they say that they are.
func (r *Replica) survey(ctx context.Context, seen map[string]string) []answer {
	var out []answer
	for _, p := range r.cfg.Peers {
		if p.Name != r.cfg.Name {
			out = append(out, answer{peer: p})
		}
	}
	var asked sync.WaitGroup
	for i := range out {
		asked.Go(func() {
			a := &out[i]
			a.Account, a.err = r.network.ask(ctx, a.peer.Addr)
			if a.err == nil && NameOf(a.ID) != a.peer.Name {
				a.err = fmt.Errorf("it is coordinator %s", NameOf(a.ID))
			}
		})
	}
	asked.Wait()
	for i, a := range out {
		if a.err == nil {
			seen[a.peer.Name] = a.ID
		}
		out[i].seen = seen[a.peer.Name]
	}
	return out
}

// verdict is what a coordinator is to do: to found a group, to wait for something, to give up, or else to take part.
type verdict struct {
	found []raft.Server
	wait  string
	err   error
}

// judge decides from how a coordinator is and from what the others said.
func judge(own Account, others []answer) verdict {
	if len(own.Group) > 0 {
		return verdict{}
	}
	var group []Member // as who knows most of it has it
	var leader string
	var last uint64
	for _, a := range others {
		switch {
		case a.err != nil || len(a.Group) == 0:
			continue
		case has(a.Group, own.ID): // its disk has been what it is now all the while, and need not be forgiven anything
			return verdict{}
		case group == nil || a.Last > last:
			group, last = a.Group, a.Last
		}
		if a.Leader != "" {
			leader = a.Leader
		}
	}
	if group == nil {
		return first(own, others)
	}
	if err := survives(group, own, others); err != nil {
		return verdict{err: err}
	}
	if leader == "" {
		return verdict{wait: fmt.Sprintf("nobody leads %s yet, which this one can join then", names(group))}
	}
	return verdict{}
}

// survives returns an error if a group that a coordinator is to join can't go on, or has no place for it. Members are lost whose
// names others have by now, or had when they were last there: one that gives up for the same reason.
func survives(group []Member, own Account, others []answer) error {
	voters, lost, place := 0, []string(nil), false
	for _, m := range group {
		name := NameOf(m.ID)
		place = place || name == NameOf(own.ID)
		if !m.Votes {
			continue
		}
		voters++
		if name == NameOf(own.ID) || slices.ContainsFunc(others, func(a answer) bool { return a.peer.Name == name && a.seen != "" && a.seen != m.ID }) {
			lost = append(lost, name)
		}
	}
	switch {
	case 2*(voters-len(lost)) <= voters:
		return fmt.Errorf("the coordinators %s are a group, and the directories of %s are empty: too few are left that know what it decided. "+
			"Start them with the directories that they had. If those are lost, the runs are too, but for the draws in the directories runs/ that are left: "+
			"move the directories of all coordinators away, and start them anew", names(group), strings.Join(lost, " and "))
	case !place:
		return fmt.Errorf("the coordinators %s are a group, and %s is none of them: one whose disk is lost comes back under its own --id", names(group), NameOf(own.ID))
	}
	return nil
}

// first decides where nobody knows of a group. One of all founds it, and only once all are there: one that is away may know.
func first(own Account, others []answer) verdict {
	var away []string
	servers := []raft.Server{}
	add := func(name, id, addr string) {
		servers = append(servers, raft.Server{ID: raft.ServerID(id), Address: at(id, addr)})
	}
	for _, p := range own.Peers {
		if p.Name == NameOf(own.ID) {
			add(p.Name, own.ID, p.Addr)
		}
	}
	for _, a := range others {
		switch {
		case a.err != nil:
			away = append(away, fmt.Sprintf("%s at %s does not answer (%v)", a.peer.Name, a.peer.Addr, a.err))
		case !sameNames(a.Peers, own.Peers):
			return verdict{err: fmt.Errorf("coordinator %s has other --peers than %s: give both the same", a.peer.Name, NameOf(own.ID))}
		case !a.Blank:
			away = append(away, a.peer.Name+" has voted in a group that is lost: stop it, remove its directory, and start it again")
		default:
			add(a.peer.Name, a.ID, a.peer.Addr)
		}
	}
	if len(away) > 0 {
		return verdict{wait: strings.Join(away, "; ") + ": a group begins once all of --peers say that they are empty"}
	}
	if !own.Blank {
		return verdict{err: errors.New("this coordinator has voted in a group that is lost: remove its directory, and start it again")}
	}
	slices.SortFunc(servers, func(a, b raft.Server) int { return strings.Compare(string(a.ID), string(b.ID)) })
	if founder := NameOf(string(servers[0].ID)); founder != NameOf(own.ID) {
		return verdict{wait: fmt.Sprintf("%s is about to found the group", founder)}
	}
	return verdict{found: servers}
}

// names returns the names of those that vote.
func names(group []Member) string {
	var out []string
	for _, m := range group {
		if m.Votes {
			out = append(out, NameOf(m.ID))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func sameNames(a, b []Peer) bool {
	list := func(peers []Peer) []string {
		var out []string
		for _, p := range peers {
			out = append(out, p.Name)
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(list(a), list(b))
}
