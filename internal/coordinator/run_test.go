package coordinator

import (
	"strings"
	"testing"
)

// TestBarrier: the next block waits for the decision, the decision for the last pack; the first decision is final.
func TestBarrier(t *testing.T) {
	spec := sampling(2, 20)
	spec.Warmup = []Step{{Draws: 5}, {Draws: 7, Barrier: true}, {Draws: 9, Barrier: true}}
	s := newScript(t, spec)
	s.worker("a", "wasm", 2)
	for pack := range uint32(2) {
		s.want(s.commit(pack, 1, "report"), "ok; invalid")
		s.ok(s.commit(pack, 1, ""))
	}
	s.want(s.commit(0, 1, ""), "ok; invalid")
	s.want(s.commit(0, 1, "report 0"), "ok; ok; block 0/1")
	s.want(s.commit(0, 1, "report"), "ok; early")
	s.want(&Decide{Run: "r", K: 1}, "early")
	s.want(s.commit(1, 1, "report 1"), "ok; ok; block 1/1; due 1 warmup=true")
	if got := s.m.Reports("r"); string(got[0])+string(got[1]) != "report 0report 1" {
		t.Errorf("the reports are %q", got)
	}
	due := s.m.Due()[0].(DecisionDue)
	decide := Decide{Run: "r", K: 1, Inputs: due.Inputs, Payload: []byte("ε")}
	with := func(f func(*Decide)) *Decide {
		d := decide
		f(&d)
		return &d
	}
	s.want(with(func(d *Decide) { d.Inputs[0]++ }), "forked")
	s.want(with(func(d *Decide) { d.K = 2 }), "early")
	s.want(with(func(d *Decide) { d.Stop = true }), "invalid")
	s.want(with(func(d *Decide) { d.Rest = []Step{{Draws: 1, Barrier: true}} }), "invalid")
	s.want(with(func(d *Decide) { d.Replan, d.Rest = true, []Step{{Draws: 0, Barrier: true}} }), "invalid")
	s.want(with(func(d *Decide) { d.Replan, d.Rest = true, make([]Step, MaxWarmup) }), "invalid")
	s.want(&decide, "ok; decided 1")
	s.want(with(func(d *Decide) { d.Payload = []byte("another") }), "duplicate")
	if got := s.m.Decisions("r"); len(got) != 1 || string(got[0].Payload) != "ε" {
		t.Errorf("the decisions are %v", got)
	}
}

// TestWarmupEndsEarly: a decision may replace the rest of warmup, and sampling follows.
func TestWarmupEndsEarly(t *testing.T) {
	spec := sampling(1, 20)
	spec.Warmup = []Step{{Draws: 5, Barrier: true}, {Draws: 7, Barrier: true}, {Draws: 9, Barrier: true}}
	s := newScript(t, spec)
	s.worker("a", "wasm", 1)
	s.want(s.commit(0, 1, "report"), "ok; ok; block 0/0; due 0 warmup=true")
	s.want(&Decide{Run: "r", K: 0, Inputs: s.m.Due()[0].(DecisionDue).Inputs, Replan: true, Rest: []Step{{Draws: 3}}}, "ok; decided 0")
	for k, want := range []string{"block 0/1", "block 0/2", "block 0/3; a loses 0/1: run ended; done 20"} {
		s.want(s.commit(0, 1, ""), "ok; ok; "+want)
		if got := s.m.Blocks("r"); got != 4 {
			t.Fatalf("after block %d, %d blocks count", k+1, got)
		}
	}
}

// TestStopRule: a decision is due when all packs have block k, whoever is ahead; where it stops the run, blocks after k do not
// count, and an extension takes them up.
func TestStopRule(t *testing.T) {
	spec := sampling(2, 95)
	spec.CheckEvery = 2
	s := newScript(t, spec)
	s.worker("a", "wasm", 2)
	for range 5 {
		s.ok(s.commit(0, 1, ""))
	}
	s.ok(s.commit(1, 1, ""))
	s.want(s.commit(1, 1, ""), "ok; ok; block 1/1; due 1 warmup=false")
	inputs := func() Digest { return s.m.Due()[0].(DecisionDue).Inputs }
	s.want(&Decide{Run: "r", K: 1, Inputs: inputs(), Replan: true}, "invalid")
	s.want(&Decide{Run: "r", K: 1, Inputs: inputs(), Payload: []byte{1}}, "invalid")
	s.want(&Decide{Run: "r", K: 1, Inputs: inputs()}, "ok; decided 1")
	s.ok(s.commit(1, 1, ""))
	s.ok(s.commit(1, 1, ""))
	s.want(&Decide{Run: "r", K: 3, Inputs: inputs(), Stop: true}, "ok; decided 3; running 40; a loses 0/1: run ended; a loses 1/1: run ended; done 40")
	s.want(&Decide{Run: "r", K: 3, Stop: false}, "duplicate")
	if got := len(s.m.Ledger("r", 0)); got != 5 || s.m.Blocks("r") != 4 {
		t.Errorf("pack 0 has %d blocks, of which %d count; want 5 and 4", got, s.m.Blocks("r"))
	}
	s.want(&Resume{CommandID{1}, "r"}, "ended")
	s.want(&Extend{CommandID{2}, "r", 55}, "ok; running 55")
	s.want(&Extend{CommandID{2}, "r", 55}, "duplicate")
	s.worker("a", "wasm", 2)
	s.ok(s.commit(0, 2, ""))
	s.ok(s.commit(1, 2, ""))
	s.want(s.commit(1, 2, ""), "ok; ok; block 1/5; a loses 0/2: run ended; a loses 1/2: run ended; done 55")
}

