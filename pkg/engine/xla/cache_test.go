//go:build cgo && (linux || darwin)

package xla

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/xla/internal/pjrt"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
	"github.com/drey-sampler/drey/pkg/tensor"
)

func TestCacheEntries(t *testing.T) {
	c := cache{filepath.Join(t.TempDir(), "programs")}
	key := c.key("module", "options")
	if c.key("modul", "eoptions") == key || c.key("module") == key || c.key("options", "module") == key {
		t.Error("different programs have one key")
	}
	if c.load(key) != nil {
		t.Error("an empty cache has an entry")
	}
	code := []byte("machine code")
	c.store(key, code)
	if got := c.load(key); !bytes.Equal(got, code) {
		t.Errorf("loaded %q", got)
	}
	whole, err := os.ReadFile(c.path(key))
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x40
		for _, b := range [][]byte{damaged, whole[:i]} {
			if err := os.WriteFile(c.path(key), b, 0o644); err != nil {
				t.Fatal(err)
			}
			if got := c.load(key); got != nil {
				t.Fatalf("byte %d damaged or cut off: loaded %q", i, got)
			}
		}
	}
	c.store(key, code)
	if got := c.load(key); !bytes.Equal(got, code) {
		t.Errorf("loaded %q after the entry was written anew", got)
	}
}

// TestCacheRoom: the entries that were used last stay.
func TestCacheRoom(t *testing.T) {
	c := cache{t.TempDir()}
	begin := time.Now().Add(-time.Hour)
	for i, name := range []string{"oldest", "used", "newest"} { // of which each takes a third
		c.store(name, []byte(name))
		if err := os.Truncate(c.path(name), cacheBytes/3); err != nil { // sparse: it takes no room
			t.Fatal(err)
		}
		at := begin.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(c.path(name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	c.store("another", []byte("another"))
	for name, want := range map[string]bool{"oldest": false, "used": true, "newest": true, "another": true} {
		if _, err := os.Stat(c.path(name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.makeRoom(cacheBytes / 2) // as if so many bytes were to follow
	for name, want := range map[string]bool{"oldest": false, "used": false, "newest": true, "another": true} {
		if _, err := os.Stat(c.path(name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}

// engineWith returns the engine for the CPU with a cache, or skips the test.
func engineWith(t *testing.T, programs string) *Engine {
	t.Helper()
	if _, err := plugin.Find(require.Platform()); err != nil {
		require.Skip(t, "xla", err.Error())
	}
	e, err := Open(require.Platform(), Config{Programs: programs})
	if err != nil {
		t.Fatal(err)
	}
	return e.(*Engine)
}

func double(t *testing.T, name string) *tensor.Func {
	t.Helper()
	f, err := tensor.Trace("double", tensor.F64, []tensor.Param{{Name: name, DType: tensor.F64, Shape: []int{3}}}, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[0].Mul(2)}
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestCompileUsesCache: what is in the cache is run, and what is damaged there is compiled anew. An entry under another
// program's key shows which of them was run.
func TestCompileUsesCache(t *testing.T) {
	dir := t.TempDir()
	e := engineWith(t, dir)
	run := func() []float64 {
		t.Helper()
		x, err := e.Compile(double(t, "x"), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		s, err := x.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		out := make([]byte, 24)
		for _, err := range []error{s.Put(0, engine.Bytes(tensor.ArrayOf(tensor.F64, []int{3}, []float64{1, 2, 3}))), s.Run(), s.Get(0, out)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return engine.ArrayOf(tensor.F64, []int{3}, out).Float64s()
	}
	if got := run(); got[2] != 6 {
		t.Errorf("compiled: 2·3 = %v", got[2])
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("the cache has %d entries, %v, want 1", len(files), err)
	}
	key := files[0].Name()

	square, err := tensor.Trace("square", tensor.F64, []tensor.Param{{DType: tensor.F64, Shape: []int{3}}}, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[0].Mul(v[0])}
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := module(square, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.client.Compile([]byte(text), pjrt.CompileOptions(compilerOptions(e.platform, e.info.Plugin)...))
	if err != nil {
		t.Fatal(err)
	}
	code, err := x.Serialize()
	if err != nil {
		t.Fatal(err)
	}
	e.programs.store(key, code)
	if got := run(); got[2] != 9 {
		t.Errorf("the entry was not run: %v", got)
	}
	if err := os.WriteFile(e.programs.path(key), []byte(entryMagic+"damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run(); got[2] != 6 {
		t.Errorf("a damaged entry: 2·3 = %v", got[2])
	}
	e.programs.store(key, []byte("whole, but no program"))
	if got := run(); got[2] != 6 {
		t.Errorf("an entry that is no program: 2·3 = %v", got[2])
	}
}

// TestModule: parameters get the attribute that lets their result overwrite them, whatever their names contain.
func TestModule(t *testing.T) {
	e := engineWith(t, t.TempDir())
	for _, name := range []string{"", "x", `a, "b" {c} (d: e<f`, `\\`, "ü\n"} {
		f := double(t, name)
		opt := engine.Options{Donate: []engine.Donation{{In: 0, Out: 0}}}
		text, err := module(f, opt)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(text, "->")
		if !strings.Contains(head, "tf.aliasing_output = 0 : i32") {
			t.Errorf("name %q: no attribute in %s", name, head)
		}
		x, err := e.Compile(f, opt)
		if err != nil {
			t.Errorf("name %q: %v", name, err)
			continue
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLocate: a compiler's error names the operation it is about.
func TestLocate(t *testing.T) {
	e := engineWith(t, t.TempDir())
	text, err := module(double(t, "x"), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(text, "stablehlo.multiply", "stablehlo.no_such_operation", 1)
	_, err = e.program(wrong, pjrt.CompileOptions(compilerOptions(e.platform, e.info.Plugin)...))
	if err == nil {
		t.Fatal("no error for an unknown operation")
	}
	if got := locate(err, wrong).Error(); !strings.Contains(got, "in the line: %") || !strings.Contains(got, "stablehlo.no_such_operation") {
		t.Errorf("the error does not name the operation: %s", got)
	}
}

// TestWrongPlatform: a plugin for one platform is not taken for another.
func TestWrongPlatform(t *testing.T) {
	e := engineWith(t, t.TempDir())
	if _, err := Open("cuda", Config{Plugin: e.info.Plugin}); err == nil || !strings.Contains(err.Error(), "for cpu, not for cuda") {
		t.Errorf("error %v", err)
	}
	if _, err := Open("cpu", Config{Plugin: filepath.Join(t.TempDir(), "none.so")}); err == nil {
		t.Error("no error for a plugin that is not there")
	}
}
