package coordinator

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/wire.golden anew")

// samples are a command of each kind, with no field left zero.
func samples() []Command {
	spec := Spec{
		Packs: 2, Warmup: []Step{{Draws: 75}, {Draws: 25, Barrier: true}}, BlockDraws: 50, Draws: 1000, CheckEvery: 5, LeaseMillis: 15_000, LateMillis: 30_000,
		Classes: []string{"wasm-1"}, Engine: "wasm-1", Width: 9, Manifest: []byte("{}"),
	}
	open := spec
	open.Warmup = []Step{{Draws: 25, Barrier: true, Open: true}}
	id := CommandID{1, 2, 3}
	tenure := Tenure{"r1", 1, 3}
	block := Block{tenure, 7, Digest{1}, Digest{2}, 4, []byte("report")}
	return []Command{
		&Submit{"r1", spec}, &Stop{id, "r1"}, &Resume{id, "r1"}, &Extend{id, "r1", 500}, &Register{"w1", 1, "wasm-1", 16}, &Acquire{"w1", 1, 9, 2},
		&Renew{[]WorkerID{"w1", "w2"}}, &Release{"w1", []Tenure{tenure}}, &Drain{"w1"}, &Commit{[]Block{block, block}},
		&Decide{"r1", 1, Digest{5}, []byte("metric"), true, []Step{{Draws: 50, Barrier: true}}, true, nil}, &Fail{tenure, "NaN"}, &Tick{3, 250}, &Timed{3, 260, &Drain{"w1"}},
		&Submit{"r1", open}, &Decide{Run: "r1", K: 1, Inputs: Digest{5}, Payload: []byte("metric"), Excluded: []uint32{1, 4}}, &Compiled{"r1", 1500},
	}
}

// midRun returns a machine in the middle of things: a late pack, an undecided barrier, a drained worker, a failed run.
func midRun(t *testing.T) *Machine {
	spec := sampling(3, 40)
	spec.Warmup = []Step{{Draws: 5, Barrier: true}, {Draws: 7, Barrier: true}}
	s := newScript(t, spec)
	s.ok(&Tick{4, 0})
	s.worker("a", "wasm", 2)
	s.worker("b", "wasm", 2)
	for pack := range uint32(3) {
		s.ok(s.commit(pack, 1, "first"))
	}
	s.ok(&Decide{Run: "r", K: 0, Inputs: s.m.Due()[0].(DecisionDue).Inputs, Payload: []byte("metric")})
	s.ok(s.commit(0, 1, "second"))
	s.ok(s.tick(1000))
	s.ok(&Renew{[]WorkerID{"a", "b"}})
	s.ok(s.tick(1000))
	s.worker("c", "wasm", 1)
	s.ok(&Drain{"b"})
	s.ok(&Extend{CommandID{7}, "r", 50})
	s.ok(&Submit{"broken", sampling(1, 10)})
	s.ok(&Register{"d", 1, "wasm", 0})
	s.ok(&Acquire{"d", 1, 1, 5})
	s.m.Apply(&Fail{Tenure{"broken", 0, 1}, "density is NaN"})
	return s.m
}

// TestGolden: the bytes of commands and snapshots. A change of them needs another version.
func TestGolden(t *testing.T) {
	const path = "testdata/wire.golden"
	var text strings.Builder
	for _, cmd := range samples() {
		fmt.Fprintf(&text, "%s %x\n", strings.TrimPrefix(fmt.Sprintf("%T", cmd), "*coordinator."), EncodeCommand(cmd))
	}
	m := midRun(t)
	fmt.Fprintf(&text, "Snapshot\n%s", hex.Dump(m.Encode()))
	if out := m.Apply(&Compiled{"r", 1500}); out.Code != OK {
		t.Fatal(out)
	}
	fmt.Fprintf(&text, "Snapshot with compilations\n%s", hex.Dump(m.Encode()))
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("the bytes are not those of %s: give the format another version, then run with -update\n%s", path, text.String())
	}
}

func TestCommandsSurviveTheWire(t *testing.T) {
	kinds := map[kind]bool{}
	for _, cmd := range samples() {
		kinds[cmd.kind()] = true
		wire := EncodeCommand(cmd)
		got, err := DecodeCommand(wire)
		if err != nil || !reflect.DeepEqual(got, cmd) {
			t.Errorf("%+v comes back as %+v, %v", cmd, got, err)
		}
		for n := range wire {
			if _, err := DecodeCommand(wire[:n]); err == nil {
				t.Errorf("%T: %d of %d bytes are read", cmd, n, len(wire))
			}
		}
		if _, err := DecodeCommand(append(slices.Clone(wire), 0)); err == nil {
			t.Errorf("%T: a byte too many is read", cmd)
		}
		wire[0]++
		if _, err := DecodeCommand(wire); err == nil || !strings.Contains(err.Error(), "run the same version everywhere") {
			t.Errorf("%T of another version: %v", cmd, err)
		}
	}
	for k := kind(1); newCommand(k) != nil; k++ {
		if !kinds[k] {
			t.Errorf("no sample of kind %d", k)
		}
	}
}

func TestSnapshotSurvives(t *testing.T) {
	m := midRun(t)
	b := m.Encode()
	got, err := Decode(b)
	if err != nil || !bytes.Equal(got.Encode(), b) {
		t.Fatalf("a snapshot is not what it was: %v", err)
	}
	if due := got.Due(); len(due) != 1 {
		t.Errorf("due are %v", due)
	}
	for i := range b {
		bad := slices.Clone(b)
		bad[i] ^= 0x10
		if _, err := Decode(bad); err == nil {
			t.Errorf("a snapshot with byte %d changed is read", i)
		}
		if _, err := Decode(b[:i]); err == nil {
			t.Errorf("%d of %d bytes are read", i, len(b))
		}
	}
}

// TestSnapshotSize: a million blocks take less than 50 MB.
func TestSnapshotSize(t *testing.T) {
	s := newScript(t, sampling(1000, 10_000))
	m := s.m
	for i := range m.runs[0].packs {
		m.runs[0].packs[i].digests = make([]Digest, 1000)
	}
	if n := len(m.Encode()); n >= 50_000_000 {
		t.Errorf("%d bytes", n)
	}
}
