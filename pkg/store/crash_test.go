package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var errCrash = errors.New("crash")

// inode is a file's content: what was written, and what would survive a loss of power.
type inode struct{ data, synced []byte }

// crashFS is the real file system with a model of what is durable. From operation failAt on, every operation fails
// with err: all of them if the process is to be dead (sticky), else that one only. A failing write writes one half.
type crashFS struct {
	noSync
	failAt int
	sticky bool
	err    error

	ops     int
	failed  string // what failed first
	live    map[string]*inode
	durable map[string]*inode
	pending []string // names changed since their directory was synced
}

func newCrashFS() *crashFS {
	return &crashFS{failAt: -1, live: map[string]*inode{}, durable: map[string]*inode{}}
}

// hit counts an operation and says if it fails.
func (f *crashFS) hit(what string) bool {
	i := f.ops
	f.ops++
	if f.failAt < 0 || i < f.failAt || i > f.failAt && !f.sticky {
		return false
	}
	if f.failed == "" {
		f.failed = what
	}
	return true
}

func (f *crashFS) fail(what, path string) error {
	return &os.PathError{Op: what, Path: path, Err: f.err}
}

func (f *crashFS) Mkdir(dir string) error {
	if f.hit("mkdir") {
		return f.fail("mkdir", dir)
	}
	return f.noSync.Mkdir(dir)
}

func (f *crashFS) Create(path string) (File, error) {
	if f.hit("create") {
		return nil, f.fail("create", path)
	}
	real, err := f.noSync.Create(path)
	if err != nil {
		return nil, err
	}
	n := &inode{}
	f.live[path] = n
	f.pending = append(f.pending, path)
	return &crashFile{f, real, path, n}, nil
}

func (f *crashFS) Rename(from, to string) error {
	if f.hit("rename") {
		return f.fail("rename", from)
	}
	f.live[to] = f.live[from]
	delete(f.live, from)
	f.pending = append(f.pending, from, to)
	return f.noSync.Rename(from, to)
}

func (f *crashFS) Remove(path string) error {
	if f.hit("remove") {
		return f.fail("remove", path)
	}
	delete(f.live, path)
	f.pending = append(f.pending, path)
	return f.noSync.Remove(path)
}

func (f *crashFS) SyncDir(dir string) error {
	if f.hit("syncdir") {
		return f.fail("syncdir", dir)
	}
	f.pending = slices.DeleteFunc(f.pending, func(path string) bool {
		if filepath.Dir(path) != filepath.Clean(dir) {
			return false
		}
		setName(f.durable, path, f.live[path])
		return true
	})
	return f.noSync.SyncDir(dir)
}

func setName(names map[string]*inode, path string, n *inode) {
	if n == nil {
		delete(names, path)
		return
	}
	names[path] = n
}

type crashFile struct {
	fs   *crashFS
	real File
	path string
	n    *inode
}

func (c *crashFile) Write(b []byte) (int, error) {
	if c.fs.hit("write") {
		half := b[:len(b)/2]
		c.n.data = append(c.n.data, half...)
		n, _ := c.real.Write(half)
		return n, c.fs.fail("write", c.path)
	}
	c.n.data = append(c.n.data, b...)
	return c.real.Write(b)
}

func (c *crashFile) Sync() error {
	if c.fs.hit("sync") {
		return c.fs.fail("sync", c.path)
	}
	c.n.synced = slices.Clone(c.n.data)
	return nil // the model stands for the disk
}

func (c *crashFile) Close() error {
	err := c.real.Close()
	if c.fs.hit("close") {
		return c.fs.fail("close", c.path)
	}
	return err
}

// aftermaths returns the states that the directory may be in after the crash, path → content.
func (f *crashFS) aftermaths() map[string]map[string][]byte {
	out := map[string]map[string][]byte{}
	add := func(name string, names map[string]*inode, content func(*inode) []byte) {
		files := map[string][]byte{}
		for path, n := range names {
			files[path] = content(n)
		}
		out[name] = files
	}
	all := func(n *inode) []byte { return n.data }
	synced := func(n *inode) []byte { return n.synced }
	add("process killed", f.live, all)
	add("power lost, nothing unsynced kept", f.durable, synced)
	add("power lost, names kept", f.live, synced)
	late := maps.Clone(f.durable)
	for _, path := range f.pending[max(0, len(f.pending)-2):] {
		setName(late, path, f.live[path])
	}
	add("power lost, only the last names kept", late, synced)
	return out
}

var crashSampler = fakeSampler{warmup: 4, draws: 9, flush: 7}

