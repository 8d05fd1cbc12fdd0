package coordinator

import (
	"bytes"
	"slices"
	"testing"
)

// TestTimes: a run's time goes to what it does: waiting for workers, warmup until the last pack has ended it, sampling until its
// end; while it is stopped it takes none. It comes with commands as well as with ticks, and never back.
func TestTimes(t *testing.T) {
	spec := sampling(2, 20)
	spec.Warmup = []Step{{Draws: 5}}
	spec.LeaseMillis = 60_000
	s := &script{t, new(Machine), 0}
	s.ok(&Tick{1, 0})
	s.ok(&Submit{"r", spec})
	at := func(total uint64, cmd Command) {
		t.Helper()
		s.m.Apply(&Timed{1, total, cmd})
	}
	took := func(what string, want Times) {
		t.Helper()
		if p, _ := s.m.Progress("r"); p.Times != want || p.Warm != (want.Sampling > 0) || p.Transitions != 5 {
			t.Errorf("%s: %+v, want %+v", what, p, want)
		}
	}
	s.ok(&Tick{1, 1000})
	s.want(&Compiled{"q", 1}, "not found")
	s.want(&Compiled{"r", 0}, "duplicate")
	at(1300, &Register{"a", 1, "wasm", 0})
	at(1300, &Acquire{"a", 1, 1, 2})
	took("leased", Times{Idle: 1300})
	at(1500, s.commit(0, 1, ""))
	at(1500, s.commit(0, 1, "")) // samples already
	took("one pack warm", Times{Idle: 1300, Warmup: 200})
	s.ok(&Tick{1, 1900})
	took("within warmup", Times{Idle: 1300, Warmup: 600})
	at(2000, s.commit(1, 1, ""))
	at(2400, &Release{"a", []Tenure{{"r", 0, 1}, {"r", 1, 1}}})
	took("sampling", Times{1300, 700, 400, 0})
	at(2900, &Acquire{"a", 1, 2, 2})
	took("nobody had a lease", Times{1800, 700, 400, 0})
	at(2950, &Stop{CommandID{1}, "r"})
	for k := range uint32(2) {
		at(3000, s.commit(k, 2, ""))
	}
	s.ok(&Tick{1, 3900})
	took("stopped", Times{1800, 700, 500, 0})
	again, err := Decode(s.m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	s.m = again
	at(4000, &Resume{CommandID{2}, "r"})
	at(4000, &Acquire{"a", 1, 3, 2})
	at(3500, &Renew{[]WorkerID{"a"}}) // late
	at(4100, &Fail{Tenure{"r", 0, 3}, "NaN"})
	s.m.Apply(&Timed{2, 9000, &Drain{"a"}}) // of another term
	took("failed", Times{1800, 700, 600, 0})
	for _, ms := range []uint32{300, 800, 700, 800} { // of several workers the longest counts
		s.m.Apply(&Compiled{"r", ms})
	}
	took("compiled", Times{1800, 700, 600, 800})
	text := s.m.Encode()
	if s.m, err = Decode(text); err != nil || !bytes.Equal(s.m.Encode(), text) {
		t.Fatal(err)
	}
	took("read again", Times{1800, 700, 600, 800})
}

// TestEngines: packs of a run that wants an engine are leased to workers that have it.
func TestEngines(t *testing.T) {
	classes := []struct{ worker, class string }{{"a", "wasm drey-wasm-2 v1"}, {"b", "xla:cpu 1.2 v1"}, {"c", "xla:cuda 1.2 v1"}, {"d", "xlax 1"}}
	for engine, want := range map[string][]WorkerID{"": {"a", "b", "c", "d"}, "wasm": {"a"}, "xla": {"b", "c"}, "xla:cuda": {"c"}, "xla:tpu": nil, "x": nil} {
		spec := sampling(1, 20)
		spec.Engine = engine
		s := newScript(t, spec)
		for _, x := range classes {
			s.ok(&Register{WorkerID(x.worker), 1, x.class, 0})
		}
		if got := s.m.Suits("r"); !slices.Equal(got, want) {
			t.Errorf("engine %q: %v suit, want %v", engine, got, want)
		}
		for _, x := range classes {
			w := WorkerID(x.worker)
			s.n++
			grants := s.ok(&Acquire{w, 1, s.n, 1}).Grants
			if (len(grants) > 0) != slices.Contains(want, w) {
				t.Errorf("engine %q: %s has %d leases", engine, w, len(grants))
			}
			if len(grants) > 0 {
				s.ok(&Release{w, []Tenure{grants[0].Tenure}})
				break // the run is of this class from now on
			}
		}
	}
	s := newScript(t, sampling(2, 20))
	s.worker("a", "wasm 1", 1)
	s.worker("b", "wasm 2", 1)
	if got := s.m.Suits("r"); !slices.Equal(got, []WorkerID{"a"}) {
		t.Errorf("%v suit a run that one of them began", got)
	}
	s.ok(&Drain{"a"})
	if got := s.m.Suits("r"); got != nil {
		t.Errorf("%v suit, and all are drained", got)
	}
}

// TestWidths: packs are leased to workers that take as many chains.
func TestWidths(t *testing.T) {
	spec := sampling(2, 20)
	spec.Width = 64
	s := newScript(t, spec)
	s.ok(&Register{"any", 1, "wasm", 0})
	s.ok(&Register{"same", 1, "wasm", 64})
	s.ok(&Register{"fewer", 1, "wasm", 63})
	if got := s.m.Suits("r"); !slices.Equal(got, []WorkerID{"any", "same"}) {
		t.Errorf("%v suit", got)
	}
	for i, w := range []WorkerID{"fewer", "same", "any"} {
		if n := len(s.ok(&Acquire{w, 1, 1, 1}).Grants); (n > 0) != (i > 0) {
			t.Errorf("%s has %d leases", w, n)
		}
	}
}
