//go:build cgo && (linux || darwin)

package xla

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// cache keeps compiled programs as files of a directory: entryMagic, the SHA-256 of the code, the code. What is damaged,
// cut off or of another plugin counts as not there. A cache that can not be read or written is an empty one.
type cache struct{ dir string }

// entryMagic begins an entry and names the version of its format.
const entryMagic = "drey-xla-program-1\n"

// cacheBytes bounds the directory; the entries that have not been used for longest make room. A sampler's programs take
// some 100 kB to a few MB each.
const cacheBytes = 1 << 30

// key returns the name of the entry for what decides about the code.
func (c cache) key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (c cache) path(key string) string { return filepath.Join(c.dir, key) }

// load returns the code of an entry, nil where there is none.
func (c cache) load(key string) []byte {
	b, err := os.ReadFile(c.path(key))
	if err != nil {
		return nil
	}
	sum, ok := bytes.CutPrefix(b, []byte(entryMagic))
	if !ok || len(sum) < sha256.Size {
		return nil
	}
	code := sum[sha256.Size:]
	if sha256.Sum256(code) != [sha256.Size]byte(sum) {
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(c.path(key), now, now) // it was used; no more depends on it than what makes room
	return code
}

// store writes an entry: another process sees the whole of it or nothing.
func (c cache) store(key string, code []byte) {
	if os.MkdirAll(c.dir, 0o755) != nil {
		return
	}
	c.makeRoom(int64(len(code)))
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return
	}
	sum := sha256.Sum256(code)
	_, err = f.Write(slices.Concat([]byte(entryMagic), sum[:], code))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path(key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

// makeRoom removes old entries until another n bytes fit.
func (c cache) makeRoom(n int64) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	total := n
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, f := range files {
		if total <= cacheBytes {
			return
		}
		if os.Remove(filepath.Join(c.dir, f.Name())) == nil {
			total -= f.Size()
		}
	}
}

// processor names the instructions that machine code for this processor may use: a cache can be shared between machines,
// and code for one of them may not run on another.
var processor = sync.OnceValue(func() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOOS
	}
	for _, line := range strings.Split(string(text), "\n") {
		name, value, _ := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); name == "flags" || name == "Features" {
			sum := sha256.Sum256([]byte(value))
			return "features " + hex.EncodeToString(sum[:4])
		}
	}
	return runtime.GOOS
})