// TestCrashAtEveryOperation kills a run at each of its file operations, in each way the disk may be left: what is there
// must read as draws of the run, once each.
func TestCrashAtEveryOperation(t *testing.T) {
	total, reread := 0, 0
	for at := 0; ; at++ {
		dir := filepath.Join(t.TempDir(), "run")
		fsys := newCrashFS()
		fsys.failAt, fsys.sticky, fsys.err = at, true, errCrash
		err := crashRun(dir, fsys)
		if err == nil {
			total = at
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatalf("operation %d (%s): %v", at, fsys.failed, err)
		}
		for name, files := range fsys.aftermaths() {
			t.Run(fmt.Sprintf("%d/%s/%s", at, fsys.failed, name), func(t *testing.T) {
				after := materialise(t, dir, files)
				if _, ok := files[filepath.Join(dir, runFile)]; !ok {
					startOver(t, after)
				} else {
					readAfter(t, after)
					reread++
				}
			})
		}
	}
	t.Logf("%d operations; %d directories read", total, reread)
	if total < 40 || reread < 4*total/2 {
		t.Errorf("only %d operations and %d directories read: the run has changed, so must the test", total, reread)
	}
}

func crashRun(dir string, fsys FS) error {
	w, err := Create(dir, testRun(3, 4, 9), []Copy{textCopy("data")}, false, Options{FS: fsys})
	if err != nil {
		return err
	}
	return errors.Join(crashSampler.run(w), w.Close())
}

func digests(t *testing.T, dir string) string {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []string
	for p := range Phase(phases) {
		d, err := r.Digest(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(r.Lengths(p), d))
	}
	return strings.Join(out, "\n")
}

func materialise(t *testing.T, dir string, files map[string][]byte) string {
	after := filepath.Join(t.TempDir(), "run")
	if err := os.MkdirAll(after, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(after, lockFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(after, rel), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return after
}

// startOver: a run killed before run.json is no run, and --overwrite can have the directory.
func startOver(t *testing.T, dir string) {
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "not a run directory") {
		t.Fatalf("Open without %s: %v", runFile, err)
	}
	w, err := Create(dir, testRun(3, 4, 9), nil, true, Options{FS: noSync{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(crashSampler.run(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	checkDraws(t, dir)
}

func readAfter(t *testing.T, dir string) {
	checkDraws(t, dir)
	if b, err := os.ReadFile(filepath.Join(dir, DataFile)); err != nil || string(b) != "data" {
		t.Errorf("%s: %q, %v", DataFile, b, err)
	}
}

// TestDiskFullAtEveryOperation fails each operation once with ENOSPC: the error names the file and says what to do, what
// was stored stays readable, and the same Writer goes on when there is space again.
func TestDiskFullAtEveryOperation(t *testing.T) {
	for at := 0; ; at++ {
		dir := filepath.Join(t.TempDir(), "run")
		fsys := newCrashFS()
		fsys.err = syscall.ENOSPC
		fsys.failAt = at
		w, err := Create(dir, testRun(3, 4, 9), nil, false, Options{FS: fsys})
		if err != nil {
			checkFullError(t, dir, err)
			if _, err := ReadRun(dir); err != nil && !Vacant(dir) {
				t.Errorf("operation %d (%s): %s can't take the next try", at, fsys.failed, dir)
			}
			continue
		}
		err = crashSampler.run(w)
		if err == nil && fsys.failed == "" {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			break
		}
		checkFullError(t, dir, err)
		checkDraws(t, dir)
		if err := w.Flush(); err != nil { // there is space again
			t.Fatal(err)
		}
		checkDraws(t, dir)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFinishOnAFullDisk: a run whose last draws can't be written does not say that it is done.
func TestFinishOnAFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	fsys := newCrashFS()
	fsys.err = syscall.ENOSPC
	w, err := Create(dir, testRun(1, 0, 1), nil, false, Options{FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	run := w.Run()
	if err := w.Append(fakeRow(&run.Schema, 0, Sampling, 0)); err != nil {
		t.Fatal(err)
	}
	fsys.failAt = fsys.ops
	checkFullError(t, dir, w.Finish(Done, nil, nil))
	if r, err := ReadRun(dir); err != nil || r.State != Failed || !strings.Contains(r.Error, "the disk is full") {
		t.Errorf("the run is %+v, %v", r, err)
	}
}

func checkFullError(t *testing.T, dir string, err error) {
	t.Helper()
	advice := "drey resume " + dir
	if _, err := ReadRun(dir); err != nil {
		advice = "run again" // there is nothing to resume
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "the disk is full") ||
		!strings.Contains(err.Error(), advice) {
		t.Fatalf("full disk: %v", err)
	}
}
