package rng

import (
	"encoding/json"
	"os"
	"testing"
)

func TestKnownAnswers(t *testing.T) {
	raw, err := os.ReadFile("testdata/philox.json")
	if err != nil {
		t.Fatal(err)
	}
	type vector struct {
		Rounds  int
		Counter [4]uint32
		Key     [2]uint32
		Output  [4]uint32
	}
	var file struct{ Known, More []vector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, v := range append(file.Known, file.More...) {
		if v.Rounds != rounds { // the file has vectors of the 7-round variant, which is not ours
			continue
		}
		checked++
		if got := Philox(v.Counter, v.Key); got != v.Output {
			t.Errorf("Philox(%x, %x) = %x, want %x", v.Counter, v.Key, got, v.Output)
		}
	}
	if checked < 19 {
		t.Errorf("%d vectors checked, want 19", checked)
	}
}

func TestStreamDerivations(t *testing.T) {
	s := NewStream(1, 2, 3, PurposeSite, 0)
	a, b := s.Site("mu"), s.Site("tau")
	if a.Uint32() == b.Uint32() {
		t.Error("two sites share a stream")
	}
	if x, y := s.Fold(0).Fold(1), s.Fold(1).Fold(0); x.Uint32() == y.Uint32() {
		t.Error("nested folds commute")
	}
	if x, y := s.Fold(0), s; x.Uint32() == y.Uint32() {
		t.Error("part 0 is the whole")
	}
}

// TestIntn counts residues of a range that does not divide 2^32 and checks the rejection's threshold by chi-square.
func TestIntn(t *testing.T) {
	const n, draws = 7, 700000
	s := NewStream(11, 0, 0, PurposeSubsample, 0)
	counts := make([]float64, n)
	for range draws {
		counts[s.Intn(n)]++
	}
	if p := uniformityP(counts); p < 1e-4 {
		t.Errorf("counts %v: p = %g", counts, p)
	}
	for _, n := range []int{0, -1, 1<<31 + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Intn(%d) does not panic", n)
				}
			}()
			s.Intn(n)
		}()
	}
}
