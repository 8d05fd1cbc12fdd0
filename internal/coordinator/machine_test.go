package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// script applies commands and writes what comes of them: a line for each command and for each action.
type script struct {
	t *testing.T
	m *Machine
	n uint64
}

func newScript(t *testing.T, spec Spec) *script {
	s := &script{t, new(Machine), 0}
	s.ok(&Submit{"r", spec})
	return s
}

// do applies a command and returns the code and the actions as text.
func (s *script) do(cmd Command) (Result, string) {
	out := s.m.Apply(cmd)
	lines := []string{out.Code.String()}
	for _, c := range out.Blocks {
		lines = append(lines, c.String())
	}
	for _, a := range out.Actions {
		switch a := a.(type) {
		case LeaseGranted:
			lines = append(lines, fmt.Sprintf("%s leases %d/%d second=%v", a.Worker, a.Pack, a.Epoch, a.Second))
		case LeaseEnded:
			lines = append(lines, fmt.Sprintf("%s loses %d/%d: %s", a.Worker, a.Pack, a.Epoch, a.Why))
		case BlockCommitted:
			lines = append(lines, fmt.Sprintf("block %d/%d", a.Pack, a.K))
		case DecisionDue:
			lines = append(lines, fmt.Sprintf("due %d warmup=%v", a.K, a.Warmup))
		case Decided:
			lines = append(lines, fmt.Sprintf("decided %d", a.K))
		case RunChanged:
			lines = append(lines, fmt.Sprintf("%s %d", a.Status, a.Draws))
		case DrainAsked:
			lines = append(lines, fmt.Sprintf("drain %s", a.Worker))
		}
	}
	return out, strings.Join(lines, "; ")
}

// ok applies a command that must be applied.
func (s *script) ok(cmd Command) Result {
	s.t.Helper()
	out, text := s.do(cmd)
	if out.Code != OK {
		s.t.Fatalf("%T: %s: %s", cmd, text, out.Reason)
	}
	return out
}

// want applies a command and compares what comes of it.
func (s *script) want(cmd Command, want string) {
	s.t.Helper()
	if out, got := s.do(cmd); got != want {
		s.t.Errorf("%T: %s (%s), want %s", cmd, got, out.Reason, want)
	}
}

// worker registers a worker and returns what it leases.
func (s *script) worker(id WorkerID, class string, want uint32) []Grant {
	s.t.Helper()
	s.m.Apply(&Register{id, 1, class, 0})
	s.n++
	return s.ok(&Acquire{id, 1, s.n, want}).Grants
}

// next returns a pack's next block under an epoch; with is the report, "" for none.
func (s *script) next(pack uint32, e Epoch, with string) Block {
	r := s.m.findRun("r")
	k := r.packs[pack].head()
	return Block{Tenure{"r", pack, e}, k, r.prev(pack, k), Digest{byte(pack), byte(k), 1}, uint32(len(r.decisions)), []byte(with)}
}

func (s *script) commit(pack uint32, e Epoch, with string) *Commit {
	return &Commit{[]Block{s.next(pack, e, with)}}
}

func (s *script) tick(ms uint64) *Tick {
	return &Tick{s.m.term, s.m.total + ms}
}

func sampling(packs uint32, draws uint64) Spec {
	return Spec{Packs: packs, BlockDraws: 10, Draws: draws, LeaseMillis: 2000, LateMillis: 1500}
}

func TestLeaseExpires(t *testing.T) {
	s := newScript(t, sampling(2, 30))
	s.ok(&Tick{1, 0})
	s.worker("a", "wasm", 2)
	s.want(s.tick(900), "ok")
	s.want(&Renew{[]WorkerID{"a", "nobody"}}, "ok")
	s.want(s.tick(900), "ok")
	s.want(s.tick(900), "ok")
	s.want(s.tick(199), "ok")
	s.want(s.tick(1), "ok; a loses 0/1: expired; a loses 1/1: expired")
	s.want(s.commit(0, 1, ""), "ok; stale epoch")
	s.worker("a", "wasm", 1)
	s.want(s.commit(0, 2, ""), "ok; ok; block 0/0")
}

