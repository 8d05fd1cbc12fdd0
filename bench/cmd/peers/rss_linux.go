package main

import (
	"os"
	"syscall"
)

// peakRSSMB returns the largest resident memory of an ended process in MB (10^6 bytes), or nil if the system did not say.
func peakRSSMB(state *os.ProcessState) *float64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return nil
	}
	mb := float64(usage.Maxrss) * 1024 / 1e6 // Linux counts in KiB: getrusage(2)
	return &mb
}
