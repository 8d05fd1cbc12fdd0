package coordinator

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// TestLostDisk: a coordinator whose disk is lost, of all that which leads, comes back under its name and, with another id, in its place; then
// the group does without another one. What was decided stays, and who has been replaced is out.
func TestLostDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: elections take seconds")
	}
	g := newGroup(t, 3, nil)
	for _, cmd := range history(13, 40) {
		g.propose(cmd)
	}
	_, lost := g.propose(&Renew{})
	old := g.members[lost].ID()
	g.stop(lost)
	g.wipe(lost)
	g.start(lost)
	g.join(lost)
	want := g.agree()
	if !bytes.Equal(g.state(lost), want) {
		t.Error("the coordinator that is back has another machine")
	}
	_, leader := g.propose(&Renew{})
	members := g.members[leader].Members()
	if back := g.members[lost].ID(); back == old || len(members) != 3 || slices.Contains(members, old) || !slices.Contains(members, back) {
		t.Errorf("%s was %s, is %s, and the members are %v", lost, old, back, members)
	}
	if leader == lost {
		leader = g.other(lost)
	}
	g.stop(leader)
	if !bytes.Equal(g.agree(), want) {
		t.Error("the group has another machine without one of the others")
	}
}

// other returns another member.
func (g *group) other(name string) string {
	for _, p := range g.peers {
		if p.Name != name {
			return p.Name
		}
	}
	return ""
}

// TestForgottenVote: a coordinator that has lost its disk gives no vote in the place of the one that it was. Of three, one is behind when
// the one that led, and has decided with the third, loses its disk: the one behind must not be elected with that vote, for it knows
// nothing of what was decided.
func TestForgottenVote(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: elections take seconds")
	}
	g := newGroup(t, 3, nil)
	_, leader := g.propose(&Register{"a", 1, "wasm", 0})
	behind := g.other(leader)
	g.agree()
	g.stop(behind)
	for _, cmd := range history(14, 20) {
		g.propose(cmd)
	}
	knows := g.third(leader, behind)
	want := g.state(leader)
	g.stop(leader)
	g.stop(knows)
	g.wipe(leader)
	blank := g.open(leader)
	if err := blank.Start(); err != nil { // without Assemble, which would wait
		t.Fatal(err)
	}
	g.start(behind)
	elected := time.After(3 * time.Second) // ten times what an election takes
	for done := false; !done; {
		select {
		case leads := <-g.members[behind].Leadership():
			if leads {
				t.Fatal("the coordinator that is behind leads, with a vote of one that has forgotten")
			}
		case <-elected:
			done = true
		}
	}
	g.start(knows)
	g.join(leader)
	if got := g.agree(); !bytes.Equal(got, want) {
		t.Error("the group has forgotten what was decided")
	}
}

// third returns who is left of three, once it has what the others have.
func (g *group) third(leader, behind string) string {
	g.agree()
	for name := range g.members {
		if name != leader && name != behind {
			return name
		}
	}
	return ""
}

// TestMostDisksLost: two of three coordinators with empty disks make no group with one another, whether the third, which knows what was decided,
// is there or away; they say what to do.
func TestMostDisksLost(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: elections take seconds")
	}
	g := newGroup(t, 3, nil)
	g.propose(&Register{"a", 1, "wasm", 0})
	g.agree()
	for _, name := range []string{"c1", "c2", "c3"} {
		g.stop(name)
	}
	g.wipe("c1")
	g.wipe("c2")
	one, two := g.open("c1"), g.open("c2")
	brief, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	alone := make(chan error, 1)
	go func() { alone <- two.Assemble(brief) }()
	if a, b := one.Assemble(brief), <-alone; !errors.Is(a, context.DeadlineExceeded) || !errors.Is(b, context.DeadlineExceeded) {
		t.Errorf("two with empty disks, without the third: %v, %v", a, b)
	}
	g.open("c3")
	for _, r := range []*Replica{one, two} {
		err := r.Assemble(t.Context())
		if err == nil || !strings.Contains(err.Error(), "too few are left") || !strings.Contains(err.Error(), "c1 and c2") && !strings.Contains(err.Error(), "c2 and c1") {
			t.Errorf("%s, beside one that knows the group: %v", r.ID(), err)
		}
	}
}