// TestGrace: a new leader knows of no renewals, so all leases last their full time again; time of an old leader is ignored; a
// leader that slept counts a second.
func TestGrace(t *testing.T) {
	s := newScript(t, sampling(1, 30))
	s.ok(&Tick{1, 0})
	s.worker("a", "wasm", 1)
	s.want(s.tick(999), "ok")
	s.want(s.tick(999), "ok")
	s.want(&Tick{2, 0}, "ok")
	s.want(&Tick{1, 900_000}, "duplicate")
	s.want(&Tick{2, 0}, "ok")
	if s.m.now != 999+999 {
		t.Errorf("a tick that came twice made it %d", s.m.now)
	}
	s.want(s.tick(900_000), "ok")
	s.want(s.tick(1000), "ok; a loses 0/1: expired")
}

// TestLatePack: who is idle gets a second lease of a pack that waits for too long, under a new epoch, and the first block decides.
func TestLatePack(t *testing.T) {
	for _, first := range []Epoch{1, 2} {
		s := newScript(t, sampling(1, 30))
		s.ok(&Tick{1, 0})
		s.worker("slow", "wasm", 1)
		if got := s.worker("fast", "wasm", 1); len(got) > 0 {
			t.Fatalf("a pack that is not late is leased twice: %v", got)
		}
		s.ok(s.tick(800))
		s.ok(&Renew{[]WorkerID{"slow"}})
		s.ok(s.tick(800))
		if got := s.worker("slow", "wasm", 2); len(got) != 1 {
			t.Fatalf("a worker has two leases of one pack: %v", got)
		}
		if got := s.worker("fast", "wasm", 1); len(got) != 1 || got[0].Epoch != 2 {
			t.Fatalf("the late pack is not leased again: %v", got)
		}
		if got := s.worker("third", "wasm", 1); len(got) > 0 {
			t.Fatalf("a third lease: %v", got)
		}
		loser := map[Epoch]string{1: "fast loses 0/2", 2: "slow loses 0/1"}[first]
		s.want(s.commit(0, first, ""), "ok; ok; block 0/0; "+loser+": overtaken")
		s.want(s.commit(0, 3-first, ""), "ok; stale epoch")
	}
}

func TestDrain(t *testing.T) {
	s := newScript(t, sampling(2, 30))
	s.worker("a", "wasm", 1)
	s.want(&Drain{"a"}, "ok; drain a")
	s.want(&Drain{"a"}, "duplicate")
	if got := s.worker("a", "wasm", 2); len(got) != 1 {
		t.Errorf("a drained worker holds %v, want what it had", got)
	}
	if due := s.m.Due(); !slices.Equal(due, []Action{DrainAsked{"a"}}) {
		t.Errorf("due are %v", due)
	}
	s.want(&Release{"a", []Tenure{{"r", 0, 1}}}, "ok; a loses 0/1: released")
	s.want(&Release{"a", []Tenure{{"r", 0, 1}}}, "duplicate")
	s.want(s.commit(0, 1, ""), "ok; stale epoch")
	if got := s.worker("b", "wasm", 2); len(got) != 2 || got[0].Epoch != 2 {
		t.Errorf("the next worker holds %v", got)
	}
}

// TestAcquireOnce: a request that comes twice, or late, grants nothing more.
func TestAcquireOnce(t *testing.T) {
	s := newScript(t, sampling(3, 30))
	s.ok(&Register{"a", 1, "wasm", 0})
	s.want(&Acquire{"a", 1, 7, 1}, "ok; a leases 0/1 second=false")
	s.want(&Acquire{"a", 1, 7, 3}, "ok")
	s.want(&Acquire{"a", 1, 6, 3}, "ok")
	if _, idle := s.m.Idle(&Acquire{"a", 1, 8, 2}); idle {
		t.Error("there is no pack for a worker that has room for one")
	}
	s.want(&Acquire{"a", 1, 8, 2}, "ok; a leases 1/1 second=false")
	if grants, idle := s.m.Idle(&Acquire{"a", 1, 9, 2}); !idle || len(grants) != 2 {
		t.Errorf("a worker without room is given packs, or holds %v", grants)
	}
	s.want(&Acquire{"b", 1, 1, 1}, "not found")
}

