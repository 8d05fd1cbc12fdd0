package main

import (
	"fmt"
	"syscall"
)

// room returns the bytes that are left on the disk of a directory.
func room(dir string) (float64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("cluster: the disk of %s: %w", dir, err)
	}
	return float64(s.Bavail) * float64(s.Bsize), nil
}