// TestJudge: what a coordinator does by what the others say.
func TestJudge(t *testing.T) {
	peers := []Peer{{"a", "ha"}, {"b", "hb"}, {"c", "hc"}}
	empty := func(name string, letter string) Account {
		return Account{ID: name + "-" + strings.Repeat(letter, incarnation), Peers: peers, Blank: true}
	}
	of := func(accounts ...Account) (out []answer) {
		for _, a := range accounts {
			out = append(out, answer{peer: Peer{Name: NameOf(a.ID), Addr: "h" + NameOf(a.ID)}, Account: a, seen: a.ID})
		}
		return out
	}
	member := func(a Account) Member { return Member{a.ID, "h" + NameOf(a.ID), true} }
	a1, b1, c1, a2, b2 := empty("a", "1"), empty("b", "1"), empty("c", "1"), empty("a", "2"), empty("b", "2")
	grouped := func(a Account, leader string) Account {
		a.Group, a.Leader, a.Blank, a.Last = []Member{member(a1), member(b1), member(c1)}, leader, false, 7
		return a
	}
	voted := func(a Account) Account {
		a.Blank = false
		return a
	}
	others := func(a Account, names ...string) Account {
		a.Peers = nil
		for _, n := range names {
			a.Peers = append(a.Peers, Peer{n, "h" + n})
		}
		return a
	}
	away := []answer{{peer: peers[1], err: errors.New("refused")}, {peer: peers[2], err: errors.New("refused")}}
	d := Account{ID: "d-" + strings.Repeat("1", incarnation), Blank: true, Peers: append(slices.Clone(peers), Peer{"d", "hd"})}
	for what, c := range map[string]struct {
		own    Account
		others []answer
		want   string // in what it waits for or gives up with; "" where it takes part, "found" where it founds
	}{
		"it knows its group":                               {grouped(a1, ""), away, ""},
		"all are empty, and it is the first":               {a1, of(c1, b1), "found"},
		"all are empty, and another is the first":          {b1, of(a1, c1), "wait: a is about to found"},
		"one is away":                                      {a1, append(of(b1), away[1]), "wait: c at hc does not answer"},
		"all are away":                                     {a1, away, "wait: b at hb does not answer"},
		"another has founded the group":                    {b1, of(grouped(a1, ""), c1), ""},
		"its disk is lost":                                 {a2, of(grouped(b1, c1.ID), grouped(c1, c1.ID)), ""},
		"its disk is lost, and nobody leads":               {a2, of(grouped(b1, ""), grouped(c1, "")), "wait: nobody leads a, b, c"},
		"its disk is lost, and one is away":                {a2, append(of(grouped(b1, "")), away[1]), "wait: nobody leads a, b, c"},
		"its disk is lost, and another's":                  {a2, of(b2, grouped(c1, "")), "err: too few are left"},
		"its disk is lost, and another's, which has gone":  {a2, append(of(grouped(c1, "")), answer{peer: peers[1], err: errors.New("refused"), seen: b2.ID}), "err: too few are left"},
		"its disk is lost, and another has never got it":   {a2, of(b1, grouped(c1, "")), "wait: nobody leads a, b, c"},
		"another's is lost, and it has never got it":       {a1, of(b2, grouped(c1, "")), ""},
		"it is no peer of the others":                      {d, of(grouped(a1, a1.ID), grouped(b1, a1.ID), grouped(c1, a1.ID)), "err: d is none of them"},
		"others have other peers":                          {a1, of(others(b1, "a", "b"), c1), "err: coordinator b has other --peers"},
		"one has voted in a group that its founder lost":   {a2, of(voted(b1), c1), "wait: b has voted"},
		"it has voted in a group that its founder lost":    {voted(b1), of(a2, c1), "err: has voted in a group that is lost"},
		"it has voted, and who may know the group is away": {voted(b1), append(of(c1), answer{peer: peers[0], err: errors.New("refused")}), "wait: a at ha does not answer"},
	} {
		v := judge(c.own, c.others)
		got := "wait: " + v.wait
		switch {
		case v.err != nil:
			got = "err: " + v.err.Error()
		case v.found != nil:
			got = "found"
		case v.wait == "":
			got = ""
		}
		kind, text, _ := strings.Cut(c.want, ": ")
		if c.want == "" && got != "" || !strings.HasPrefix(got, kind) || !strings.Contains(got, text) {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	v := judge(a1, of(c1, b1))
	want := []raft.Server{{ID: raft.ServerID(a1.ID), Address: at(a1.ID, "ha")}, {ID: raft.ServerID(b1.ID), Address: at(b1.ID, "hb")}, {ID: raft.ServerID(c1.ID), Address: at(c1.ID, "hc")}}
	if !slices.Equal(v.found, want) {
		t.Errorf("it founds %v", v.found)
	}
}

// TestNoPlace: a coordinator can't get the place of one that is there, nor one that nobody has had.
func TestNoPlace(t *testing.T) {
	g := newGroup(t, 3, nil)
	_, leader := g.propose(&Renew{})
	for _, id := range []string{g.other(leader) + "-22222222", leader + "-22222222", "c9-22222222", "x", ""} {
		if err := g.members[leader].Admit(t.Context(), id, "127.0.0.1:1"); !errors.Is(err, ErrNoPlace) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if members := g.members[leader].Members(); len(members) != 3 {
		t.Errorf("members: %v", members)
	}
}

// TestDirectories: a directory belongs to the coordinator that began in it.
func TestDirectories(t *testing.T) {
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	addrs := free(t, 2)
	two := []Peer{{"a", addrs[0]}, {"b", addrs[1]}}
	open := func(name, dir string, peers []Peer) error {
		cfg := ReplicaConfig{Name: name, Dir: filepath.Join(dir), Peers: peers, Log: log}
		if peers != nil {
			cfg.Listen = addrs[0]
		}
		r, err := OpenReplica(cfg)
		if err == nil {
			if peers == nil {
				err = r.Start()
			}
			err = errors.Join(err, r.Close())
		}
		return err
	}
	alone, grouped := filepath.Join(dir, "alone"), filepath.Join(dir, "grouped")
	for _, c := range []struct {
		name, dir string
		peers     []Peer
		want      string
	}{
		{"a", alone, nil, ""}, {"a", alone, nil, ""}, {"b", alone, nil, "start it with --id a"}, {"a", alone, two, "was alone"},
		{"a", grouped, two, ""}, {"a", grouped, two, ""}, {"b", grouped, two, "start it with --id a"}, {"a", grouped, nil, "of a group"},
		{strings.Repeat("x", MaxCoordinator+1), dir, nil, "a name of 1 to"},
	} {
		err := open(c.name, c.dir, c.peers)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s in %s with %d peers: %v, want %q", c.name, c.dir, len(c.peers), err, c.want)
		}
	}
	if err := os.Remove(filepath.Join(grouped, logFile)); err != nil {
		t.Fatal(err)
	}
	if err := open("b", grouped, two); err != nil {
		t.Errorf("another one in a directory whose log is gone: %v", err)
	}
}