// TestExtensionMakesDraws: the stop rule is not asked about the draws that were there when a run was extended.
func TestExtensionMakesDraws(t *testing.T) {
	spec := sampling(1, 20)
	spec.CheckEvery = 2
	s := newScript(t, spec)
	s.worker("a", "wasm", 1)
	s.ok(s.commit(0, 1, ""))
	s.want(s.commit(0, 1, ""), "ok; ok; block 0/1; a loses 0/1: run ended; done 20")
	s.want(&Extend{CommandID{1}, "r", 60}, "ok; running 60")
	s.worker("a", "wasm", 1)
	s.want(s.commit(0, 2, ""), "ok; ok; block 0/2")
	s.want(s.commit(0, 2, ""), "ok; ok; block 0/3; due 3 warmup=false")
}

// TestStopWaitsForNoRule: a run that its user stops is not judged any more, also where that is due, and is again once it goes on.
func TestStopWaitsForNoRule(t *testing.T) {
	spec := sampling(2, 95)
	spec.CheckEvery = 2
	s := newScript(t, spec)
	s.worker("a", "wasm", 2)
	s.ok(s.commit(0, 1, ""))
	s.ok(s.commit(0, 1, ""))
	s.ok(s.commit(0, 1, ""))
	s.ok(s.commit(1, 1, ""))
	s.want(s.commit(1, 1, ""), "ok; ok; block 1/1; due 1 warmup=false")
	inputs := s.m.Due()[0].(DecisionDue).Inputs
	s.want(&Stop{CommandID{1}, "r"}, "ok; running 30")
	s.want(&Decide{Run: "r", K: 1, Inputs: inputs, Stop: true}, "early")
	if due := s.m.Due(); len(due) > 0 {
		t.Errorf("of a run that is stopped are due %v", due)
	}
	s.want(s.commit(1, 1, ""), "ok; ok; block 1/2; a loses 0/1: run ended; a loses 1/1: run ended; stopped 30")
	s.want(&Resume{CommandID{2}, "r"}, "ok; running 95; due 1 warmup=false")
	s.want(&Decide{Run: "r", K: 1, Inputs: inputs, Stop: true}, "ok; decided 1; running 20; done 20")
}

// TestStopWaitsForSlowPacks: all chains have as many draws as the foremost, and a run that goes on makes the rest.
func TestStopWaitsForSlowPacks(t *testing.T) {
	s := newScript(t, sampling(2, 40))
	s.worker("a", "wasm", 2)
	s.ok(s.commit(0, 1, ""))
	s.ok(s.commit(0, 1, ""))
	s.want(&Stop{CommandID{1}, "r"}, "ok; running 20")
	s.want(s.commit(0, 1, ""), "ok; ended")
	s.ok(s.commit(1, 1, ""))
	s.want(s.commit(1, 1, ""), "ok; ok; block 1/1; a loses 0/1: run ended; a loses 1/1: run ended; stopped 20")
	s.want(&Stop{CommandID{2}, "r"}, "ended")
	s.want(&Resume{CommandID{3}, "r"}, "ok; running 40")
	s.want(&Stop{CommandID{1}, "r"}, "duplicate")
	s.want(&Stop{CommandID{9}, "other"}, "not found")
}

func TestStopInWarmup(t *testing.T) {
	spec := sampling(1, 20)
	spec.Warmup = []Step{{Draws: 5, Barrier: true}}
	s := newScript(t, spec)
	s.worker("a", "wasm", 1)
	s.want(&Stop{CommandID{1}, "r"}, "ok; stopped 0; a loses 0/1: run ended")
	s.want(s.commit(0, 1, "report"), "ok; ended")
	s.want(&Resume{CommandID{2}, "r"}, "ok; running 20")
	s.worker("a", "wasm", 1)
	s.want(s.commit(0, 2, "report"), "ok; ok; block 0/0; due 0 warmup=true")
}

