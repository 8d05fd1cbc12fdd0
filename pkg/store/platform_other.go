//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package store

import (
	"errors"
	"os"
	"syscall"
)

// tryLock always succeeds: these systems have no lock that ends with its process, and a stale one would be worse.
func tryLock(*os.File) (bool, error) { return true, nil }

// mapFile returns the content of the file, read whole.
func mapFile(path string) ([]byte, func(), error) {
	b, err := os.ReadFile(path)
	return b, func() {}, err
}

func syncDir(string) error { return nil }

func isDiskFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }
