package coordinator

import (
	"crypto/sha256"
	"reflect"
	"testing"
)

// lateScript returns a run of four packs with an open barrier after block 0, and two that wait for all; packs 0 and 1 have come to the first.
func lateScript(t *testing.T) *script {
	spec := sampling(4, 20)
	spec.Warmup = []Step{{Draws: 5, Barrier: true, Open: true}, {Draws: 7, Barrier: true}, {Draws: 9, Barrier: true}}
	s := newScript(t, spec)
	s.ok(&Tick{1, 0})
	s.worker("a", "wasm", 4)
	s.ok(s.commit(0, 1, "report 0"))
	s.ok(s.tick(700))
	if got := s.m.Gathering(); got != nil {
		t.Errorf("one pack of four waits, and %v gather", got)
	}
	s.ok(s.commit(1, 1, "report 1"))
	s.ok(s.tick(900))
	return s
}

// TestLateDecision: at an open barrier half of the packs may decide. Those that are late make their blocks as they would have, and
// follow the decision; what they report does not count; the next barriers wait for them.
func TestLateDecision(t *testing.T) {
	s := lateScript(t)
	if got, want := s.m.Gathering(), []Gathering{{"r", 0, 900}}; !reflect.DeepEqual(got, want) {
		t.Fatalf("gathering: %v, want %v", got, want)
	}
	due, ok := s.m.Without("r", 0)
	if !ok || !reflect.DeepEqual(due.Excluded, []uint32{2, 3}) {
		t.Fatalf("due without late packs: %+v", due)
	}
	s.want(&Decide{Run: "r", K: 0, Inputs: due.Inputs, Payload: []byte("ε"), Excluded: due.Excluded}, "ok; decided 0")
	s.want(&Decide{Run: "r", K: 0, Inputs: due.Inputs, Payload: []byte("other"), Excluded: due.Excluded}, "duplicate")
	snapshot := s.m.Encode()
	if m, err := Decode(snapshot); err != nil || string(m.Encode()) != string(snapshot) {
		t.Fatalf("a snapshot with late packs: %v", err)
	}
	s.want(s.commit(0, 1, "second 0"), "ok; ok; block 0/1")
	if s.m.Barrier("r", 0) || !s.m.Barrier("r", 1) {
		t.Error("a barrier that was decided wants reports, or one that was not wants none")
	}
	s.want(s.commitUnder(2, 1, 1, ""), "ok; forked") // made under a decision that it comes before
	s.want(s.commitUnder(2, 1, 0, ""), "ok; ok; block 2/0")
	s.want(s.commitUnder(3, 1, 0, "too late"), "ok; ok; block 3/0")
	s.want(s.commitUnder(3, 1, 0, "second 3"), "ok; forked")
	for _, pack := range []uint32{1, 2} {
		s.ok(s.commitUnder(pack, 1, 1, "second"))
	}
	if got := s.m.Gathering(); got != nil {
		t.Errorf("at a barrier that waits for all %v gather", got)
	}
	closed, _ := s.m.Without("r", 1)
	s.want(&Decide{Run: "r", K: 1, Inputs: closed.Inputs, Excluded: closed.Excluded}, "invalid")
	s.want(s.commitUnder(3, 1, 1, "second 3"), "ok; ok; block 3/1; due 1 warmup=true")
	if got := s.m.Reports("r"); string(got[3]) != "second 3" {
		t.Errorf("the reports are %q", got)
	}
}

// TestLateDecisionRefused: decisions that leave out who is there, count who is not, are taken by too few, from other inputs, or end the
// warmup, are refused, and change nothing.
func TestLateDecisionRefused(t *testing.T) {
	s := lateScript(t)
	due, _ := s.m.Without("r", 0)
	good := Decide{Run: "r", K: 0, Inputs: due.Inputs, Payload: []byte("ε"), Excluded: due.Excluded}
	for _, c := range []struct {
		what   string
		change func(*Decide)
		want   string
	}{
		{"nobody named", func(d *Decide) { d.Excluded = nil }, "early"},
		{"one of two named", func(d *Decide) { d.Excluded = []uint32{2} }, "forked"},
		{"one that is there", func(d *Decide) { d.Excluded = []uint32{1, 2, 3} }, "forked"},
		{"out of order", func(d *Decide) { d.Excluded = []uint32{3, 2} }, "forked"},
		{"no such pack", func(d *Decide) { d.Excluded = []uint32{2, 3, 4} }, "forked"},
		{"other inputs", func(d *Decide) { d.Inputs[0]++ }, "forked"},
		{"another plan", func(d *Decide) { d.Replan = true }, "invalid"},
		{"another block", func(d *Decide) { d.K = 1 }, "early"},
	} {
		before := string(s.m.Encode())
		bad := good
		c.change(&bad)
		if s.want(&bad, c.want); string(s.m.Encode()) != before {
			t.Errorf("%s: refused, and something changed", c.what)
		}
	}
	s.ok(s.commit(2, 1, "report 2")) // it came after all: the decision is to hear it
	s.want(&good, "forked")
	due, _ = s.m.Without("r", 0)
	s.want(&Decide{Run: "r", K: 0, Inputs: due.Inputs, Payload: []byte("ε"), Excluded: due.Excluded}, "ok; decided 0")

	few := sampling(3, 20)
	few.Warmup = []Step{{Draws: 5, Barrier: true, Open: true}}
	s = newScript(t, few)
	s.worker("a", "wasm", 3)
	s.ok(s.commit(0, 1, "report"))
	due, _ = s.m.Without("r", 0)
	s.want(&Decide{Run: "r", K: 0, Inputs: due.Inputs, Payload: []byte("ε"), Excluded: due.Excluded}, "early")
}

// TestLateHistories: with late packs left out at random, among faults, all that holds else holds, and the blocks of every pack are those
// that follow from the decisions in the log.
func TestLateHistories(t *testing.T) {
	reached := map[string]int{}
	for seed := range histories() / 3 {
		s := newLateSimulation(seed, true)
		if err := s.run(300); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		decisions := s.m.Decisions(simRun)
		for pack := range s.spec.Packs {
			prev := Genesis(simRun, &s.spec, pack)
			for k, got := range s.m.Ledger(simRun, pack) {
				var last Decision
				for _, d := range decisions {
					if int(d.K) < k {
						last = d
					}
				}
				if want := Digest(sha256.Sum256(append(prev[:], last.Payload...))); got != want {
					t.Fatalf("seed %d: block %d of pack %d does not follow from the log's decisions", seed, k, pack)
				}
				prev = got
			}
		}
		for what, n := range s.model.reached {
			reached[what] += n
		}
	}
	for _, what := range []string{"decided without late packs", "second lease", "expired", "overtaken", "restart", "block forked", "decide forked", "decide early", "decide invalid"} {
		if reached[what] == 0 {
			t.Errorf("%s: not once in all histories", what)
		}
	}
}

// commitUnder commits a pack's next block, made under so many decisions.
func (s *script) commitUnder(pack uint32, e Epoch, decisions uint32, with string) *Commit {
	b := s.next(pack, e, with)
	b.Decisions = decisions
	return &Commit{[]Block{b}}
}
