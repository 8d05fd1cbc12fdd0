package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lock is the right to write a run directory. It ends with its process, however that ends.
type lock struct{ f *os.File }

// acquire locks dir for writing. Its error names the process that holds the lock.
func acquire(dir string) (*lock, error) {
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, diskError(path, err)
	}
	ok := false
	for try := 0; try < 3 && !ok && err == nil; try++ {
		if try > 0 {
			time.Sleep(5 * time.Millisecond) // inUse of another process holds the lock for some microseconds
		}
		ok, err = tryLock(f)
	}
	if ok {
		// The text is for people; on a full disk the lock holds without it.
		if err := f.Truncate(0); err == nil {
			_, _ = fmt.Fprintf(f, "process %d\n", os.Getpid())
		}
		return &lock{f}, nil
	}
	holder := holderName(f)
	_ = f.Close()
	if err != nil {
		return nil, fmt.Errorf("store: lock %s: %w", path, err)
	}
	return nil, inUseError(dir, holder)
}

// release gives the lock up. The file stays: removing it would let two processes lock two files of one name.
func (l *lock) release() error {
	if err := l.f.Close(); err != nil {
		return fmt.Errorf("store: unlock: %w", err)
	}
	return nil
}

// inUse returns the name of the process that writes dir, or "".
func inUse(dir string) string {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = os.Open(filepath.Join(dir, lockFile)) // a reader of another's run
	}
	if err != nil {
		return ""
	}
	defer f.Close()
	if ok, err := tryLock(f); ok || err != nil {
		return ""
	}
	return holderName(f)
}

func holderName(f *os.File) string {
	var b [64]byte
	n, _ := f.ReadAt(b[:], 0)
	if s := strings.TrimSpace(string(b[:n])); s != "" {
		return s
	}
	return "another process"
}

// ErrInUse is in the error for a directory that another process writes.
var ErrInUse = errors.New("in use")

func inUseError(dir, holder string) error {
	return fmt.Errorf("store: %s is %w by %s: wait for it, stop it, or choose another --out", dir, ErrInUse, holder)
}
