package transport

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestSuperchains: packs may cut the chains that start at one point apart, as 16 packs of 1,000 chains do; but all superchains are of
// one size.
func TestSuperchains(t *testing.T) {
	m := sample(TypeOf(&Manifest{})).(*Manifest)
	m.Chains, m.Width, m.Starts = 1000, 63, m.Starts[:1]
	for super, fits := range map[uint32]bool{1: true, 8: true, 1000: true, 0: false, 7: false, 16: false} {
		m.Super = super
		if _, err := Encode(m); (err == nil) != fits {
			t.Errorf("%d chains that start at one point: %v", super, err)
		}
	}
}

// TestManifestWithoutFiles: a manifest that was written before there were files in it is read, and has the same bytes again; a
// list that is there has files.
func TestManifestWithoutFiles(t *testing.T) {
	want := sample(TypeOf(&Manifest{})).(*Manifest)
	want.Files = nil
	text, err := os.ReadFile(filepath.Join("testdata", "wire", "47-Manifest-without-files.hex"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Encode(want)
	if err != nil || hex.Dump(b) != string(text) {
		t.Fatalf("without files it has other bytes than before: %v\n%s", err, hex.Dump(b))
	}
	if back, err := Decode(b); err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("decoded: %+v, %v", back, err)
	}
	empty := seal(append(bytes.Clone(b[:len(b)-checksumBytes]), 0, 0, 0, 0))
	if _, err := Decode(empty); KindOf(err) != Corrupt || !strings.Contains(err.Error(), "fields that say nothing") {
		t.Errorf("an empty list: %v", err)
	}
}