func TestReplayClasses(t *testing.T) {
	s := newScript(t, sampling(3, 30))
	s.worker("a", "wasm", 1)
	if got := s.worker("b", "xla", 1); len(got) > 0 {
		t.Errorf("a worker of another class than the first gets %v", got)
	}
	spec := sampling(3, 30)
	spec.Classes = []string{"xla", "wasm"}
	s = newScript(t, spec)
	if n := len(s.worker("a", "wasm", 1)) + len(s.worker("b", "xla", 1)) + len(s.worker("c", "other", 1)); n != 2 {
		t.Errorf("%d packs are leased to two allowed classes and one other", n)
	}
	s.want(&Register{"a", 1, "xla", 0}, "invalid")
}

// TestNextProcess: a process that takes a worker's name ends the leases of the one before, which is heard no more.
func TestNextProcess(t *testing.T) {
	s := newScript(t, sampling(2, 30))
	s.worker("a", "wasm", 2)
	s.ok(&Drain{"a"})
	s.want(&Acquire{"a", 2, 1, 1}, "not found")
	s.want(&Register{"a", 2, "xla", 0}, "ok; a loses 0/1: replaced; a loses 1/1: replaced")
	s.want(&Register{"a", 1, "wasm", 0}, "stale epoch")
	s.want(&Acquire{"a", 1, 99, 2}, "stale epoch")
	s.want(s.commit(0, 1, ""), "ok; stale epoch")
	s.want(&Acquire{"a", 2, 1, 1}, "ok")
	s.want(&Register{"a", 3, "wasm", 0}, "ok")
	s.want(&Acquire{"a", 3, 1, 1}, "ok; a leases 0/2 second=false")
	if w, _ := s.m.Worker("a"); w.Incarnation != 3 || w.Drained || w.Class != "wasm" {
		t.Errorf("the worker is %+v", w)
	}
}

// TestSchedule: packs of the first run come first, the one that is furthest behind before others.
func TestSchedule(t *testing.T) {
	s := newScript(t, sampling(2, 30))
	s.ok(&Submit{"a", sampling(1, 30)})
	s.worker("w", "wasm", 1)
	s.want(s.commit(0, 1, ""), "ok; ok; block 0/0")
	s.ok(&Release{"w", []Tenure{{"r", 0, 1}}})
	s.want(&Acquire{"w", 1, 9, 3}, "ok; w leases 1/1 second=false; w leases 0/2 second=false; w leases 0/1 second=false")
	if got := s.m.Runs(); !slices.Equal(got, []RunID{"r", "a"}) {
		t.Errorf("runs are %v", got)
	}
}

func TestLedgerRefuses(t *testing.T) {
	s := newScript(t, sampling(1, 20))
	s.worker("a", "wasm", 1)
	first := s.next(0, 1, "")
	change := func(f func(*Block)) *Commit {
		b := s.next(0, 1, "")
		f(&b)
		return &Commit{[]Block{b}}
	}
	s.want(change(func(b *Block) { b.Epoch = 2 }), "ok; stale epoch")
	s.want(change(func(b *Block) { b.Epoch = 0 }), "ok; stale epoch")
	s.want(change(func(b *Block) { b.Prev[3]++ }), "ok; forked")
	s.want(change(func(b *Block) { b.Decisions = 1 }), "ok; forked")
	s.want(change(func(b *Block) { b.K = 1 }), "ok; gap")
	s.want(change(func(b *Block) { b.Pack = 1 }), "ok; not found")
	s.want(change(func(b *Block) { b.Run = "x" }), "ok; not found")
	s.want(change(func(b *Block) { b.Digest = Digest{} }), "ok; invalid")
	s.want(change(func(b *Block) { b.Report = []byte{1} }), "ok; invalid")
	s.want(&Commit{[]Block{first, first}}, "ok; ok; duplicate; block 0/0")
	stale := first
	stale.Epoch = 99
	s.want(&Commit{[]Block{stale}}, "ok; duplicate")
	stale.Digest[0]++
	s.want(&Commit{[]Block{stale}}, "ok; forked")
	s.want(s.commit(0, 1, ""), "ok; ok; block 0/1; a loses 0/1: run ended; done 20")
	s.want(s.commit(0, 1, ""), "ok; ended")
	s.want(&Commit{[]Block{first}}, "ok; duplicate")
}
