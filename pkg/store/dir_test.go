package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mustCreateBlocks returns the directory of a run of blocks and its writer.
func mustCreateBlocks(t *testing.T) (string, *BlockWriter) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	b, err := CreateBlocks(dir, blockRun(), nil, blockPacks, false, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return dir, b
}

func mustCreate(t *testing.T, dir string, overwrite bool) *Writer {
	t.Helper()
	w, err := Create(dir, testRun(1, 0, 4), []Copy{textCopy("data")}, overwrite, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func finished(t *testing.T, dir string) {
	t.Helper()
	w := mustCreate(t, dir, false)
	if err := errors.Join((fakeSampler{draws: 4, flush: 2}).run(w), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCreateRefusals: what is in the way is named, and nothing of it is touched.
func TestCreateRefusals(t *testing.T) {
	for _, c := range []struct {
		name      string
		fill      func(dir string)
		overwrite bool
		want      []string
	}{
		{"a run", func(d string) { finished(t, d) }, false, []string{"already holds a run", "drey resume", "--overwrite"}},
		{"other files", func(d string) { write(t, filepath.Join(d, "thesis.tex"), "x") }, false, []string{"not empty", "drey resume", "--overwrite"}},
		{"other files, overwrite", func(d string) { write(t, filepath.Join(d, "thesis.tex"), "x") }, true, []string{"thesis.tex", "nothing was removed"}},
		{"a run and other files", func(d string) { finished(t, d); write(t, filepath.Join(d, "notes"), "x") }, true, []string{"notes", "nothing was removed"}},
		{"many files", func(d string) {
			for _, n := range []string{"a", "b", "c", "d", "e"} {
				write(t, filepath.Join(d, n), "x")
			}
		}, true, []string{"a, b, c and 2 more"}},
		{"names like a run's", func(d string) { write(t, filepath.Join(d, DataFile), "mine") }, true, []string{"not a run directory", DataFile}},
		{"a directory with a file's name", func(d string) { finished(t, d); write(t, filepath.Join(d, "segment-000009.arrow", "x"), "x") }, true, []string{"segment-000009.arrow"}},
		{"foreign files in predictive draws", func(d string) {
			finished(t, d)
			finished(t, filepath.Join(d, PosteriorPredictive))
			write(t, filepath.Join(d, PosteriorPredictive, "notes"), "x")
		}, true, []string{PosteriorPredictive, "notes"}},
		{"a file", func(d string) { write(t, d, "x") }, false, []string{"run"}},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		c.fill(dir)
		before := tree(t, dir)
		w, err := Create(dir, testRun(1, 0, 4), nil, c.overwrite, Options{})
		if err == nil {
			t.Errorf("%s: no error", c.name)
			w.Close()
			continue
		}
		for _, want := range append(c.want, dir) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v lacks %q", c.name, err, want)
			}
		}
		if after := strings.ReplaceAll(tree(t, dir), lockFile+"\n", ""); after != strings.ReplaceAll(before, lockFile+"\n", "") {
			t.Errorf("%s: %q was changed to %q", c.name, before, after)
		}
	}
}

func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		b.WriteString(filepath.Base(path) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOverwrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	finished(t, dir)
	finished(t, filepath.Join(dir, PosteriorPredictive))
	write(t, filepath.Join(dir, "segment-000007.arrow.tmp"), "left by a crash")
	w := mustCreate(t, dir, true)
	defer w.Close()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n := r.Len(Sampling); n != 0 {
		t.Errorf("%d draws of the old run are left", n)
	}
	if got, want := tree(t, dir), "run\n.drey-lock\ndata.arrow\nrun.json\n"; got != want {
		t.Errorf("the directory holds %q, want %q", got, want)
	}
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w := mustCreate(t, dir, false)
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "process ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := Create(dir, testRun(1, 0, 4), nil, false, Options{})
	check("Create", err)
	_, err = Create(dir, testRun(1, 0, 4), nil, true, Options{})
	check("Create with overwrite", err)
	_, err = OpenBlocks(dir, 1, Options{})
	check("OpenBlocks", err)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := OpenBlocks(dir, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

const lockChild = "DREY_STORE_TEST_LOCK"

// TestLockOfKilledProcess: a lock ends with the process that held it, however it ends.
func TestLockOfKilledProcess(t *testing.T) {
	if dir := os.Getenv(lockChild); dir != "" {
		mustCreate(t, dir, false)
		os.Stdout.WriteString("locked\n")
		os.Stdin.Read(make([]byte, 1)) // until killed
		return
	}
	dir := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockOfKilledProcess$")
	cmd.Env = append(os.Environ(), lockChild+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBlocks(dir, 1, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("while the other process lives: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Live() || r.Run().State != Running {
		t.Errorf("a killed run: live %v, state %s", r.Live(), r.Run().State)
	}
	w, err := OpenBlocks(dir, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestNotARun(t *testing.T) {
	empty := t.TempDir()
	for _, c := range []struct{ dir, want string }{
		{empty, "is not a run directory"},
		{filepath.Join(empty, "none"), "no such directory"},
	} {
		if _, err := Open(c.dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.dir) {
			t.Errorf("Open: %v", err)
		}
		if _, err := OpenBlocks(c.dir, 1, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("OpenBlocks: %v", err)
		}
	}
	if got := tree(t, empty); strings.Contains(got, lockFile) {
		t.Errorf("OpenBlocks left %q", got)
	}
}
