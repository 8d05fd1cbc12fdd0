package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeep: a run's directory names the copy of an input once it has it whole, and so does what is put together from it.
func TestKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Role: "init", Name: InitFile, Source: "mine.json", SHA256: "12"}
	text := func(s string, err error) func(io.Writer) error {
		return func(w io.Writer) error { _, e := io.WriteString(w, s); return errors.Join(e, err) }
	}
	files := func() []Input {
		run, err := ReadRun(dir)
		if err != nil {
			t.Fatal(err)
		}
		return run.Files
	}
	broken := errors.New("nobody answers")
	if err := b.Keep(in, text("{", broken)); !errors.Is(err, broken) || len(files()) != 0 {
		t.Errorf("a copy that broke off: %v, %v", err, files())
	}
	if _, err := os.Stat(filepath.Join(dir, InitFile)); err == nil {
		t.Error("half a copy is there")
	}
	if err := b.Keep(Input{Name: "../run.json"}, text("{}", nil)); err == nil || !strings.Contains(err.Error(), "no name of an input") {
		t.Errorf("a name of no input: %v", err)
	}
	for range 2 { // the second as after a crash between the file and run.json
		if err := b.Keep(in, text("{}", nil)); err != nil || len(files()) != 1 || files()[0] != in {
			t.Fatalf("%v, %v", err, files())
		}
	}
	if err := errors.Join(sinkRun(b, 0), b.Close()); err != nil {
		t.Fatal(err)
	}
	if err := b.Keep(in, text("{}", nil)); err == nil || !strings.Contains(err.Error(), "was closed") {
		t.Errorf("after it was let go: %v", err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plain := filepath.Join(t.TempDir(), "plain")
	names, err := r.Compact(plain, Options{FS: noSync{}})
	if err != nil || names[0] != InitFile || names[len(names)-1] != runFile {
		t.Fatalf("%v, %v", names, err)
	}
	run, err := ReadRun(plain)
	copied, e := os.ReadFile(filepath.Join(plain, InitFile))
	if err := errors.Join(err, e); err != nil || string(copied) != "{}" || len(run.Files) != 1 || run.Files[0] != in {
		t.Errorf("put together it has %q, %v, %v", copied, run.Files, err)
	}
}