func TestFail(t *testing.T) {
	s := newScript(t, sampling(2, 20))
	s.worker("a", "wasm", 2)
	s.want(&Fail{Tenure{"r", 0, 9}, "NaN"}, "stale epoch")
	s.want(&Fail{Tenure{"r", 1, 1}, "density is NaN"}, "ok; a loses 0/1: run ended; a loses 1/1: run ended; failed 20")
	s.want(&Fail{Tenure{"r", 1, 1}, "density is NaN"}, "ended")
	if state, _ := s.m.Run("r"); state.Reason != "density is NaN" {
		t.Errorf("the run's reason is %q", state.Reason)
	}
	s.want(&Extend{CommandID{1}, "r", 10}, "ended")
	s.want(&Resume{CommandID{2}, "r"}, "ok; running 20")
}

func TestSubmit(t *testing.T) {
	s := newScript(t, sampling(2, 20))
	s.want(&Submit{"r", sampling(2, 20)}, "duplicate")
	s.want(&Submit{"r", sampling(2, 21)}, "invalid")
	s.want(&Submit{"a.b", sampling(2, 20)}, "invalid")
	s.want(&Submit{"none", Spec{Packs: 1, BlockDraws: 1, LeaseMillis: 1}}, "ok; running 0; done 0")
	for what, bad := range map[string]Spec{
		"number of packs":            {BlockDraws: 1, LeaseMillis: 1},
		"block's number of draws":    {Packs: 1, LeaseMillis: 1},
		"the time of a lease in ms":  {Packs: 1, BlockDraws: 1},
		"number of sampling blocks":  {Packs: 1, BlockDraws: 1, LeaseMillis: 1, Draws: MaxDraws},
		"block 0 of warmup":          {Packs: 1, BlockDraws: 1, LeaseMillis: 1, Warmup: []Step{{}}},
		"length of the manifest":     {Packs: 1, BlockDraws: 1, LeaseMillis: 1, Manifest: make([]byte, MaxManifest+1)},
		"the number of replay class": {Packs: 1, BlockDraws: 1, LeaseMillis: 1, Classes: make([]string, MaxClasses+1)},
	} {
		if out := s.m.Apply(&Submit{"bad", bad}); out.Code != Invalid || !strings.Contains(out.Reason, what) {
			t.Errorf("%s: %s %s", what, out.Code, out.Reason)
		}
	}
}

// TestGenesis: the chain of digests begins with the run, its spec and the pack.
func TestGenesis(t *testing.T) {
	spec, other := sampling(2, 20), sampling(2, 21)
	seen := []Digest{Genesis("r", &spec, 0), Genesis("r", &spec, 1), Genesis("s", &spec, 0), Genesis("r", &other, 0)}
	for i, a := range seen {
		for _, b := range seen[:i] {
			if a == b {
				t.Errorf("two of %v are equal", seen)
			}
		}
	}
}

// TestRuleKeepsPacksTogether: while a stop rule is to be judged no pack is leased or committed far beyond the block that it is judged after,
// so that who has fewer workers than packs comes to that block of all of them; with each evaluation they may go further, and at the end
// to the last draw.
func TestRuleKeepsPacksTogether(t *testing.T) {
	spec := sampling(2, 1000) // blocks of ten draws
	spec.CheckEvery = 3
	s := newScript(t, spec)
	s.worker("a", "wasm", 1)
	wanted := func() uint64 {
		x, _ := s.m.Standing(Tenure{"r", 0, 1})
		return x.Draws
	}
	const first = 3 + aheadBlocks
	if got := wanted(); got != first*10 {
		t.Fatalf("%d draws are wanted at first, want %d", got, first*10)
	}
	for range first {
		s.ok(s.commit(0, 1, ""))
	}
	s.want(s.commit(0, 1, ""), "ok; early")
	s.ok(&Release{"a", []Tenure{{"r", 0, 1}}})
	if got := s.worker("a", "wasm", 1); len(got) != 1 || got[0].Pack != 1 {
		t.Fatalf("a worker that comes leases %v, want pack 1", got)
	}
	for range 2 {
		s.ok(s.commit(1, 1, ""))
	}
	s.want(s.commit(1, 1, ""), "ok; ok; block 1/2; due 2 warmup=false")
	s.ok(&Decide{Run: "r", K: 2, Inputs: s.m.Due()[0].(DecisionDue).Inputs})
	if got := wanted(); got != (first+3)*10 {
		t.Errorf("%d draws are wanted after the first evaluation, want %d", got, (first+3)*10)
	}
	s.ok(&Extend{CommandID{3}, "r", 2000})
	s.m.findRun("r").judged = 198 // of 200 blocks
	if got := wanted(); got != 2000 {
		t.Errorf("%d draws are wanted at the end, want 2000", got)
	}
	s = newScript(t, sampling(2, 1000))
	s.worker("a", "wasm", 1)
	if got := wanted(); got != 1000 {
		t.Errorf("%d draws are wanted where there is no rule", got)
	}
}
